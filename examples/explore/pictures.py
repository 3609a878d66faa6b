"""What the scripts beside this share: a photograph, its small version, and sheets of named pictures."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

from napari_refvae.metrics import low_resolution

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.explore import Sample

    Pixels = NDArray[np.uint8]

COLUMNS = 4
BAR = 22
"""Pixels above a picture, for its name."""


def photograph() -> tuple[Pixels, Pixels]:
    """The face of a cat, 256 x 320 pixels, and an eighth as large: 32 x 40."""
    truth = np.ascontiguousarray(data.chelsea()[20:276, 90:410])
    return truth, low_resolution(truth)


def consistent(sample: Sample) -> str:
    """How well a sample gives the small image back."""
    return "exact" if math.isinf(sample.lr_psnr) else f"{sample.lr_psnr:.0f} dB"


def change(one: Pixels, other: Pixels, gain: float = 8.0) -> Pixels:
    """The difference of two images as a picture: grey where they agree."""
    return np.clip(128 + gain * (one.astype(float) - other), 0, 255).astype(np.uint8)


def write(name: str, pictures: dict[str, Pixels]) -> None:
    """Pictures of one size in rows, each with its name, into a folder: the first argument, or ``exploration``."""
    height, width = next(iter(pictures.values())).shape[:2]
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * width, rows * (height + BAR)), "white")
    for place, (caption, picture) in enumerate(pictures.items()):
        top, left = place // columns * (height + BAR), place % columns * width
        page.paste(Image.fromarray(picture), (left, top + BAR))
        ImageDraw.Draw(page).text((left + 4, top + 5), caption, fill="black")
    path = folder() / f"{name}.png"
    page.save(path)
    print(f"Wrote {path}")


def folder() -> Path:
    """Where to write; made if it is not there."""
    made = Path(sys.argv[1] if len(sys.argv) > 1 else "exploration")
    made.mkdir(parents=True, exist_ok=True)
    return made
