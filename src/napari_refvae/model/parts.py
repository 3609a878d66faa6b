"""No more pixels than are needed, and few at a time.

Layers on strips: the activations of a network's finest grids take most memory, and need little context.

Strips also are faster. What a processor's cache holds need not be fetched again, and blocks of memory that are freed
stay with the process: glibc gives those of 32 MiB and more back, and has them cleared page by page the next time.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from napari_refvae.regions import Region

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["GRID_BYTES", "STRIP_BYTES", "Cropped", "in_strips", "row_cuts", "strip_rows"]

STRIP_BYTES = 8 * 2**20
"""Of a strip's widest activation."""

GRID_BYTES = 6 * STRIP_BYTES
"""Of the largest grid that is held whole between two layers, for some rows of the image."""

FEWEST_ROWS = 8
"""Thinner strips would be mostly context."""


class Cropped:
    """Features on a grid of which only a part matters in the end, and around it only what layers still look at.

    Parameters
    ----------
    values
        ``(N, C, h, w)`` of the whole grid.
    part
        What matters, in pixels of this grid; None: all.

    Attributes
    ----------
    values
        Of what is still held; layers that keep its size may be applied.
    """

    def __init__(self, values: Tensor, part: Region | None) -> None:
        self.values = values
        height, width = values.shape[-2:]
        self._held = Region(0, 0, height, width)
        self._whole, self._part = self._held, part or self._held

    @property
    def slices(self) -> tuple[slice, slice]:
        """Where in the whole grid that lies which is held."""
        return self._held.slices

    def around(self, margin: int) -> Tensor:
        """Hold the part and ``margin`` pixels around it, and let go of the rest; gives the values."""
        held = self._part.padded(margin, (self._whole.height, self._whole.width))
        if held != self._held:
            self.values = self.values[..., *held.relative_to(self._held).slices]
            self._held = held
        return self.values

    def enlarged(self, values: Tensor, scale: int) -> None:
        """Go on with ``values`` on a grid ``scale`` times as fine."""
        self.values = values
        self._held, self._whole, self._part = (region.scaled(scale) for region in (self._held, self._whole, self._part))


def strip_rows(x: Tensor, channels: int, most: int) -> int:
    """How many rows of a grid like that of ``x`` a strip has, if ``channels`` of them may take ``most`` bytes."""
    row = x.shape[0] * x.shape[-1] * channels * x.element_size()
    return max(FEWEST_ROWS, most // row)


def in_strips(layers: Callable[[Tensor], Tensor], x: Tensor, *, rows: int, reach: int, step: int = 1) -> Tensor:
    """Apply layers to equal strips of full width, each seen with its context.

    Parameters
    ----------
    layers
        From ``(N, C, h, w)`` to ``(N, D, H, W)``, where H is a multiple or an integer fraction of h, whatever h.
    x
        ``(N, C, h, w)``.
    rows
        Of a strip at most, besides its context; an ``x`` with no more is taken at once.
    reach
        How many rows of context ``layers`` look at; with them, the strips are those of the whole. A multiple of
        ``step``.
    step
        Strips begin at multiples of this many rows: of pooling layers the factor by which they make a grid coarser.

    Returns
    -------
    Tensor
        As ``layers(x)``; channels_last if it was cut.
    """
    height = x.shape[-2]
    if height <= rows:
        return layers(x)
    whole: Tensor | None = None
    for top, bottom in pairwise(row_cuts(height, rows, step)):
        first, last = max(0, top - reach), min(height, bottom + reach)
        made = layers(x[..., first:last, :])
        up, down = max(1, made.shape[-2] // (last - first)), max(1, (last - first) // made.shape[-2])
        if whole is None:
            whole = _empty_like(made, height * up // down)
        begin, end = top * up // down, bottom * up // down
        shift = first * up // down
        whole[..., begin:end, :] = made[..., begin - shift : end - shift, :]
    assert whole is not None
    return whole


def row_cuts(height: int, rows: int, step: int = 1) -> list[int]:
    """Where equal strips of at most ``rows``, or a little more, begin, at multiples of ``step``; and the end."""
    count = math.ceil(height / rows)
    return [height * index // count // step * step for index in range(count)] + [height]


def _empty_like(made: Tensor, height: int) -> Tensor:
    size = (*made.shape[:2], height, made.shape[-1])
    return torch.empty(size, dtype=made.dtype, device=made.device, memory_format=torch.channels_last)
