"""D, its right inverse, the interpolation and the projection of one plane, in place and band by band: the fast path.

`napari_refvae.resampling` defines these operators and serves training, which needs gradients and has small images.
Here the same matrices are applied to a few LR rows or columns at a time. All of them are banded, so each band is one
small dense product, whose sum goes where it belongs without a copy; a plane of a window's size stays in the
processor's cache meanwhile.

Planes are ``(H, W)`` float32 tensors.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import torch

from napari_refvae.resampling import INVERSE_RADIUS, RELAXATION, down_matrix, outside_inference, settled, spread_matrix

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["add_bicubic", "downsample_plane", "project_plane"]

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


def project_plane(sr: Tensor, lr: Tensor, scale: int, bounds: tuple[float, float]) -> float:
    """Move a plane to the nearest one that down-samples to ``lr``, in place: `napari_refvae.resampling.project`.

    Parameters
    ----------
    sr
        ``(scale*h, scale*w)``; overwritten.
    lr
        ``(h, w)``.
    scale
        HR pixels per LR pixel and axis.
    bounds
        Least and greatest value that the output may hold.

    Returns
    -------
    float
        How far LR pixels were off at most; not finite if ``sr`` held such values.
    """
    off = lr - downsample_plane(sr, scale)
    most = float(off.abs().max())
    _add_smallest(sr, off, scale, 1.0)
    for left in reversed(range(ROUNDS)):
        sr.clamp_(*bounds)
        off = lr - downsample_plane(sr, scale)
        if float(off.abs().max()) < settled(off.dtype):
            return most
        _add_smallest(sr, off, scale, RELAXATION if left else 1.0)
    sr.clamp_(*bounds)
    return most


def downsample_plane(hr: Tensor, scale: int) -> Tensor:
    """Apply D: ``(scale*h, scale*w)`` to ``(h, w)``."""
    height, width = hr.shape[0] // scale, hr.shape[1] // scale
    low, small = hr.new_empty(height, hr.shape[1]), hr.new_empty(height, width)
    for written, read, matrix in _bands("down", height, scale, hr.device, ROWS):
        torch.mm(matrix, hr[read], out=low[written])
    for written, read, matrix in _bands("down", width, scale, hr.device, COLUMNS):
        torch.mm(low[:, read], matrix.T, out=small[:, written])
    return small


def add_bicubic(hr: Tensor, lr: Tensor, scale: int) -> None:
    """Add the bicubic interpolation of ``lr`` to a plane, in place."""
    _add_spread(hr, lr, scale, "bicubic", 1.0)


def _add_smallest(hr: Tensor, lr: Tensor, scale: int, factor: float) -> None:
    """Add ``factor`` times U lr = D'(DD')^-1 lr, in place."""
    across, both = torch.empty_like(lr), torch.empty_like(lr)
    for written, read, matrix in _bands("inverse", lr.shape[1], scale, lr.device, LARGE):
        torch.mm(lr[:, read], matrix.T, out=across[:, written])
    for written, read, matrix in _bands("inverse", lr.shape[0], scale, lr.device, LARGE):
        torch.mm(matrix, across[read], out=both[written])
    _add_spread(hr, both, scale, "adjoint", factor)


def _add_spread(hr: Tensor, lr: Tensor, scale: int, kind: Kind, factor: float) -> None:
    wide = hr.new_empty(lr.shape[0], hr.shape[1])
    for written, read, matrix in _bands(kind, lr.shape[1], scale, lr.device, COLUMNS):
        torch.mm(lr[:, read], matrix.T, out=wide[:, written])
    for written, read, matrix in _bands(kind, lr.shape[0], scale, lr.device, ROWS):
        place = hr[written]
        torch.addmm(place, matrix, wide[read], alpha=factor, out=place)


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
