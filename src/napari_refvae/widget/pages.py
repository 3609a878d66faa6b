"""What the widget shows above its foot: a welcome, or the form and the gallery in two tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QSizePolicy, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.widget.gallery import Gallery
    from napari_refvae.widget.runs import Runs

__all__ = ["Pages"]

LEAST_HEIGHT = 200  # pixels
SPACING = 10
TABS = (
    "QTabBar::tab { padding: 5px 14px; }"
    "QTabWidget::pane { border: none; border-top: 1px solid rgba(128, 128, 128, 70); }"
)


class Pages(QStackedWidget):
    """Welcome while there is no image; the form; the gallery, from the first run on.

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
        self._viewer = viewer
        self.gallery: Gallery | None = None
        self._tabs = QTabWidget()
        self._tabs.setStyleSheet(TABS)
        self._tabs.addTab(_scrolling(sections), "Set up")
        self._tabs.setTabBarAutoHide(True)
        self.addWidget(welcome)
        self.addWidget(self._tabs)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        if len(runs):
            self._add_gallery()

    def show_form(self, has_image: bool) -> None:
        """The form or the gallery, whichever the user left, if there is something to work on; else the welcome."""
        if not len(self._runs):
            self._tabs.setCurrentIndex(0)
        self.setCurrentIndex(int(has_image or len(self._runs) > 0))

    def show_gallery(self) -> None:
        """Bring the gallery to the front."""
        self._add_gallery()
        self._tabs.setCurrentIndex(1)

    def detach(self) -> None:
        """Let the gallery go: its dock is gone."""
        if self.gallery is not None:
            self.gallery.detach()

    def _add_gallery(self) -> None:
        """Made with the first run: until then it costs no time and takes no keys."""
        if self.gallery is not None:
            return
        from napari_refvae.widget.gallery import Gallery

        self.gallery = Gallery(self._runs, self._viewer)
        frame = QWidget()
        column = QVBoxLayout(frame)
        column.setContentsMargins(2, 8, 2, 2)
        column.addWidget(self.gallery)
        self._tabs.addTab(frame, "Samples")


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
