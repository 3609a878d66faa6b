"""What a gallery says of its pictures, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_refvae.widget.shortcuts import KEEP, NEXT_SAMPLE, PREVIOUS_SAMPLE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from napari_refvae.widget.results.run import SampleLayers

__all__ = ["consistency", "hint", "in_words", "known_of"]

HINT = "Hover to preview, click to show. A click also makes it the second of the pair below, Shift+click the first."

KEYS = {PREVIOUS_SAMPLE: "the sample before", NEXT_SAMPLE: "the next one", KEEP: "keep the one shown"}


CONSISTENCY = (
    "LR-PSNR: how well a sample, made small again, gives the input back.\n"
    "At 48 dB it is off by one of 255 levels (root mean square); exact: by nothing that can be computed."
)

VAST = 100.0
"""dB; more is the rounding of floats, and no number that says anything."""


def hint(bound: Collection[str]) -> str:
    """What can be done with a thumbnail, and which of the ``bound`` keys do what."""
    named = [f"{key}: {what}" for key, what in KEYS.items() if key in bound]
    return "\n".join([HINT, *(["Keys, in the canvas: " + ", ".join(named)] if named else []), CONSISTENCY])


def consistency(lr_psnr: float) -> str:
    """How well a sample gives the input back, in a few words."""
    if math.isinf(lr_psnr):
        return "LR-PSNR: exact"
    return f"LR-PSNR {lr_psnr:.1f} dB" if lr_psnr <= VAST else f"LR-PSNR over {VAST:.0f} dB"


def known_of(sample: SampleLayers | None, several: bool) -> list[str]:
    """Consistency of a sample, and its reference where there are ``several``; one line each."""
    if sample is None:
        return []
    psnr = consistency(sample.lr_psnr)
    return [sample.reference, psnr] if several else [psnr]


def in_words(scores: Mapping[str, float]) -> list[str]:
    """The scores, each in one short line."""
    lines = []
    if "psnr" in scores:
        lines.append(f"PSNR {scores['psnr']:.2f} dB" if math.isfinite(scores["psnr"]) else "PSNR: equal")
    if "ssim" in scores:
        lines.append(f"SSIM {scores['ssim']:.3f}")
    return lines
