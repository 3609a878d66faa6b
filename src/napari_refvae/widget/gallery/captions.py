"""What a gallery says of its pictures, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_refvae.widget.shortcuts import KEEP, NEXT_SAMPLE, PREVIOUS_SAMPLE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from napari_refvae.widget.results.runs import SampleLayers

__all__ = ["hint", "in_words", "known_of"]

HINT = "Hover to preview, click to show. A click also makes it the second of the pair below, Shift+click the first."

KEYS = {PREVIOUS_SAMPLE: "the sample before", NEXT_SAMPLE: "the next one", KEEP: "keep the one shown"}


def hint(bound: Collection[str]) -> str:
    """What can be done with a thumbnail, and which of the ``bound`` keys do what."""
    named = [f"{key}: {what}" for key, what in KEYS.items() if key in bound]
    return "\n".join([HINT, *(["Keys, in the canvas: " + ", ".join(named)] if named else [])])


def known_of(sample: SampleLayers | None, several: bool) -> list[str]:
    """Consistency of a sample, and its reference where there are ``several``; one line each."""
    if sample is None:
        return []
    psnr = f"LR-PSNR {sample.lr_psnr:.1f} dB" if math.isfinite(sample.lr_psnr) else "LR-PSNR exact"
    return [sample.reference, psnr] if several else [psnr]


def in_words(scores: Mapping[str, float]) -> list[str]:
    """The scores, each in one short line."""
    lines = []
    if "psnr" in scores:
        lines.append(f"PSNR {scores['psnr']:.2f} dB" if math.isfinite(scores["psnr"]) else "PSNR: equal")
    if "ssim" in scores:
        lines.append(f"SSIM {scores['ssim']:.3f}")
    return lines
