"""Docks in a plain window: no napari is needed to see where they go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QWidget

from napari_refvae.widget.docking import NARROWEST, WIDEST, DockPlacing, dock_width

if TYPE_CHECKING:
    from collections.abc import Callable

RIGHT = Qt.DockWidgetArea.RightDockWidgetArea


@pytest.fixture
def window(qtbot: Any) -> QMainWindow:
    made = QMainWindow()
    made.setCentralWidget(QLabel("canvas"))
    qtbot.addWidget(made)
    return made


@pytest.fixture
def open_dock(window: QMainWindow, qtbot: Any) -> Callable[..., QDockWidget]:
    def opened(*, beside: bool = False, area: Any = RIGHT, height: int = 300) -> QDockWidget:
        dock, widget = QDockWidget(window), QWidget()
        widget.setMinimumSize(320, height)
        DockPlacing(widget, beside=beside)
        dock.setWidget(widget)
        window.addDockWidget(area, dock)
        dock.show()
        qtbot.wait(50)
        return dock

    return opened


def test_widths_follow_the_window_within_limits() -> None:
    assert [dock_width(width) for width in (800, 1400, 1920, 4000)] == [NARROWEST, NARROWEST, 403, WIDEST]


def test_one_dock_gets_its_width(window: QMainWindow, open_dock: Callable[..., QDockWidget]) -> None:
    window.resize(1580, 900)
    window.show()
    assert abs(open_dock().width() - dock_width(1580)) <= 4


def test_in_a_narrow_window_docks_are_tabs(
    window: QMainWindow, open_dock: Callable[..., QDockWidget], qtbot: Any
) -> None:
    window.resize(1300, 900)
    window.show()
    first, second = open_dock(height=600), open_dock(beside=True, height=600)
    assert window.tabifiedDockWidgets(first) == [second]
    qtbot.waitUntil(lambda: window.height() == 900)  # two of them below each other had made it higher
    assert first.width() <= NARROWEST + 4


def test_in_a_wide_window_those_that_belong_together_are_seen_together(
    window: QMainWindow, open_dock: Callable[..., QDockWidget]
) -> None:
    window.resize(1580, 900)
    window.show()
    first, second = open_dock(), open_dock(beside=True)
    assert window.tabifiedDockWidgets(first) == []
    assert second.x() > first.x() + first.width()
    assert first.height() == second.height()
    third = open_dock()
    assert third in window.tabifiedDockWidgets(second)


def test_docks_of_others_and_elsewhere_are_left_alone(
    window: QMainWindow, open_dock: Callable[..., QDockWidget]
) -> None:
    window.resize(1300, 900)
    window.show()
    other = QDockWidget(window)
    other.setWidget(QWidget())
    window.addDockWidget(RIGHT, other)
    first = open_dock()
    left = open_dock(area=Qt.DockWidgetArea.LeftDockWidgetArea)
    assert [window.tabifiedDockWidgets(dock) for dock in (other, first, left)] == [[], [], []]
