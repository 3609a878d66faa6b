"""The rows above and below a gallery's thumbnails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QMenu, QPushButton, QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.widget.results.runs import Run

__all__ = ["Choices", "Verdicts"]

FORMATS = {"as PNG ...": ".png", "as TIFF ...": ".tiff"}


class Choices(QWidget):
    """Which run, and what of it the thumbnails show."""

    chosen = Signal(object)
    """The run that the user chose."""
    whole_chosen = Signal(bool)
    """Whether thumbnails show whole images (True) or the detail in view."""

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[Run] = []
        self._run = QComboBox()
        self._run.setToolTip("The run whose samples are shown; the newest comes first")
        self._run.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._run.activated.connect(lambda index: self.chosen.emit(self._runs[index]))
        self._what = QComboBox()
        self._what.addItems(["Detail in view", "Whole image"])
        self._what.setToolTip("What thumbnails show: the middle of the view, where samples can be told apart, or all")
        self._what.activated.connect(lambda index: self.whole_chosen.emit(index == 1))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._run, 1)
        layout.addWidget(self._what)
        for part in (self._run, self._what):
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def offer(self, runs: Sequence[Run], shown: Run | None) -> None:
        """Offer these runs, newest first."""
        self._runs = list(runs)
        self._run.blockSignals(True)
        self._run.clear()
        self._run.addItems([_title(run) for run in runs])
        if shown in self._runs:
            self._run.setCurrentIndex(self._runs.index(shown))
        self._run.blockSignals(False)


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


def _title(run: Run) -> str:
    count = len(run.samples)
    samples = "1 sample" if count == 1 else f"{count} samples"
    names = list(dict.fromkeys(run.samples[index].reference for index in sorted(run.samples)))
    by = "" if names == ["none"] else f" by {', '.join(names)}"
    return f"{run.origin.title}, {samples}{by}"
