"""A part of the panel under a title that opens and shuts it, and grows and shrinks with what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QPushButton, QWidget

from napari_refvae.widget.explore.parts import column
from napari_refvae.widget.form.fold import FOLDED, OPEN, PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Drawer"]

INDENT = 14  # pixels


class Drawer(QWidget):
    """A title; a click on it shows or hides what is under it.

    Unlike a fold of the form it fixes no height: what is in it comes and goes.

    Parameters
    ----------
    title
        Always shown.
    content
        Hidden at first.
    on_open
        Called when it is opened.
    """

    def __init__(self, title: str, content: QWidget, on_open: Callable[[Drawer], None] = lambda _: None) -> None:
        super().__init__()
        self.title = title
        self.content = content
        self._on_open = on_open
        self.head = QPushButton()
        self.head.setStyleSheet(PLAIN)
        self.head.clicked.connect(lambda: self.set_open(not self.is_open))
        inside = QWidget()
        column(inside, content, margins=(INDENT, 0, 0, 4))
        self._inside = inside
        column(self, self.head, inside)
        self.set_open(False)

    @property
    def is_open(self) -> bool:
        """Whether its content is to be seen."""
        return not self._inside.isHidden()

    def set_open(self, open_: bool) -> None:
        """Open or shut it."""
        self._inside.setVisible(open_)
        self.head.setText(f"{OPEN if open_ else FOLDED}  {self.title}")
        if open_:
            self._on_open(self)
