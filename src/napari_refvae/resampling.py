"""Down-sampling, its exact right inverse, and the projection onto consistent images.

The degradation model is ``lr = D(hr)`` with D the antialiased bicubic down-sampling by an
integer scale (a = -0.5, the MATLAB and Pillow convention, borders extended by half-sample
symmetry). Its Moore-Penrose right inverse is ``U = D'(DD')^-1``.

On the half-sample symmetric extension both are plain convolutions, and the extension is an
isometry up to a factor; so one short filter a direction is exact at the borders too, costs
linear time, and works for any size. ``DD'`` is well conditioned (2.06 an axis at 8x), so the
filter of U decays by about a factor of three per LR pixel and is cut where it falls under
float32 rounding.

Tensors are ``(B, C, H, W)``, floating point, of any range.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from napari_refvae.errors import InvalidInputError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["consistent_upsample", "downsample", "project", "upsample"]

INVERSE_RADIUS = 20
"""Reach of U in LR pixels; its taps beyond lie below 1e-9 at 8x."""

RELAXATION = 1.8
"""Over-relaxation of the alternating projections: converges for factors below 2 and saves most of the rounds."""

DENSE_LIMIT = 256
"""Up to this many LR pixels an axis, one small matrix product beats the strided convolution."""


def downsample(hr: Tensor, scale: int = 8) -> Tensor:
    """Apply D: antialiased bicubic down-sampling by ``scale`` along both axes.

    Parameters
    ----------
    hr
        ``(B, C, scale*h, scale*w)``.
    scale
        Integer factor, at least 1.

    Returns
    -------
    Tensor
        ``(B, C, h, w)``. Equals Pillow's ``BICUBIC`` reduction wherever the kernel does not
        reach over the border (Pillow renormalises there, MATLAB and we mirror).

    Raises
    ------
    InvalidInputError
        If a side is no multiple of ``scale``.
    """
    height, width = hr.shape[-2:]
    if height % scale or width % scale:
        raise InvalidInputError(
            f"expected sides that are multiples of {scale}; got {height} x {width}: crop or pad the image first"
        )
    return _along(_down_axis, _along(_down_axis, hr, scale, axis=-2), scale, axis=-1)


def consistent_upsample(lr: Tensor, scale: int = 8) -> Tensor:
    """Apply U = D'(DD')^-1: the smallest image whose down-sampling is ``lr`` exactly.

    ``(B, C, h, w)`` to ``(B, C, scale*h, scale*w)``; ``downsample(consistent_upsample(x)) == x``.
    """
    return _along(_up_axis, _along(_up_axis, lr, scale, axis=-1), scale, axis=-2)


def upsample(lr: Tensor, scale: int = 8) -> Tensor:
    """Bicubic interpolation (a = -0.5, mirrored borders): the baseline that SR is compared with.

    ``(B, C, h, w)`` to ``(B, C, scale*h, scale*w)``.
    """
    return _along(_interpolate_axis, _along(_interpolate_axis, lr, scale, axis=-1), scale, axis=-2)


def project(
    sr: Tensor,
    lr: Tensor,
    scale: int = 8,
    bounds: tuple[float, float] | None = None,
    rounds: int = 8,
) -> Tensor:
    """Move ``sr`` to the nearest image that down-samples to ``lr``.

    Without ``bounds`` this is the orthogonal projection ``sr + U(lr - D sr)``: it never moves away
    from any consistent image. With ``bounds`` the projection alternates with clamping (projections
    onto convex sets), and clamping comes last, so the answer can be stored as it is. Where no image within
    the bounds gives ``lr`` (next to black-and-white noise, say, whose down-sampling would need overshoot), the
    answer comes near.

    Parameters
    ----------
    sr
        ``(B, C, scale*h, scale*w)``.
    lr
        ``(b, C, h, w)`` with b = 1 or B.
    scale
        Integer factor.
    bounds
        Least and greatest value that the output may hold, or None.
    rounds
        How often to alternate at most; stops once the clamped image gives ``lr``.
    """
    exact = sr + consistent_upsample(lr - downsample(sr, scale), scale)
    if bounds is None:
        return exact
    for left in reversed(range(rounds)):
        clamped = exact.clamp(*bounds)
        off = lr - downsample(clamped, scale)
        if float(off.detach().abs().max()) < settled(off.dtype):
            return clamped
        exact = clamped + (RELAXATION if left else 1.0) * consistent_upsample(off, scale)
    return exact.clamp(*bounds)


def settled(dtype: torch.dtype) -> float:
    """What no LR pixel may be off by for `project` to stop: rounding, 1e-6 in single precision."""
    return 8 * torch.finfo(dtype).eps


outside_inference = torch.inference_mode(mode=False)
"""What is cached under inference serves training too."""


def cubic(x: Tensor, a: float = -0.5) -> Tensor:
    """Keys' cubic convolution kernel (1981) with parameter ``a``."""
    x = x.abs()
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return torch.where(x <= 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


def symmetric_indices(start: int, stop: int, length: int) -> Tensor:
    """Indices ``start..stop-1`` of a half-sample symmetric extension, folded into ``0..length-1``."""
    index = torch.arange(start, stop) % (2 * length)
    return torch.where(index < length, index, 2 * length - 1 - index)


@lru_cache(maxsize=16)
@outside_inference
def down_taps(scale: int) -> Tensor:
    """The ``4*scale`` weights of one LR pixel, float64; they start ``1.5*scale`` HR pixels before its block."""
    reach = 2 * scale
    distance = (torch.arange(2 * reach, dtype=torch.float64) - reach + 0.5) / scale
    taps = cubic(distance)
    if scale % 2:
        distance = (torch.arange(2 * reach + 1, dtype=torch.float64) - reach) / scale
        taps = cubic(distance)
    return taps / taps.sum()


@lru_cache(maxsize=16)
@outside_inference
def inverse_taps(scale: int) -> Tensor:
    """U as ``(scale, 2*INVERSE_RADIUS + 1)`` float64: one row a phase, over the LR neighbours.

    Found on a long circle, where DD' is circulant and the Fourier transform diagonalises it.
    """
    n = 8 * INVERSE_RADIUS
    down = torch.zeros(n, n * scale, dtype=torch.float64)
    taps, before = down_taps(scale), _taps_before(scale)
    columns = (torch.arange(len(taps)) - before)[None] + scale * torch.arange(n)[:, None]
    down.scatter_add_(1, columns % (n * scale), taps.expand(n, -1))
    up = torch.linalg.solve(down @ down.T, down).T  # (n * scale, n), symmetric Gram matrix
    centre = n // 2
    block = up[centre * scale : (centre + 1) * scale]
    return block[:, centre - INVERSE_RADIUS : centre + INVERSE_RADIUS + 1].contiguous()


@lru_cache(maxsize=16)
@outside_inference
def interpolation_taps(scale: int) -> Tensor:
    """Bicubic interpolation as ``(scale, 5)`` float64: one row a phase, over LR offsets -2..2."""
    position = (torch.arange(scale, dtype=torch.float64) + 0.5) / scale - 0.5
    return cubic(position[:, None] - torch.arange(-2, 3, dtype=torch.float64)[None])


def _taps_before(scale: int) -> int:
    """How many HR pixels before its block the support of an LR pixel begins."""
    return (len(down_taps(scale)) - scale) // 2


@lru_cache(maxsize=64)
@outside_inference
def down_matrix(length: int, scale: int) -> Tensor:
    taps, before = down_taps(scale), _taps_before(scale)
    columns = (torch.arange(len(taps)) - before)[None] + scale * torch.arange(length)[:, None]
    columns = symmetric_indices(0, 2 * length * scale, length * scale)[columns % (2 * length * scale)]
    matrix = torch.zeros(length, length * scale, dtype=torch.float64)
    return matrix.scatter_add_(1, columns, taps.expand(length, -1))


@lru_cache(maxsize=128)
@outside_inference
def spread_matrix(length: int, scale: int, kind: str) -> Tensor:
    """``(scale*length, length)``: polyphase up-sampling filters with the border folded in."""
    taps = _phases(scale, kind)
    radius = taps.shape[1] // 2
    columns = torch.arange(length)[:, None] + torch.arange(-radius, radius + 1)[None]
    columns = symmetric_indices(0, 2 * length, length)[columns % (2 * length)]
    matrix = torch.zeros(length, scale, length, dtype=torch.float64)
    matrix.scatter_add_(2, columns[:, None].expand(-1, scale, -1), taps.expand(length, -1, -1))
    return matrix.reshape(length * scale, length)


def _phases(scale: int, kind: str) -> Tensor:
    return inverse_taps(scale) if kind == "inverse" else interpolation_taps(scale)


def _along(operation, x: Tensor, scale: int, axis: int) -> Tensor:  # type: ignore[no-untyped-def]
    """Run a last-axis ``operation`` along ``axis``."""
    if scale == 1:
        return x
    if axis == -1:
        return operation(x, scale)
    return operation(x.transpose(-1, -2), scale).transpose(-1, -2)


def _down_axis(x: Tensor, scale: int) -> Tensor:
    length = x.shape[-1] // scale
    if length <= DENSE_LIMIT:
        return x @ down_matrix(length, scale).to(x).T
    taps, before = down_taps(scale).to(x), _taps_before(scale)
    after = len(taps) - scale - before
    padded = _extend(x, before, after)
    lines = padded.reshape(-1, 1, padded.shape[-1])
    return F.conv1d(lines, taps[None, None], stride=scale).reshape(*x.shape[:-1], length)


def _up_axis(x: Tensor, scale: int) -> Tensor:
    return _spread_axis(x, scale, "inverse")


def _interpolate_axis(x: Tensor, scale: int) -> Tensor:
    return _spread_axis(x, scale, "bicubic")


def _spread_axis(x: Tensor, scale: int, kind: str) -> Tensor:
    length = x.shape[-1]
    if length <= DENSE_LIMIT:
        return x @ spread_matrix(length, scale, kind).to(x).T
    taps = _phases(scale, kind).to(x)
    radius = taps.shape[1] // 2
    lines = _extend(x, radius, radius).reshape(-1, 1, length + 2 * radius)
    phases = F.conv1d(lines, taps[:, None])  # (lines, scale, length)
    return phases.transpose(1, 2).reshape(*x.shape[:-1], length * scale)


def _extend(x: Tensor, before: int, after: int) -> Tensor:
    index = symmetric_indices(-before, x.shape[-1] + after, x.shape[-1])
    return x.index_select(-1, index.to(x.device))
