"""What the widget shows above its foot: a welcome, or the form, the gallery and what explores a run, in tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QSizePolicy, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from napari_refvae.widget.gallery.place import GalleryPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_refvae.widget.gallery.gallery import Gallery
    from napari_refvae.widget.results.run import Run
    from napari_refvae.widget.results.runs import Runs

__all__ = ["LatePage", "Pages"]

LEAST_HEIGHT = 200  # pixels
SPACING = 10
MARGINS = (2, 8, 2, 2)
"""Of the gallery, in pixels: left, top, right, bottom."""

TABS = (
    "QTabBar::tab { padding: 5px 14px; }"
    "QTabWidget::pane { border: none; border-top: 1px solid rgba(128, 128, 128, 70); }"
)


class LatePage(QWidget):
    """A page whose content is made when it is first seen: it may load more than the others.

    Parameters
    ----------
    make
        Makes the content.
    """

    def __init__(self, make: Callable[[], QWidget]) -> None:
        super().__init__()
        self.content: QWidget | None = None
        self._make = make
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(*MARGINS)

    def showEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Make the content, once."""
        super().showEvent(event)
        if self.content is None:
            self.content = self._make()
            self._column.addWidget(self.content)

    def release(self) -> None:
        """Let the content go, if there is any: its `detach` is called."""
        content, self.content = self.content, None
        if content is not None:
            content.detach()
            content.hide()
            content.deleteLater()


class Pages(QStackedWidget):
    """Welcome while there is no image; the form; from the first sample on, the gallery and what explores a run.

    Parameters
    ----------
    welcome
        Shown while there is no image.
    sections
        Of the form, from the top.
    runs, viewer
        For the gallery.
    """

    turned = Signal()
    """Another page is shown."""

    def __init__(self, welcome: QWidget, sections: Sequence[QWidget], runs: Runs, viewer: Any) -> None:
        super().__init__()
        self._runs = runs
        self._viewer = viewer
        self._place = GalleryPlace(runs, viewer, MARGINS)
        self._explore: LatePage | None = None
        self._tabs = QTabWidget()
        self._tabs.setStyleSheet(TABS)
        self._tabs.addTab(_scrolling(sections), "Set up")
        self._tabs.setTabBarAutoHide(True)
        self.addWidget(welcome)
        self.addWidget(self._tabs)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._tabs.currentChanged.connect(lambda _: self.turned.emit())
        self._place.moved.connect(self._gallery_moved)
        self._runs.changed.connect(self._open_pages)
        self._runs.removed.connect(self._close_pages)
        self._open_pages()

    @property
    def gallery(self) -> Gallery | None:
        """The gallery, while it is here."""
        return self._place.gallery

    @property
    def exploring(self) -> bool:
        """Whether what explores runs is in front: it has buttons of its own."""
        return self._explore is not None and self._tabs.currentWidget() is self._explore

    @property
    def run_in_front(self) -> Run | None:
        """The run whose samples are looked at, if those are in front."""
        return self.gallery.run if self.gallery is not None and self._tabs.currentWidget() is self._place else None

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
        """Let the gallery and the exploration go: their dock is gone."""
        self._runs.changed.disconnect(self._open_pages)
        self._runs.removed.disconnect(self._close_pages)
        self._place.moved.disconnect(self._gallery_moved)
        self._place.release()
        if self._explore is not None:
            self._explore.release()

    def _open_pages(self, *_: Any) -> None:
        """With the first sample, whoever made it; until then a gallery costs no time and takes no keys."""
        if not any(run.samples for run in self._runs):
            return
        self._place.open(patient=True)
        if self._explore is None:
            self._explore = LatePage(self._explore_panel)
            self._tabs.addTab(self._explore, "Explore")

    def _close_pages(self, *_: Any) -> None:
        """With the last run: there is nothing left to look at, or to start from."""
        if len(self._runs) or self._explore is None:
            return
        self._place.release()
        explore, self._explore = self._explore, None
        self._tabs.removeTab(self._tabs.indexOf(explore))
        explore.release()
        explore.deleteLater()

    def _explore_panel(self) -> QWidget:
        from napari_refvae.widget.explore.panel import ExplorePanel  # which loads more than the other pages

        return ExplorePanel(self._runs, self._viewer)

    def _gallery_moved(self, here: bool) -> None:
        if here:
            self._tabs.insertTab(1, self._place, "Samples")
        else:
            if self._tabs.currentWidget() is self._place:
                self._tabs.setCurrentIndex(0)
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
