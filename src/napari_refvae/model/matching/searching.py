"""Where a reference looks like the input: nearest patches of the reference made small, in all of its phases.

A patch is the 5 x 5 input pixels around a cell, weighted by a Gaussian; its mean colour counts less than its structure.
The search goes from coarse to fine: all places on a grid, then the neighbours of the best at ever smaller steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from napari_refvae.resampling import down_taps, symmetric_indices

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["QUERIES", "REACH", "USED", "Guide", "Matches", "extended", "find_matches", "grid_places", "smallest_guide"]

REACH = 2
"""Input pixels that a patch reaches beyond its cell."""

WIDTH = 2 * REACH + 1
SIGMA = 1.2
"""Of the Gaussian that weighs a patch's pixels, in input pixels."""

COLOUR = 0.5
"""Weight of a patch's mean colour against its structure."""

STRIDE, WIDE_STRIDE = 4, 8
"""Of the coarse grid, in pixels of the reference: the second where the first would have more than `MOST_PLACES`."""

MOST_PLACES = 2**16
KEPT, USED = 8, 6
"""Matches that are refined, and those that are used."""

QUERIES = 256
"""Cells that are searched at a time: bounds memory."""

SAME = 1
"""Two matches no further apart than this, in pixels of the reference, are one."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The best places of a reference for ``n`` cells, nearest first.

    Attributes
    ----------
    places
        ``(n, USED)`` int64.
    distances
        ``(n, USED)`` float32: mean squared difference of the weighted patches. Infinite where there is no other match.
    """

    places: Tensor
    distances: Tensor


class Guide:
    """A reference, ready to be searched.

    Parameters
    ----------
    pixels
        ``(1, 3, H, W)`` in 0..1, at least `smallest_guide` a side.
    scale
        Pixels of the reference per input pixel and axis.

    Attributes
    ----------
    size
        Height and width.
    pixels
        ``(3, H * W)``.
    small
        ``(3, H * W)``: what D gives for the cell that begins at each pixel.
    """

    def __init__(self, pixels: Tensor, scale: int) -> None:
        self.scale = scale
        self.size = int(pixels.shape[-2]), int(pixels.shape[-1])
        self.pixels = pixels[0].reshape(3, -1)
        self.small = _small_in_all_phases(pixels, scale)[0].reshape(3, -1)
        self.stride = _stride(self.size, scale)
        rows, columns = (torch.arange(*steps, device=pixels.device) for steps in _steps(self.size, scale, self.stride))
        self.grid = (rows[:, None] * self.size[1] + columns).flatten()
        self.described = self.describe(self.grid)

    def describe(self, places: Tensor) -> Tensor:
        """Patches around places ``(...)`` as rows ``(..., D)`` whose squared difference is the distance."""
        return _described(self.small_around(places, REACH))

    def small_around(self, places: Tensor, reach: int) -> Tensor:
        """The reference made small around places ``(...)``: ``(..., 3, n * n)`` with n = 2 * reach + 1."""
        height, width = self.size
        steps = torch.arange(-reach, reach + 1, device=places.device) * self.scale
        rows = _folded((places // width)[..., None] + steps, height)
        columns = _folded((places % width)[..., None] + steps, width)
        flat = (rows[..., :, None] * width + columns[..., None, :]).flatten(-2)
        return self.small[:, flat].movedim(0, -2)

    def moved(self, places: Tensor, step: int) -> Tensor:
        """Places and their eight neighbours ``step`` pixels away: ``(..., 9)``, kept within the reference."""
        width = self.size[1]
        steps = torch.tensor([-step, 0, step], device=places.device)
        first, (bottom, right) = self.scale, (side - 2 * self.scale for side in self.size)
        rows = ((places // width)[..., None] + steps).clamp(first, bottom)
        columns = ((places % width)[..., None] + steps).clamp(first, right)
        return (rows[..., :, None] * width + columns[..., None, :]).flatten(-2)


def smallest_guide(scale: int) -> int:
    """The least side of a reference that can be searched, in its pixels: a cell and those around it."""
    return 3 * scale


def grid_places(size: tuple[int, int], scale: int) -> int:
    """How many places of a reference of ``size`` a cell is compared with before the search becomes fine."""
    rows, columns = (len(range(*steps)) for steps in _steps(size, scale, _stride(size, scale)))
    return rows * columns


def find_matches(guide: Guide, patches: Tensor) -> Matches:
    """The best places for patches ``(n, 3, 25)`` of the input."""
    found = [_search(guide, _described(part)) for part in patches.split(QUERIES)]
    places, distances = (torch.cat(parts) for parts in zip(*found, strict=True))
    return Matches(places, distances)


def extended(lr: Tensor, reach: int = REACH) -> Tensor:
    """``(1, 3, h, w)`` with ``reach`` more pixels on all sides, by half-sample symmetry."""
    for axis in (-2, -1):
        length = lr.shape[axis]
        lr = lr.index_select(axis, symmetric_indices(-reach, length + reach, length).to(lr.device))
    return lr


def _stride(size: tuple[int, int], scale: int) -> int:
    rows, columns = (len(range(*steps)) for steps in _steps(size, scale, STRIDE))
    return STRIDE if rows * columns <= MOST_PLACES else WIDE_STRIDE


def _steps(size: tuple[int, int], scale: int, stride: int) -> list[tuple[int, int, int]]:
    """First place, end and stride along each axis: a cell and those around it must lie within."""
    return [(scale, side - 2 * scale + 1, stride) for side in size]


def _search(guide: Guide, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Rows ``(n, D)`` to places and distances, each ``(n, USED)``."""
    kept = min(KEPT, guide.grid.numel())
    ours, theirs = wanted.square().sum(1, keepdim=True), guide.described.square().sum(1)
    coarse = ours + theirs - 2 * wanted @ guide.described.T
    distances, index = coarse.topk(kept, dim=1, largest=False)
    places, step = guide.grid[index], guide.stride // 2
    while step:
        near = guide.moved(places, step)  # (n, kept, 9)
        off = (guide.describe(near) - wanted[:, None, None]).square().sum(-1)
        distances, best = off.min(-1)
        places = near.gather(-1, best[..., None])[..., 0]
        step //= 2
    places, distances = _without_twins(places, distances, guide.size[1])
    return _padded(places, distances / (3 * WIDTH**2))


def _without_twins(places: Tensor, distances: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Sorted, nearest first; what is next to a better match comes last, infinitely far."""
    distances, order = distances.sort(dim=1, stable=True)
    places = places.gather(1, order)
    rows, columns = places // width, places % width
    for one in range(1, places.shape[1]):
        apart = (rows[:, :one] - rows[:, [one]]).abs() + (columns[:, :one] - columns[:, [one]]).abs()
        twin = ((apart <= SAME) & distances[:, :one].isfinite()).any(1)
        distances[:, one] = torch.where(twin, torch.inf, distances[:, one])
    distances, order = distances.sort(dim=1, stable=True)
    return places.gather(1, order), distances


def _padded(places: Tensor, distances: Tensor) -> tuple[Tensor, Tensor]:
    """`USED` columns: of a tiny reference the last match again, infinitely far."""
    lacking = USED - places.shape[1]
    if lacking > 0:
        places = torch.cat([places, places[:, -1:].expand(-1, lacking)], dim=1)
        distances = functional.pad(distances, (0, lacking), value=torch.inf)
    return places[:, :USED], distances[:, :USED]


def _described(patches: Tensor) -> Tensor:
    """``(..., 3, 25)`` to rows: structure, weighted, then mean colour."""
    offsets = torch.arange(-REACH, REACH + 1, device=patches.device, dtype=patches.dtype)
    line = torch.exp(-offsets.square() / (2 * SIGMA**2))
    weights = (line[:, None] * line).flatten()
    weights = weights / weights.mean()
    mean = (patches * weights).mean(-1, keepdim=True)
    structure = (patches - mean) * weights.sqrt()
    return torch.cat([structure.flatten(-2), COLOUR * WIDTH * mean[..., 0]], dim=-1)


def _small_in_all_phases(pixels: Tensor, scale: int) -> Tensor:
    """``(1, 3, H, W)`` to the same size: D of the cell that begins at each pixel, borders mirrored."""
    taps = down_taps(scale).to(pixels)
    before = (len(taps) - scale) // 2
    for _ in range(2):  # each turn filters the last axis and lays the other one there
        length = pixels.shape[-1]
        index = symmetric_indices(-before, length + len(taps) - before - 1, length).to(pixels.device)
        wide = pixels.index_select(-1, index)
        lines = functional.conv1d(wide.reshape(-1, 1, wide.shape[-1]), taps[None, None])
        pixels = lines.reshape(*pixels.shape).transpose(-1, -2)
    return pixels.contiguous()


def _folded(index: Tensor, length: int) -> Tensor:
    """Indices of a half-sample symmetric extension, folded into ``0..length-1``."""
    index = index % (2 * length)
    return torch.where(index < length, index, 2 * length - 1 - index)
