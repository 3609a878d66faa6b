"""Sizes and windows: what part of a picture is shown, and how large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from napari_refvae.errors import InvalidInputError
from napari_refvae.spec import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["as_rgb", "enlarged", "most_detailed", "thumbnail"]


def as_rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``(H, W)`` or ``(H, W, 3)`` uint8 to ``(H, W, 3)``.

    Raises
    ------
    InvalidInputError
        If it is neither.
    """
    if image.dtype != np.uint8 or not image.size or (image.ndim != 2 and image.shape[2:] != (3,)):
        raise InvalidInputError(
            f"expected a picture of shape (H, W) or (H, W, 3), uint8; got {image.dtype} {image.shape}"
        )
    return np.ascontiguousarray(image if image.ndim == 3 else image[..., None].repeat(3, axis=2))


def enlarged(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Each pixel as a square of ``factor`` x ``factor`` pixels: what a small image really holds."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def thumbnail(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The largest central square, ``(side, side, 3)``."""
    height, width = image.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    square = Image.fromarray(as_rgb(image)[top : top + short, left : left + short])
    return np.asarray(square.resize((side, side), Image.Resampling.LANCZOS))


def most_detailed(image: NDArray[np.uint8], size: tuple[int, int], step: int = 8) -> Region:
    """The window of an image that holds the strongest gradients.

    Parameters
    ----------
    image
        ``(H, W)`` or ``(H, W, 3)``, each side at least ``step``.
    size
        Height and width of the window; cut to the image, and down to multiples of ``step``.
    step
        Grid that the window lies on: with the scale, it covers whole LR pixels.
    """
    rows, columns = (side // step for side in image.shape[:2])
    if not rows or not columns:
        raise InvalidInputError(f"expected sides of at least {step} pixels; got {image.shape[0]} x {image.shape[1]}")
    grey = as_rgb(image).mean(axis=2)[: rows * step, : columns * step]
    strength = np.abs(np.diff(grey, axis=0, append=grey[-1:])) + np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    cells = strength.reshape(rows, step, columns, step).sum(axis=(1, 3))
    height, width = min(max(1, size[0] // step), rows), min(max(1, size[1] // step), columns)
    windows = np.lib.stride_tricks.sliding_window_view(cells, (height, width)).sum(axis=(2, 3))
    y, x = (int(index) for index in np.unravel_index(int(windows.argmax()), windows.shape))
    return Region(y * step, x * step, height * step, width * step)
