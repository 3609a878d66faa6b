"""Two pictures in one image, divided by a line with a handle. Pure numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.widget.compare.rendering import Window, rendered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.widget.compare.composites import Shown

__all__ = ["halves", "mark", "screen_window"]

HANDLE = 13
"""Radius of the handle, in screen pixels."""

LARGEST = 4096
"""No rendering is larger a side, in pixels; beyond, its pixels are larger than the screen's."""


def screen_window(part: NDArray[np.float64], step: float) -> Window:
    """The visible part, in pixels of the screen; in coarser ones where those are too many."""
    extent = part[1] - part[0]
    step = max(step, float(extent.max()) / LARGEST)
    height, width = (int(n) for n in np.ceil(extent / step).clip(1, LARGEST))  # at most one by rounding
    return Window(float(part[0, 0]), float(part[0, 1]), step, height, width)


def halves(left: Shown, right: Shown, window: Window, split: int) -> NDArray[np.uint8]:
    """``left`` in the columns before ``split``, ``right`` in the others: ``(height, width, 4)``."""
    image = np.empty((window.height, window.width, 4), np.uint8)
    for picture, first, last in ((left, 0, split), (right, split, window.width)):
        if last > first:
            part = Window(window.top, window.left + first * window.step, window.step, window.height, last - first)
            image[:, first:last] = rendered(picture, part)
    return image


def mark(image: NDArray[np.uint8], split: int, density: float) -> None:
    """Draw the divider and its handle: white with a dark edge, so that they show on everything."""
    height, width = image.shape[:2]
    if not 0 < split < width:
        return
    reach = int((HANDLE + 2) * density)
    columns = slice(max(0, split - reach), min(width, split + reach))
    y, x = np.ogrid[:height, columns]
    y, x = (y + 0.5 - height / 2) / density, (x + 0.5 - split) / density
    radius = np.hypot(y, x)
    arrows = (np.abs(x) > 3) & (np.abs(x) + np.abs(y) < 9)
    strip = image[:, columns]
    strip[(np.abs(x) < 2) | (radius < HANDLE + 1.5)] = (20, 20, 20, 255)
    strip[(np.abs(x) < 1) | (radius < HANDLE)] = (255, 255, 255, 255)
    strip[arrows & (radius < HANDLE)] = (70, 70, 70, 255)
