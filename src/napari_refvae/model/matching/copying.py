"""The detail of matched places, laid over each other: what a reference would have where it matches.

Every match proposes the detail of its cell and the eight around it: the reference less the bicubic interpolation of
the reference made small in the same phase. A pixel therefore gets up to nine times `USED` proposals. Their weights
fall with the square of the distance, so an exact match decides alone, and poor ones are averaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from napari_refvae.resampling import interpolation_taps, outside_inference

if TYPE_CHECKING:
    from torch import Tensor

    from napari_refvae.model.matching.searching import Guide, Matches

__all__ = ["NOISE", "Proposals", "copy_detail"]

NOISE = (0.5 / 255) ** 2
"""Distance below which matches are alike: about what rounding an input to 8 bits does."""

SOFTNESS = 0.7
"""Standard deviation of a proposal's weight over its nine cells, in cells."""

BAND = 8
"""Rows of cells that are copied at a time: bounds memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """Weighted mean and variance of what the matches propose, both ``(1, 3, scale*h, scale*w)``."""

    mean: Tensor
    variance: Tensor


def copy_detail(guide: Guide, matches: Matches, size: tuple[int, int]) -> Proposals:
    """Lay the details of the matches of ``size[0] * size[1]`` cells, row by row, over each other."""
    (height, width), scale = size, guide.scale
    canvas = guide.pixels.new_zeros(1, 7, (height + 2) * scale, (width + 2) * scale)
    for top in range(0, height, BAND):
        rows = min(BAND, height - top)
        cells = slice(top * width, (top + rows) * width)
        pieces = _pieces(guide, matches.places[cells], matches.distances[cells])
        canvas[..., top * scale : (top + rows + 2) * scale, :] += _laid(pieces, (rows, width), scale)
    total, squares, weights = canvas[..., scale:-scale, scale:-scale].split((3, 3, 1), dim=1)
    weights = weights.clamp(min=torch.finfo(weights.dtype).tiny)
    mean = total / weights
    return Proposals(mean, (squares / weights - mean.square()).clamp(min=0))


def _pieces(guide: Guide, places: Tensor, distances: Tensor) -> Tensor:
    """What the matches ``(n, USED)`` of cells propose: weighted details, their squares, weights ``(n, 7, 3s, 3s)``."""
    side = 3 * guide.scale
    pieces = guide.pixels.new_zeros(len(places), 7, side, side)
    window = _window(guide.scale).to(pieces)
    for place, distance in zip(places.T, distances.T, strict=True):
        detail = _details(guide, place)
        weight = (NOISE / (distance.clamp(min=0) + NOISE)).square()[:, None, None, None] * window
        pieces[:, :3].addcmul_(detail, weight)
        pieces[:, 3:6].addcmul_(detail.square(), weight)
        pieces[:, 6:] += weight
    return pieces


def _details(guide: Guide, places: Tensor) -> Tensor:
    """The reference around places ``(n,)`` less its interpolation from the same phase: ``(n, 3, 3s, 3s)``."""
    (_, width), scale = guide.size, guide.scale
    steps = torch.arange(-scale, 2 * scale, device=places.device)
    flat = ((places // width)[:, None] + steps)[:, :, None] * width + ((places % width)[:, None] + steps)[:, None]
    pixels = guide.pixels[:, flat].movedim(0, 1)
    small = guide.small_around(places, 3).unflatten(-1, (7, 7))
    matrix = _interpolation(scale).to(small)
    return pixels - matrix @ small @ matrix.T


def _laid(pieces: Tensor, size: tuple[int, int], scale: int) -> Tensor:
    """Sum of pieces ``(n, C, 3s, 3s)``, one a cell, where they belong: ``(1, C, s*(h+2), s*(w+2))``."""
    height, width = size
    columns = pieces.flatten(1).T[None]
    return functional.fold(columns, ((height + 2) * scale, (width + 2) * scale), 3 * scale, stride=scale)


@lru_cache(maxsize=4)
@outside_inference
def _interpolation(scale: int) -> Tensor:
    """Bicubic interpolation of three cells from them and the two on either side: ``(3s, 7)``."""
    matrix = torch.zeros(3 * scale, 7)
    for cell in range(3):
        matrix[cell * scale : (cell + 1) * scale, cell : cell + 5] = interpolation_taps(scale)
    return matrix


@lru_cache(maxsize=4)
@outside_inference
def _window(scale: int) -> Tensor:
    """A Gaussian over the three by three cells: ``(3s, 3s)``."""
    offset = (torch.arange(3 * scale) + 0.5) / scale - 1.5
    line = torch.exp(-offset.square() / (2 * SOFTNESS**2))
    return line[:, None] * line
