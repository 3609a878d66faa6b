"""What to do with the samples on which there is a verdict."""

from __future__ import annotations

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

__all__ = ["Verdicts"]

FORMATS = {"as PNG ...": ".png", "as TIFF ...": ".tiff"}


class Verdicts(QWidget):
    """What to do with discarded and kept samples."""

    remove_clicked = Signal()
    export_clicked = Signal(str)
    """The suffix of the files to write."""

    def __init__(self) -> None:
        super().__init__()
        self._remove = QPushButton()
        self._remove.clicked.connect(lambda _=False: self.remove_clicked.emit())
        self._export = QPushButton()
        self._export.setMenu(self._formats())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (self._remove, self._export):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            layout.addWidget(button, 1)

    def tell(self, kept: int, discarded: int, waits_for: str = "") -> None:
        """Say how many there are, and what is missing for a button to do something."""
        self._remove.setText(f"Remove discarded ({discarded})" if discarded else "Remove discarded")
        self._remove.setEnabled(discarded > 0)
        self._remove.setToolTip("Take the layers of discarded samples away" if discarded else "Nothing is discarded")
        self._export.setText(f"Export kept ({kept})" if kept else "Export kept")
        self._export.setEnabled(kept > 0 and not waits_for)
        self._export.setToolTip(
            waits_for
            or ("Write them as files, with a side-car that makes them again" if kept else "Star a sample first")
        )

    def _formats(self) -> QMenu:
        menu = QMenu(self)
        for text, suffix in FORMATS.items():
            action = menu.addAction(text)
            assert action is not None
            action.triggered.connect(lambda _=False, suffix=suffix: self.export_clicked.emit(suffix))
        return menu
