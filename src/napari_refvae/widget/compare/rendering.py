"""Pictures on any upright grid over the world, in the colours that napari shows them in. Pure numpy.

A pixel of the grid takes the picture's pixel that lies under its centre, as napari's own "nearest"
does, so a rendering at the screen's resolution looks like the layer itself, however it is turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.widget.compare.composites import blended
from napari_refvae.widget.results.colours import coloured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.widget.compare.composites import Shown
    from napari_refvae.widget.compare.pictures import Picture

__all__ = ["Window", "averaged", "rendered"]


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


def rendered(picture: Shown, window: Window) -> NDArray[np.uint8]:
    """A picture on a grid: ``(height, width, 4)`` uint8, transparent where the picture is not."""
    return blended([(_sampled(part, window), part.look.blending) for part in picture.parts])


def _sampled(picture: Picture, window: Window) -> NDArray[np.uint8]:
    to_data = np.linalg.inv(picture.to_world)
    y, x = window.rows[:, None], window.columns[None, :]
    height, width = picture.pixels.shape[:2]
    rows, within_rows = _indices(to_data[0], y, x, height)
    columns, within_columns = _indices(to_data[1], y, x, width)
    colours = coloured(picture.pixels[rows, columns], picture.look)
    colours[..., 3] *= within_rows & within_columns
    return colours


def averaged(picture: Shown, window: Window, most: int = 4) -> NDArray[np.uint8]:
    """Like `rendered`, but averaged where a pixel of the grid covers several of the picture, for small views of it."""
    factor = int(np.clip(np.ceil(window.step / picture.pixel_size), 1, most))
    fine = rendered(picture, window.finer(factor))
    total = np.zeros((window.height, window.width, 4), np.uint16)  # `most` squared times 255 fits
    for row, column in np.ndindex(factor, factor):  # several times as fast as a mean over two axes
        total += fine[row::factor, column::factor]
    return np.asarray((total + factor**2 // 2) // factor**2, np.uint8)


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
