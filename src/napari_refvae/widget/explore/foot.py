"""The panel's foot: what happens, how far it is, and a way to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QProgressBar, QWidget

from napari_refvae.widget.explore.parts import button, column, note, row

if TYPE_CHECKING:
    from napari_refvae.widget.explore.tasks import Tasks

__all__ = ["Foot"]

STEPS = 1000


class Foot(QWidget):
    """A sentence; while a job is under way its progress and a button that cancels it.

    Parameters
    ----------
    tasks
        Whose jobs.
    """

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        self._tasks = tasks
        self.text = note()
        self.bar = QProgressBar()
        self.bar.setRange(0, STEPS)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.cancel = button("Cancel", "Stop after the step under way; what is finished stays", tasks.cancel)
        column(self, self.text, row(self.bar, 1, self.cancel))
        tasks.advanced.connect(self._advance)
        tasks.changed.connect(self._show)
        self._show()

    def tell(self, sentence: str) -> None:
        """Say something."""
        self.text.setText(sentence)
        self.text.setToolTip("")

    def time(self, seconds: float) -> None:
        """Say beside that what the preview took."""
        self.text.setToolTip(f"Made in {1000 * seconds:.0f} ms")

    def _advance(self, done: float, sentence: str) -> None:
        self.bar.setValue(round(STEPS * done))
        self.text.setText(sentence)

    def _show(self) -> None:
        running = self._tasks.running
        self.bar.setValue(0)
        for part in (self.bar, self.cancel):
            part.setVisible(running)
