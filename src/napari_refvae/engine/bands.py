"""D, its right inverse, the interpolation and the projection of planes, in place and band by band: the fast path.

`napari_refvae.resampling` defines these operators and serves training, which needs gradients and has small images.
Here the same matrices are applied to a few LR rows or columns at a time. All of them are banded, so each band is one
small dense product, whose sum goes where it belongs without a copy; planes of a window's size stay in the processor's
cache meanwhile.

Planes are float32 tensors of lines, ``(H, C, W)``: the first lines of all planes, then the second ones. So a band
of all of them is one product too: many small ones would leave a second core idle. ``(H, W)`` is one plane.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import torch

from napari_refvae.resampling import INVERSE_RADIUS, RELAXATION, down_matrix, outside_inference, settled, spread_matrix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

__all__ = ["add_bicubic", "downsample_planes", "project_planes"]

Kind = Literal["down", "adjoint", "bicubic", "inverse"]

Bands = tuple[tuple[slice, slice, "Tensor"], ...]
"""Of one axis: what is written, what is read, and the matrix from this to that."""

REACH = 2
"""LR pixels that D, its adjoint and the interpolation look beyond an LR pixel's own."""

ROWS, COLUMNS = 8, 32
"""LR pixels in a band on a CPU, down and across: larger bands multiply more zeros, smaller ones take more calls."""

LARGE = 128
"""LR pixels in a band of (DD')^-1, which reaches far and is small, and of all operators on a GPU."""

ROUNDS = 8
"""How often projection and clamping alternate at most."""


def project_planes(sr: Tensor, lr: Tensor, scale: int, bounds: tuple[float, float]) -> float:
    """Move planes to the nearest ones that down-sample to ``lr``, in place: `napari_refvae.resampling.project`.

    Parameters
    ----------
    sr
        ``(scale*h, C, scale*w)``, contiguous; overwritten.
    lr
        ``(h, C, w)``, contiguous.
    scale
        HR pixels per LR pixel and axis.
    bounds
        Least and greatest value that the output may hold.

    Returns
    -------
    float
        How far LR pixels were off at most; not finite if ``sr`` held such values.
    """
    off = lr - downsample_planes(sr, scale)
    most, factor = float(off.abs().max()), 1.0
    for left in reversed(range(ROUNDS)):
        off = lr - _add_smallest(sr, off, scale, factor, bounds)
        if float(off.abs().max()) < settled(off.dtype):
            return most
        factor = RELAXATION if left else 1.0
    _add_smallest(sr, off, scale, factor, bounds)
    return most


def downsample_planes(hr: Tensor, scale: int) -> Tensor:
    """Apply D: ``(scale*h, C, scale*w)``, contiguous, to ``(h, C, w)``."""
    down = _Down(hr, scale)
    down.advance(hr.shape[0])
    return down.small()


def add_bicubic(hr: Tensor, lr: Tensor, scale: int) -> None:
    """Add the bicubic interpolation of ``lr`` to planes, in place."""
    for _ in _add_spread(hr, lr, scale, "bicubic", 1.0):
        pass


def _add_smallest(hr: Tensor, lr: Tensor, scale: int, factor: float, bounds: tuple[float, float]) -> Tensor:
    """Add ``factor`` times U lr = D'(DD')^-1 lr and clamp, in place; gives what the planes down-sample to then.

    All in one pass over the planes, while a band is in the processor's nearest cache.
    """
    across, both = torch.empty_like(lr), torch.empty_like(lr)
    _across("inverse", lr, across, lr.shape[-1], scale, LARGE)
    rows, made = _lines(across), _lines(both)
    for written, read, matrix in _bands("inverse", lr.shape[0], scale, lr.device, LARGE):
        torch.mm(matrix, rows[read], out=made[written])
    down = _Down(hr, scale)
    for written in _add_spread(hr, both, scale, "adjoint", factor):
        hr[written].clamp_(*bounds)
        down.advance(written.stop)
    return down.small()


def _add_spread(hr: Tensor, lr: Tensor, scale: int, kind: Kind, factor: float) -> Iterator[slice]:
    """Add to planes, in place, what an operator makes of ``lr``, band by band; gives the lines of each."""
    wide = hr.new_empty(lr.shape[0], *hr.shape[1:])
    _across(kind, lr, wide, lr.shape[-1], scale, COLUMNS)
    rows, fine = _lines(wide), _lines(hr)
    for written, read, matrix in _bands(kind, lr.shape[0], scale, lr.device, ROWS):
        place = fine[written]
        torch.addmm(place, matrix, rows[read], alpha=factor, out=place)
        yield written


class _Down:
    """D of planes whose lines become final from the first to the last."""

    def __init__(self, hr: Tensor, scale: int) -> None:
        self._rows, self._scale = _lines(hr), scale
        self._low = hr.new_empty(hr.shape[0] // scale, *hr.shape[1:])
        self._left = deque(_bands("down", self._low.shape[0], scale, hr.device, ROWS))

    def advance(self, lines: int) -> None:
        """So many of the first lines are final."""
        low = _lines(self._low)
        while self._left and self._left[0][1].stop <= lines:
            written, read, matrix = self._left.popleft()
            torch.mm(matrix, self._rows[read], out=low[written])

    def small(self) -> Tensor:
        """What the planes down-sample to, once all lines are final."""
        width = self._low.shape[-1] // self._scale
        small = self._low.new_empty(*self._low.shape[:-1], width)
        _across("down", self._low, small, width, self._scale, COLUMNS)
        return small


def _across(kind: Kind, before: Tensor, after: Tensor, length: int, scale: int, size: int) -> None:
    """Apply an operator along the last axis, of ``length`` LR pixels."""
    lines, made = before.view(-1, before.shape[-1]), after.view(-1, after.shape[-1])
    for written, read, matrix in _bands(kind, length, scale, before.device, size):
        torch.mm(lines[:, read], matrix.T, out=made[:, written])


def _lines(planes: Tensor) -> Tensor:
    """The lines of all planes side by side; a view, or it would be in vain to write there."""
    return planes.view(planes.shape[0], -1)


@lru_cache(maxsize=256)
@outside_inference
def _bands(kind: Kind, length: int, scale: int, device: torch.device, size: int) -> Bands:
    """An operator along an axis of ``length`` LR pixels, cut into bands of ``size``.

    Far from the borders all bands have one matrix, and at a border that of a shorter axis: so that of a short axis is
    made, and all are cut out of it.
    """
    size = size if device.type == "cpu" else LARGE
    reach = INVERSE_RADIUS if kind == "inverse" else REACH
    short = size + 3 * reach
    if length <= short:
        size = short = length
    written, read = {"down": (1, scale), "inverse": (1, 1)}.get(kind, (scale, 1))
    found = []
    for start in range(0, length, size):
        stop = min(start + size, length)
        first, last = max(0, start - reach), min(length, stop + reach)
        shift = 0 if first == 0 else length - short if last == length else first
        rows, columns = _scaled(start, stop, shift, written), _scaled(first, last, shift, read)
        matrix = _part(kind, short, scale, device, rows, columns)
        found.append((slice(start * written, stop * written), slice(first * read, last * read), matrix))
    return tuple(found)


def _scaled(start: int, stop: int, shift: int, factor: int) -> tuple[int, int]:
    return (start - shift) * factor, (stop - shift) * factor


@lru_cache(maxsize=256)
@outside_inference
def _part(
    kind: Kind, length: int, scale: int, device: torch.device, rows: tuple[int, int], columns: tuple[int, int]
) -> Tensor:
    """A part of an operator's whole matrix, as float32."""
    part = _matrix(kind, length, scale)[slice(*rows), slice(*columns)].to(torch.float32)
    return part.to(device).contiguous()  # not at once: some devices have no float64


def _matrix(kind: Kind, length: int, scale: int) -> Tensor:
    """An operator's whole matrix, float64."""
    if kind == "bicubic":
        return spread_matrix(length, scale, "bicubic")
    down = down_matrix(length, scale)
    if kind == "inverse":
        return torch.linalg.inv(down @ down.T)
    return down if kind == "down" else down.T
