"""Where our docks go in napari's window: wide enough, and side by side or in tabs rather than squeezed together.

napari puts each new dock below those that are there, whatever height is left, and makes it as narrow as it can be.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

__all__ = ["DockPlacing", "dock_width"]

PART = 0.21
"""Of the window's width, for one dock ..."""

NARROWEST, WIDEST = 340, 460
"""... within these, in pixels."""

OURS = "napari_refvae"
"""The property of docks that were placed."""

CANVAS = 700
"""Pixels that the canvas keeps beside two docks: with less they share one place, as tabs."""


class DockPlacing(QObject):
    """Places a widget's dock when it is first shown; where the user puts it later, it stays.

    Parameters
    ----------
    widget
        What is in the dock.
    beside
        Whether it is good to see together with our other docks, where the window is wide enough.
    """

    def __init__(self, widget: QWidget, *, beside: bool = False) -> None:
        super().__init__(widget)
        self._widget = widget
        self._beside = beside
        self._sizes = {id(one): one.size() for one in QApplication.topLevelWidgets()}  # before one grows for the dock
        self._shown = QTimer(self)  # once the dock has its place in the window
        self._shown.setSingleShot(True)
        self._shown.timeout.connect(self._place)
        widget.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        if event.type() == QEvent.Type.Show and _dock_of(self._widget) is not None:
            self._widget.removeEventFilter(self)
            self._shown.start(0)
        return False

    def _place(self) -> None:
        dock = _dock_of(self._widget)
        window = None if dock is None else dock.parent()
        if dock is None or not isinstance(window, QMainWindow) or dock.isFloating():
            return
        dock.setProperty(OURS, True)
        others = _neighbours(dock, window)
        width = dock_width(window.width())
        docks = [dock]
        if others and self._beside and _room_for(window, 2 * width):
            window.splitDockWidget(others[-1], dock, Qt.Orientation.Horizontal)
            docks = [others[-1], dock]
        elif others:
            window.tabifyDockWidget(others[-1], dock)
            dock.raise_()
        window.resizeDocks(docks, [width] * len(docks), Qt.Orientation.Horizontal)
        if others:
            self._shown.timeout.disconnect()
            self._shown.timeout.connect(self._shrink)
            self._shown.start(0)  # when the docks have been laid out

    def _shrink(self) -> None:
        """Give the window the size back that it had before there was a dock below the others."""
        window = self._widget.window()
        before = self._sizes.get(id(window))
        if window is None or before is None or window.isMaximized() or window.isFullScreen():
            return
        if window.height() > before.height():
            window.resize(before)


def dock_width(window: int) -> int:
    """How wide a dock of ours should be in a window so wide, in pixels."""
    return min(max(round(PART * window), NARROWEST), WIDEST)


def _dock_of(widget: QWidget) -> QDockWidget | None:
    """The dock that a widget is in."""
    holder = widget.parent()
    while holder is not None and not isinstance(holder, QDockWidget):
        holder = holder.parent()
    return holder


def _neighbours(dock: QDockWidget, window: QMainWindow) -> list[QDockWidget]:
    """Our other docks in the same area of the window, if that is one with room for tall ones."""
    area = window.dockWidgetArea(dock)
    if area not in (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea):
        return []
    docks = [one for one in window.findChildren(QDockWidget) if one is not dock and one.property(OURS)]
    return [one for one in docks if window.dockWidgetArea(one) == area and not one.isFloating()]


def _room_for(window: QMainWindow, width: int) -> bool:
    """Whether docks so wide leave the canvas enough, beside what is on the other side."""
    lefts = [
        dock.width()
        for dock in window.findChildren(QDockWidget)
        if dock.isVisible() and window.dockWidgetArea(dock) == Qt.DockWidgetArea.LeftDockWidgetArea
    ]
    return window.width() - max(lefts, default=0) - width >= CANVAS
