"""What the widget shows above its foot: a welcome, or the form and the gallery in two tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QSizePolicy, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from napari_refvae.widget.gallery.place import GalleryPlace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.widget.gallery.gallery import Gallery
    from napari_refvae.widget.results.runs import Runs

__all__ = ["Pages"]

LEAST_HEIGHT = 200  # pixels
SPACING = 10
MARGINS = (2, 8, 2, 2)
"""Of the gallery, in pixels: left, top, right, bottom."""

TABS = (
    "QTabBar::tab { padding: 5px 14px; }"
    "QTabWidget::pane { border: none; border-top: 1px solid rgba(128, 128, 128, 70); }"
)


class Pages(QStackedWidget):
    """Welcome while there is no image; the form; the gallery, from the first sample on.

    Parameters
    ----------
    welcome
        Shown while there is no image.
    sections
        Of the form, from the top.
    runs, viewer
        For the gallery.
    """

    def __init__(self, welcome: QWidget, sections: Sequence[QWidget], runs: Runs, viewer: Any) -> None:
        super().__init__()
        self._runs = runs
        self._place = GalleryPlace(runs, viewer, MARGINS)
        self._tabs = QTabWidget()
        self._tabs.setStyleSheet(TABS)
        self._tabs.addTab(_scrolling(sections), "Set up")
        self._tabs.setTabBarAutoHide(True)
        self.addWidget(welcome)
        self.addWidget(self._tabs)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._place.moved.connect(self._gallery_moved)
        self._runs.changed.connect(self._open_gallery)
        self._open_gallery()

    @property
    def gallery(self) -> Gallery | None:
        """The gallery, while it is here."""
        return self._place.gallery

    def show_form(self, has_image: bool) -> None:
        """The form or the gallery, whichever the user left, if there is something to work on; else the welcome."""
        if not len(self._runs):
            self._tabs.setCurrentIndex(0)
        self.setCurrentIndex(int(has_image or len(self._runs) > 0))

    def show_gallery(self) -> None:
        """Bring the gallery to the front, unless a dock has it."""
        if self.gallery is not None:
            self._tabs.setCurrentWidget(self._place)

    def detach(self) -> None:
        """Let the gallery go: its dock is gone."""
        self._runs.changed.disconnect(self._open_gallery)
        self._place.moved.disconnect(self._gallery_moved)
        self._place.release()

    def _open_gallery(self, *_: Any) -> None:
        """With the first sample, whoever made it; until then a gallery costs no time and takes no keys."""
        if any(run.samples for run in self._runs):
            self._place.open(patient=True)

    def _gallery_moved(self, here: bool) -> None:
        if here:
            self._tabs.addTab(self._place, "Samples")
        else:
            self._tabs.removeTab(self._tabs.indexOf(self._place))


def _scrolling(sections: Sequence[QWidget]) -> QScrollArea:
    form = QWidget()
    column = QVBoxLayout(form)
    column.setContentsMargins(2, 6, 8, 2)
    column.setSpacing(SPACING)
    for section in sections:
        column.addWidget(section)
    column.addStretch()
    scroll = QScrollArea()
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(form)
    scroll.setMinimumHeight(LEAST_HEIGHT)
    return scroll
