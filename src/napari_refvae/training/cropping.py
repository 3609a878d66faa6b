"""From a place in a photograph to the square of pixels that training sees.

A crop is cut at its own size from the stored photograph, reduced, mirrored and turned. On the CPU Pillow does this,
one crop after the other; on a GPU all crops of a batch travel as uint8 and become images there, by two small
matrices each. Both are antialiased bicubic reduction (a = -0.5); Pillow rounds to 8 bits, which the GPU does too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from PIL import Image

from napari_refvae.resampling import cubic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["Crop", "draw_crop", "render"]


class Crop(NamedTuple):
    """A square ``(s, s, 3)`` uint8 of a photograph, to be turned so many times by 90 degrees and then mirrored."""

    pixels: NDArray[np.uint8]
    turns: int
    mirrored: bool

    @property
    def contrast(self) -> float:
        """Standard deviation of the luminance, 0..255, on every fourth pixel."""
        return float(self.pixels[::4, ::4].mean(axis=2).std())


def draw_crop(photo: NDArray[np.uint8], size: int, factor: float, rng: Generator) -> Crop:
    """A random square that holds ``size`` pixels a side of the photograph reduced by ``factor``."""
    height, width = photo.shape[:2]
    source = min(round(size / factor), height, width)
    y, x = rng.integers(height - source + 1), rng.integers(width - source + 1)
    return Crop(photo[y : y + source, x : x + source], int(rng.integers(4)), bool(rng.random() < 0.5))


def render(crops: Sequence[Crop], size: int, device: torch.device) -> Tensor:
    """Images ``(B, 3, size, size)`` in 0..1 on a device."""
    return _by_pillow(crops, size) if device.type == "cpu" else by_matrices(crops, size, device)


def _by_pillow(crops: Sequence[Crop], size: int) -> Tensor:
    images = []
    for pixels, turns, mirrored in crops:
        if len(pixels) != size:
            pixels = np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC))
        pixels = np.rot90(pixels, turns)
        images.append(np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels))
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(torch.float32) / 255


def by_matrices(crops: Sequence[Crop], size: int, device: torch.device) -> Tensor:
    """`render` with everything after the cutting done on the device, all crops at once."""
    largest = max(len(crop.pixels) for crop in crops)
    canvas = np.zeros((len(crops), largest, largest, 3), np.uint8)
    for row, crop in zip(canvas, crops, strict=True):
        row[: len(crop.pixels), : len(crop.pixels)] = crop.pixels
    stored = torch.from_numpy(canvas).to(device).permute(0, 3, 1, 2).to(torch.float32)
    sides = torch.tensor([len(crop.pixels) for crop in crops], device=device)
    matrix = _reductions(sides, size, largest)[:, None]  # (B, 1, size, largest)
    rows = (stored @ matrix.mT).round().clamp(0, 255)
    image = (matrix @ rows).round().clamp(0, 255) / 255
    turns = torch.tensor([crop.turns for crop in crops], device=device)
    mirrored = torch.tensor([crop.mirrored for crop in crops], device=device)
    return _turned(image, turns, mirrored)


def _reductions(sides: Tensor, size: int, largest: int) -> Tensor:
    """Antialiased bicubic reduction from ``sides (B,)`` to ``size`` pixels as ``(B, size, largest)``."""
    step = sides[:, None, None] / size
    centre = (torch.arange(size, device=sides.device)[None, :, None] + 0.5) * step
    place = torch.arange(largest, device=sides.device)[None, None] + 0.5
    taps = cubic((place - centre) / step.clamp(min=1)) * (place < sides[:, None, None])
    return taps / taps.sum(dim=-1, keepdim=True)


def _turned(image: Tensor, turns: Tensor, mirrored: Tensor) -> Tensor:
    """Each image ``(B, C, n, n)`` turned ``turns`` times by 90 degrees and then mirrored, as numpy does."""
    for count in (1, 2, 3):
        image = torch.where((turns == count)[:, None, None, None], image.rot90(count, (-2, -1)), image)
    return torch.where(mirrored[:, None, None, None], image.flip(-1), image)
