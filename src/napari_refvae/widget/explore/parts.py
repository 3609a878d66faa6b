"""Small parts of the panel: sliders, sections, rows of buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QLayout

__all__ = ["button", "column", "emptied", "note", "row", "set_quietly", "slider", "swatch", "timer"]

NUMBER = 40  # pixels, of a slider's value
SWATCH = 14


def slider(value: float, high: float, tooltip: str, on_change: Callable[[float], None]) -> QLabeledDoubleSlider:
    """A slider from 0 that says its value."""
    made = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
    made.setRange(0.0, high)
    made.setSingleStep(0.01)  # type: ignore[arg-type] # superqt declares it as Qt does, for integers
    made.setDecimals(2)
    made.setValue(value)
    made.setToolTip(tooltip)
    made._label.setStyleSheet(f"min-width: {NUMBER}px; max-width: {NUMBER}px; padding: 0;")  # napari's own is wide
    made.valueChanged.connect(on_change)
    return made


def set_quietly(made: Any, value: float) -> None:
    """Move a slider, or turn a number, without telling."""
    made.blockSignals(True)
    made.setValue(value)
    made.blockSignals(False)


def button(text: str, tooltip: str, action: Callable[[], Any]) -> QPushButton:
    """A button of its text's width at least."""
    made = QPushButton(text)
    made.setToolTip(tooltip)
    made.clicked.connect(lambda: action())
    return made


def note(text: str = "") -> QLabel:
    """Small print that wraps."""
    made = QLabel(text)
    made.setWordWrap(True)
    made.setStyleSheet("color: #a0a4ab;")
    made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return made


def swatch(colour: str) -> QLabel:
    """A square of a colour."""
    made = QLabel()
    made.setFixedSize(SWATCH, SWATCH)
    made.setStyleSheet(f"background: {colour}; border-radius: 3px;")
    return made


def row(*items: QWidget | int | None) -> QHBoxLayout:
    """Widgets in a row; a number after one is its stretch, None is a gap that grows."""
    made = QHBoxLayout()
    made.setSpacing(5)
    for item in items:
        if item is None:
            made.addStretch(1)
        elif isinstance(item, int):
            made.setStretch(made.count() - 1, item)
        else:
            made.addWidget(item)
    return made


def column(
    parent: QWidget, *items: QWidget | QLayout, margins: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> QVBoxLayout:
    """Fill a widget with widgets and layouts, from the top."""
    made = QVBoxLayout(parent)
    made.setContentsMargins(*margins)
    made.setSpacing(5)
    for item in items:
        if isinstance(item, QWidget):
            made.addWidget(item)
        else:
            made.addLayout(item)
    return made


def timer(milliseconds: int, action: Callable[[], Any], parent: QObject | None = None) -> QTimer:
    """Acts once so long after it was started last."""
    made = QTimer(parent)
    made.setSingleShot(True)
    made.setInterval(milliseconds)
    made.timeout.connect(action)
    return made


def emptied(layout: Any) -> None:
    """Take all that is in a layout away, rows in it too."""
    while layout.count():
        item = layout.takeAt(0)
        if item.widget() is not None:
            item.widget().deleteLater()
        elif item.layout() is not None:
            emptied(item.layout())
