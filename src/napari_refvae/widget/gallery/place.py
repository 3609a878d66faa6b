"""Where a viewer's one gallery is: in a tab of the widget for upscaling, or in a dock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from psygnal import Signal
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

if TYPE_CHECKING:
    from napari_refvae.widget.gallery.gallery import Gallery
    from napari_refvae.widget.results.runs import Runs

__all__ = ["GalleryPlace"]


class GalleryPlace(QWidget):
    """Has the gallery of a viewer from `open` on, until another place takes it or this one goes.

    A viewer has one gallery: two would each lay a divider or a grid over the same layers, and only the first could
    bind the keys. When the place that has it goes, another one that is open gets it.

    Parameters
    ----------
    runs
        The viewer's runs.
    viewer
        The viewer.
    margins
        Around the gallery, in pixels: left, top, right, bottom.
    """

    moved = Signal(bool)
    """The gallery came here (True) or went to another place."""

    def __init__(self, runs: Runs, viewer: Any, margins: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.gallery: Gallery | None = None
        self._runs = runs
        self._viewer = viewer
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(*margins)

    def open(self, *, patient: bool = False) -> None:
        """Take the gallery, from another place if need be; a ``patient`` one waits until that one goes."""
        places = self._places
        if self in places:
            return
        if patient and places:
            places.insert(0, self)
            return
        if places:
            places[-1]._give()
        places.append(self)
        self._take()

    def release(self) -> None:
        """Let the gallery go, for good: this place goes away."""
        places = self._places
        if self not in places:
            return
        places.remove(self)
        if self.gallery is not None:
            self._give()
            QTimer.singleShot(0, lambda: _give_back(places))  # if the viewer is closing, none is left by then

    @property
    def _places(self) -> list[GalleryPlace]:
        """The viewer's open places; the last one has the gallery."""
        return _OPEN.setdefault(getattr(self._viewer, "__wrapped__", self._viewer), [])

    def _take(self) -> None:
        from napari_refvae.widget.gallery.gallery import Gallery

        self.gallery = Gallery(self._runs, self._viewer)
        self._column.addWidget(self.gallery)
        self.moved.emit(True)

    def _give(self) -> None:
        gallery, self.gallery = self.gallery, None
        if gallery is not None:
            gallery.detach()
            gallery.hide()
            gallery.deleteLater()
            self.moved.emit(False)


_OPEN: WeakKeyDictionary[Any, list[GalleryPlace]] = WeakKeyDictionary()


def _give_back(places: list[GalleryPlace]) -> None:
    if places and places[-1].gallery is None:
        places[-1]._take()
