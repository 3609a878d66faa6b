"""Small views of pictures: of the whole, or of the detail in the middle of the view; painted a few at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtGui import QImage, QPixmap

from napari_refvae.widget.compare.canvas import visible_part
from napari_refvae.widget.compare.composites import same
from napari_refvae.widget.compare.rendering import Window, averaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from napari_refvae.widget.compare.composites import Shown

__all__ = ["Thumbnails", "detail_window", "thumbnail", "whole_window"]

COARSEST_DETAIL = 2.0
"""Pixels of a sample per pixel of a thumbnail: with more, samples that differ in fine texture look the same."""

TURN = 0.02
"""Seconds that painting may keep the window from other events."""

SETTLE = 150
"""Milliseconds that the view has to rest before they follow it."""


def whole_window(picture: Shown, size: tuple[int, int]) -> Window:
    """The whole picture within ``(height, width)`` pixels."""
    extent = picture.extent
    step = float(((extent[1] - extent[0]) / size).max())
    return _centred(extent.mean(axis=0), step, size)


def detail_window(viewer: Any, picture: Shown, size: tuple[int, int]) -> Window:
    """The middle of what the canvas shows of a picture: as much of it as fits and shows fine texture.

    The whole picture if the canvas shows nothing of it.
    """
    part = visible_part(viewer, picture)
    if part is None:
        return whole_window(picture, size)
    step = min(float(((part[1] - part[0]) / size).min()), COARSEST_DETAIL * picture.pixel_size)
    return _centred(part.mean(axis=0), step, size)


def thumbnail(picture: Shown, window: Window, density: float = 1.0) -> QPixmap:
    """A small view for the screen; ``density`` is device pixels per screen pixel."""
    colours = averaged(picture, window)
    image = QImage(colours.tobytes(), window.width, window.height, 4 * window.width, QImage.Format.Format_RGBA8888)
    pixmap = QPixmap.fromImage(image.copy())  # the copy owns its pixels
    pixmap.setDevicePixelRatio(density)
    return pixmap


class Thumbnails:
    """Paints thumbnails and, when the view has come to rest, those of its detail anew.

    A few at a time, when the window has nothing else to do.

    Parameters
    ----------
    viewer
        Whose view they follow.
    on_painted
        Called with a picture's key and its thumbnail.
    """

    def __init__(self, viewer: Any, on_painted: Callable[[str, QPixmap], None]) -> None:
        self._viewer = viewer
        self._on_painted = on_painted
        self._pictures: dict[str, Shown] = {}
        self._size = (96, 128)
        self._density = 1.0
        self._whole = False
        self._waiting: dict[str, None] = {}  # in order, each once
        self._painted: set[str] = set()
        self._next = QTimer()
        self._next.timeout.connect(self._paint_next)
        self._settled = QTimer()
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLE)
        self._settled.timeout.connect(self.repaint)
        for event in self._view_events():
            event.connect(self._view_moved)

    def show_whole(self, whole: bool) -> None:
        """Paint all of each picture (True), or the detail in the middle of the view."""
        self._whole = whole
        self.repaint()

    def show(self, pictures: Mapping[str, Shown]) -> None:
        """Paint those that are new; the others stay."""
        before = self._pictures
        new = [key for key, picture in pictures.items() if key not in before or not same(before[key], picture)]
        self._pictures = dict(pictures)
        self._painted -= {*new}
        self._painted &= {*pictures}
        self._add(new)

    def resize(self, size: tuple[int, int], density: float) -> None:
        """Paint at this ``(height, width)``, in screen pixels of ``density`` device pixels."""
        if (size, density) != (self._size, self._density):
            self._size, self._density = size, density
            self._settled.start()

    def repaint(self) -> None:
        """Paint all anew, first those that never were, then from the first on."""
        waiting = [key for key in self._pictures if key not in self._painted]
        self._waiting.clear()
        self._add([*waiting, *self._pictures])

    def stop(self) -> None:
        """Paint nothing more, and follow the view no longer."""
        self._next.stop()
        self._settled.stop()
        for event in self._view_events():
            event.disconnect(self._view_moved)

    def _view_events(self) -> list[Any]:
        camera, canvas = self._viewer.scene.camera.events, self._viewer.canvas.events
        return [camera.center, camera.zoom, canvas.size]

    def _view_moved(self, *_: Any) -> None:
        if not self._whole:
            self._settled.start()

    def _add(self, keys: Iterable[str]) -> None:
        self._waiting.update(dict.fromkeys(keys))
        if self._waiting:
            self._next.start(0)

    def _paint_next(self) -> None:
        """Paint for as long as nobody notices."""
        end = time.perf_counter() + TURN
        while self._waiting and time.perf_counter() < end:
            key = next(iter(self._waiting))
            del self._waiting[key]
            if (picture := self._pictures.get(key)) is not None:
                self._painted.add(key)
                self._paint(key, picture)
        if not self._waiting:
            self._next.stop()

    def _paint(self, key: str, picture: Shown) -> None:
        size = round(self._size[0] * self._density), round(self._size[1] * self._density)
        window = whole_window(picture, size) if self._whole else detail_window(self._viewer, picture, size)
        self._on_painted(key, thumbnail(picture, window, self._density))


def _centred(centre: NDArray[np.float64], step: float, size: tuple[int, int]) -> Window:
    top, left = centre - step * np.array(size) / 2
    return Window(float(top), float(left), step, *size)
