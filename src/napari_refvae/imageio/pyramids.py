"""Coarser levels of a large image, so that viewers need not read all of it to show it small."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.imageio.layout import Axis, Layout

__all__ = ["coarsened", "level_factors", "reduced"]


def level_factors(size: tuple[int, int], finest: int, enough: int) -> tuple[int, ...]:
    """By how much the levels of an image are coarser than it: 1, 2, 4 ...

    Parameters
    ----------
    size
        Of the image, a multiple of ``finest``.
    finest
        The greatest factor.
    enough
        Levels end with the first whose sides are at most this.
    """
    factors = [1]
    while max(size) > enough * factors[-1] and not finest % (2 * factors[-1]):
        factors.append(2 * factors[-1])
    return tuple(factors)


def coarsened(layout: Layout, factor: int) -> Layout:
    """The layout of the level whose pixels are ``factor`` as wide: the image covers the same part of the world."""

    def wider(axis: Axis) -> Axis:
        step = axis.scale * factor
        translation = axis.translation + (step - axis.scale) / 2
        return dataclasses.replace(axis, length=axis.length // factor, scale=step, translation=translation)

    return dataclasses.replace(
        layout, axes=tuple(wider(axis) if axis.name in ("y", "x") else axis for axis in layout.axes)
    )


def reduced(image: NDArray[Any], factor: int) -> NDArray[Any]:
    """Means of blocks, in the image's dtype; one NaN in a block makes it NaN.

    ``(f*h, f*w)`` or ``(f*h, f*w, C)`` to ``(h, w)`` or ``(h, w, C)``.
    """
    height, width = image.shape[0] // factor, image.shape[1] // factor
    blocks = image.reshape(height, factor, width, factor, *image.shape[2:])
    kind = np.float64 if image.dtype.itemsize > 4 or image.dtype.kind in "ui" else np.float32
    with np.errstate(invalid="ignore", over="ignore"):
        means = blocks.mean(axis=(1, 3), dtype=kind)
    if image.dtype.kind == "b":
        return means >= 0.5
    return (np.rint(means) if image.dtype.kind in "ui" else means).astype(image.dtype)
