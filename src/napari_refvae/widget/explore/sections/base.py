"""What all sections share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from napari_refvae.widget.explore.explorer import Explorer
    from napari_refvae.widget.explore.ground import Ground

__all__ = ["Section"]


class Section(QWidget):
    """A part of the panel with buttons of its own, which do nothing while a job is under way.

    Parameters
    ----------
    explorer, ground
        What is steered, and the image that it is about.
    """

    def __init__(self, explorer: Explorer, ground: Ground) -> None:
        super().__init__()
        self.explorer = explorer
        self.ground = ground
        explorer.tasks.changed.connect(self._show_busy)

    @property
    def starters(self) -> list[QWidget]:
        """The buttons that begin a job."""
        return []

    def detach(self) -> None:
        """Listen to nothing any more."""

    def tell(self, sentence: str) -> None:
        """Say something in the panel's foot."""
        self.explorer.told.emit(sentence)

    def _show_busy(self) -> None:
        for one in self.starters:
            one.setEnabled(not self.explorer.tasks.running)
