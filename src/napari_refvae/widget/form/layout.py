"""How fields are laid out: labels in a column of one width, fields beside them, small buttons at their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLayout, QPushButton, QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["beside", "field_grid", "label", "small_button"]

LABEL_WIDTH = 96  # pixels
SMALL = 26  # pixels


def field_grid(parent: QWidget, rows: Sequence[tuple[str, QWidget | QLayout]]) -> QGridLayout:
    """Fill a widget with labels and fields; it takes no more height than they need."""
    grid = QGridLayout(parent)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(6)
    grid.setVerticalSpacing(5)
    grid.setColumnStretch(1, 1)
    parent.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    for row, (name, field) in enumerate(rows):
        grid.addWidget(label(name), row, 0)
        if isinstance(field, QWidget):
            grid.addWidget(field, row, 1)
        else:
            grid.addLayout(field, row, 1)
    return grid


def label(name: str) -> QLabel:
    """A field's name."""
    made = QLabel(name)
    made.setFixedWidth(LABEL_WIDTH)
    return made


def beside(field: QWidget, button: QPushButton) -> QHBoxLayout:
    """A field with a small button at its end."""
    row = QHBoxLayout()
    row.setSpacing(4)
    row.addWidget(field, 1)
    row.addWidget(button)
    return row


def small_button(text: str, tooltip: str, action: Callable[[], None]) -> QPushButton:
    """A square button."""
    button = QPushButton(text)
    button.setFixedSize(SMALL, SMALL)
    button.setStyleSheet("padding: 0;")
    button.setToolTip(tooltip)
    button.clicked.connect(lambda: action())
    return button
