"""A sample's noise field for an image of any size: the same numbers as in memory, kept on the disk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_refvae.engine.latents import draw_noise
from napari_refvae.imageio.writing import output_errors

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_refvae.model.doors import LatentLayout
    from napari_refvae.regions import Region

__all__ = ["FILE", "NoiseField", "field_bytes"]

FILE = "noise.f32"
"""What a field that does not stay in memory is called."""

IN_MEMORY = 2**22
"""Numbers of a field that is drawn at once and kept in memory: 16 MB."""

PART = 2**20
"""Numbers that are drawn at a time for a larger one; torch draws sixteen together, so this is a multiple of that."""

LEAST_PART = 16


def field_bytes(layout: LatentLayout, size: tuple[int, int]) -> int:
    """Bytes of a field that goes to the disk; 0 for those that stay in memory."""
    count = math.prod((layout.noise, *size))
    return 4 * count if count > IN_MEMORY else 0


class NoiseField:
    """The standard normal numbers of one sample on the grid of a whole image.

    Parameters
    ----------
    layout
        Of the model's latents.
    size
        Of the image.
    seed
        Of the sample.
    path
        Of a file that a field too large for memory goes to; replaced if it is there.

    Attributes
    ----------
    code
        ``(1, code)`` float32.
    """

    def __init__(self, layout: LatentLayout, size: tuple[int, int], seed: int, path: Path) -> None:
        self._shape = (layout.noise, *size)
        self._path: Path | None = None
        self._field: NDArray[np.float32] | None = None
        if math.prod(self._shape) <= IN_MEMORY:
            noise = draw_noise(layout, size, seed)
            self.code: NDArray[np.float32] = noise.code.numpy()
            self._field = noise.field.numpy()[0]
        else:
            generator = _generator(seed)
            self.code = torch.randn(1, layout.code, generator=generator).numpy()
            self._draw(generator, path)

    def _draw(self, generator: torch.Generator, path: Path) -> None:
        left = math.prod(self._shape)
        with output_errors(path), path.open("wb") as file:
            while left:
                part = PART if left >= PART + LEAST_PART else left
                file.write(torch.randn(part, generator=generator).numpy().data)
                left -= part
        self._path = path

    def window(self, region: Region) -> NDArray[np.float32]:
        """``(1, noise, h, w)`` of a part of the image."""
        if self._field is not None:
            return np.ascontiguousarray(self._field[(slice(None), *region.slices)][None])
        assert self._path is not None  # drawn into one of the two
        channels, height, width = self._shape
        made = np.empty((1, channels, region.height, region.width), np.float32)
        with output_errors(self._path), self._path.open("rb", buffering=0) as file:
            for channel in range(channels):
                for row in range(region.height):
                    file.seek(4 * ((channel * height + region.y + row) * width + region.x))
                    made[0, channel, row] = np.fromfile(file, np.float32, region.width)
        return made


def _generator(seed: int) -> torch.Generator:
    """As `draw_noise` has it, whose numbers these are."""
    state = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state & (2**63 - 1))
