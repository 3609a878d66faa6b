"""What a gallery says of its pictures, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_refvae.widget.shortcuts import KEEP, NEXT_SAMPLE, PREVIOUS_SAMPLE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from napari_refvae.widget.gallery.groups import RunGroup
    from napari_refvae.widget.gallery.scores import Scores

__all__ = ["Captions", "consistency", "in_words"]

HINT = "Hover to preview, click to show. A click also makes it the second of the pair below, Shift+click the first."

KEYS = {PREVIOUS_SAMPLE: "the sample before", NEXT_SAMPLE: "the next one", KEEP: "keep the one shown"}


CONSISTENCY = (
    "LR-PSNR: how well a sample, made small again, gives the input back.\n"
    "At 48 dB it is off by one of 255 levels (root mean square); exact: by nothing that can be computed."
)

DISTANCE = "VGG: the distance to the ground truth as the network VGG-19 sees it. It is not LPIPS; lower is nearer."

VAST = 100.0
"""dB; more is the rounding of floats, and no number that says anything."""


class Captions:
    """What stands below a thumbnail, and in its tooltip.

    Parameters
    ----------
    bound
        The keys that work in the canvas.
    scores
        Against the ground truths.
    """

    def __init__(self, bound: Collection[str], scores: Scores) -> None:
        named = ", ".join(f"{key}: {what}" for key, what in KEYS.items() if key in bound)
        self._hint = "\n".join([HINT, *([f"Keys, in the canvas: {named}"] if named else []), CONSISTENCY])
        self._scores = scores

    def of(self, group: RunGroup, key: str) -> tuple[list[str], str]:
        """Lines and tooltip of a picture."""
        run, sample, lines = group.leading, group.sample(key), []
        if sample is not None:
            several = len({one.reference for one in group.samples.values()}) > 1
            lines = [*([sample.reference] if several else []), consistency(group.consistency(sample.index))]
        lines += in_words(self._scores.of(run, key))
        if run.truth is None:
            return lines, self._hint
        problem = self._scores.problem(run, key)
        told = [self._scores.reason(run) or DISTANCE, *([f"Could not be measured: {problem}"] if problem else [])]
        return lines, "\n".join([self._hint, *told])


def consistency(lr_psnr: float) -> str:
    """How well a sample gives the input back, in a few words."""
    if math.isinf(lr_psnr):
        return "LR-PSNR: exact"
    return f"LR-PSNR {lr_psnr:.1f} dB" if lr_psnr <= VAST else f"LR-PSNR over {VAST:.0f} dB"


def in_words(scores: Mapping[str, float]) -> list[str]:
    """The scores, each in one short line."""
    lines = []
    if "psnr" in scores:
        lines.append(f"PSNR {scores['psnr']:.2f} dB" if math.isfinite(scores["psnr"]) else "PSNR: equal")
    if "ssim" in scores:
        lines.append(f"SSIM {scores['ssim']:.3f}")
    if "vgg" in scores:
        lines.append(f"VGG {scores['vgg']:.3f}")
    return lines
