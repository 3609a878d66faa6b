"""The steps of an exploration as thumbnails: back, forward, again, into a file and out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import QFileDialog, QListView, QListWidget, QListWidgetItem, QWidget

from napari_refvae.errors import RefVAEError
from napari_refvae.widget.explore.parts import button, column, note, row
from napari_refvae.widget.form.layout import small_button

if TYPE_CHECKING:
    from pathlib import Path

    from napari_refvae.widget.explore.explorer import Explorer

__all__ = ["HistoryStrip"]

SIDE = 64  # pixels
BELOW = 42
"""Pixels for a thumbnail's number and the scroll bar."""

FILES = "Explorations (*.json)"
EMPTY = "What you try is listed here: a click goes back to it."


class HistoryStrip(QWidget):
    """A row of thumbnails with undo and redo; the step that shows is selected.

    Parameters
    ----------
    explorer
        Whose history.
    """

    load_asked = Signal(object)
    """The path of a file that the user wants to load."""

    def __init__(self, explorer: Explorer) -> None:
        super().__init__()
        self._explorer = explorer
        self._listed = explorer.history
        self.list = QListWidget()
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setFlow(QListView.Flow.LeftToRight)
        self.list.setWrapping(False)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSpacing(2)
        self.list.itemClicked.connect(lambda item: explorer.apply(self.list.row(item)))
        self.undo = small_button("\N{LEFTWARDS ARROW WITH HOOK}", "Undo: the step before", explorer.undo)
        self.redo = small_button("\N{RIGHTWARDS ARROW WITH HOOK}", "Redo", explorer.redo)
        self.save = button("Save ...", "Write all steps to a file", self._ask_to_save)
        self.load = button("Load ...", "Go on with steps from a file", self._ask_to_load)
        self.clear = button("Clear", "Forget all steps; kept layers stay", explorer.forget)
        self.empty = note(EMPTY)
        column(self, row(self.undo, self.redo, None, self.save, self.load, self.clear), self.empty, self.list)
        explorer.history_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the steps there are."""
        history = self._explorer.history
        if history is not self._listed:
            self.list.clear()
            self._listed = history
        for number, step in enumerate(history.steps[self.list.count() :], start=self.list.count()):
            pixmap = QPixmap()
            pixmap.loadFromData(step.thumbnail)
            if not self.list.count():
                self._fit(pixmap)
            item = QListWidgetItem(_icon(pixmap), str(number + 1))
            item.setToolTip(step.name)
            self.list.addItem(item)
        if history.current is not None:
            self.list.setCurrentRow(history.current)
            self.list.scrollToItem(self.list.currentItem())
        self.undo.setEnabled(history.can_undo)
        self.redo.setEnabled(history.can_redo)
        for part in (self.save, self.clear):
            part.setEnabled(bool(history.steps))
        self.list.setVisible(bool(history.steps))
        self.empty.setVisible(not history.steps)

    def _fit(self, pixmap: QPixmap) -> None:
        """As high as the first thumbnail: all are of one image."""
        shown = pixmap.size().scaled(QSize(SIDE, SIDE), Qt.AspectRatioMode.KeepAspectRatio)
        self.list.setIconSize(shown)
        self.list.setFixedHeight(shown.height() + BELOW)

    def write(self, path: Path | str) -> None:
        """Save the exploration; says what became of it."""
        try:
            self._explorer.history.save(path)
        except RefVAEError as error:
            self._explorer.told.emit(f"Not saved: {error}.")
        else:
            self._explorer.told.emit(f"Saved {len(self._explorer.history.steps)} steps to {path}.")

    def _ask_to_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the exploration", "exploration.json", FILES)
        if path:
            self.write(path)

    def _ask_to_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load an exploration", "", FILES)
        if path:
            self.load_asked.emit(path)


def _icon(pixmap: QPixmap) -> QIcon:
    """A picture of the strip's size, whose colours stay when it is selected."""
    if not pixmap.isNull():
        smooth = Qt.TransformationMode.SmoothTransformation
        pixmap = pixmap.scaled(SIDE, SIDE, Qt.AspectRatioMode.KeepAspectRatio, smooth)
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
