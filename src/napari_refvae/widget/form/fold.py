"""A part of the form that is folded away until it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QIcon
from superqt import QCollapsible

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

__all__ = ["Fold"]

OPEN, FOLDED = "\N{BLACK DOWN-POINTING TRIANGLE}", "\N{BLACK RIGHT-POINTING TRIANGLE}"
PLAIN = (
    "QPushButton, QPushButton:checked, QPushButton:hover, QPushButton:pressed"
    "{ text-align: left; border: none; background: transparent; font-weight: bold; padding: 2px 0; }"
)


class Fold(QCollapsible):
    """A title; a click on it shows or hides what is under it.

    Parameters
    ----------
    title
        Always shown.
    content
        Hidden at first.
    """

    def __init__(self, title: str, content: QWidget) -> None:
        super().__init__(title)
        self._title = title
        for set_icon in (self.setExpandedIcon, self.setCollapsedIcon):
            set_icon(QIcon())  # drawn in a colour that a dark theme swallows
        self.setDuration(120)
        self.toggleButton().setStyleSheet(PLAIN)
        layout = self.layout()
        assert layout is not None  # the base class made one
        layout.setContentsMargins(0, 0, 0, 0)
        self.setContent(content)
        self.collapse(animate=False)
        self.toggled.connect(self._point)
        self._point(False)

    def _point(self, open_: bool) -> None:
        self.setText(f"{OPEN if open_ else FOLDED}  {self._title}")
