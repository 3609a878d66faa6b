"""Pictures on any upright grid over the world, in the colours that napari shows them in. Pure numpy.

A pixel of the grid takes the picture's pixel that lies under its centre, as napari's own "nearest"
does, so a rendering at the screen's resolution looks like the layer itself, however it is turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_refvae.widget.compare.pictures import Picture

__all__ = ["Window", "averaged", "coloured", "rendered"]

LEVELS = 256
"""Steps of a colormap: as many as a screen shows."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the world, cut into square pixels.

    Attributes
    ----------
    top, left
        Its corner, in world units: the outer edge of the first pixel.
    step
        Side of a pixel, in world units.
    height, width
        In pixels.
    """

    top: float
    left: float
    step: float
    height: int
    width: int

    @property
    def rows(self) -> NDArray[np.float64]:
        """World coordinate of each row's centre."""
        return self.top + (np.arange(self.height, dtype=np.float64) + 0.5) * self.step

    @property
    def columns(self) -> NDArray[np.float64]:
        """World coordinate of each column's centre."""
        return self.left + (np.arange(self.width, dtype=np.float64) + 0.5) * self.step

    def finer(self, factor: int) -> Window:
        """The same rectangle in smaller pixels."""
        return Window(self.top, self.left, self.step / factor, self.height * factor, self.width * factor)


def rendered(picture: Picture, window: Window) -> NDArray[np.uint8]:
    """A picture on a grid: ``(height, width, 4)`` uint8, transparent where the picture is not."""
    to_data = np.linalg.inv(picture.to_world)
    y, x = window.rows[:, None], window.columns[None, :]
    height, width = picture.pixels.shape[:2]
    rows, within_rows = _indices(to_data[0], y, x, height)
    columns, within_columns = _indices(to_data[1], y, x, width)
    colours = coloured(picture.pixels[rows, columns], picture.look)
    colours[..., 3] *= within_rows & within_columns
    return colours


def averaged(picture: Picture, window: Window, most: int = 4) -> NDArray[np.uint8]:
    """Like `rendered`, but averaged where a pixel of the grid covers several of the picture, for small views of it."""
    factor = int(np.clip(np.ceil(window.step / picture.pixel_size), 1, most))
    fine = rendered(picture, window.finer(factor))
    total = np.zeros((window.height, window.width, 4), np.uint16)  # `most` squared times 255 fits
    for row, column in np.ndindex(factor, factor):  # several times as fast as a mean over two axes
        total += fine[row::factor, column::factor]
    return np.asarray((total + factor**2 // 2) // factor**2, np.uint8)


def coloured(values: NDArray[Any], look: Image) -> NDArray[np.uint8]:
    """Stored values as a layer shows them: ``(h, w)``, ``(h, w, 3)`` or ``(h, w, 4)`` to ``(h, w, 4)`` uint8."""
    colours = np.empty((*values.shape[:2], 4), np.uint8)
    if values.ndim == 2:
        colours[...] = _palette(look)[_levels(values, look)]
        return colours
    colours[..., :3] = _levels(values[..., :3], look)
    colours[..., 3] = _opacity(values[..., 3]) if values.shape[2] == 4 else LEVELS - 1
    return colours


def _indices(
    line: NDArray[np.float64], y: NDArray[np.float64], x: NDArray[np.float64], size: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """One data coordinate of each grid pixel, and which lie inside; as small as the transform allows."""
    position = np.full((1, 1), line[2])
    for factor, axis in ((line[0], y), (line[1], x)):
        matters = abs(factor) * np.ptp(axis) > 1e-6  # of a pixel; else the picture is upright
        position = position + factor * (axis if matters else axis.mean())
    index = np.floor(position + 0.5).astype(np.intp)
    return index.clip(0, size - 1), (index >= 0) & (index < size)


def _levels(values: NDArray[Any], look: Image) -> NDArray[np.uint8]:
    """Stored values as 0..255 between the contrast limits, after gamma."""
    low, high = (float(limit) for limit in look.contrast_limits)
    gamma = float(look.gamma)
    if values.dtype in (np.uint8, np.uint16):  # a table is faster than a power for each pixel
        table = _level(np.arange(np.iinfo(values.dtype).max + 1, dtype=np.float32), low, high, gamma)
        return table[values]
    return _level(values.astype(np.float32), low, high, gamma)


def _level(values: NDArray[np.float32], low: float, high: float, gamma: float) -> NDArray[np.uint8]:
    fraction = np.nan_to_num((values - low) / (high - low or 1)).clip(0, 1)
    return np.rint((LEVELS - 1) * fraction**gamma).astype(np.uint8)


def _palette(look: Image) -> NDArray[np.uint8]:
    colours = look.colormap.map(np.linspace(0, 1, LEVELS))
    return np.rint(255 * np.asarray(colours)).astype(np.uint8)


def _opacity(alpha: NDArray[Any]) -> NDArray[np.uint8]:
    full = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "ui" else 1.0
    return np.rint(255 * (alpha / full).clip(0, 1)).astype(np.uint8)
