"""The rows above and below a gallery's thumbnails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.widget.results.run import Run

__all__ = ["Choices", "Verdicts"]

WIDEST_LIST = 480
"""Pixels: longer entries are cut in the list, too."""

LIST_MARGIN = 30  # pixels beside an entry of a list

FORMATS = {"as PNG ...": ".png", "as TIFF ...": ".tiff"}


class Choices(QWidget):
    """Which run, how many samples it has, and what of them the thumbnails show."""

    chosen = Signal(object)
    """The run that the user chose."""
    whole_chosen = Signal(bool)
    """Whether thumbnails show whole images (True) or the detail in view."""

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[Run] = []
        self._run = Chooser()
        self._run.activated.connect(lambda index: self.chosen.emit(self._runs[index]))
        self._count = QLabel()
        self._count.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._what = QComboBox()
        self._what.addItems(["Detail in view", "Whole image"])
        self._what.setToolTip("What thumbnails show: the middle of the view, where samples can be told apart, or all")
        self._what.activated.connect(lambda index: self.whole_chosen.emit(index == 1))
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._run, 0, 0, 1, 2)
        layout.addWidget(self._count, 1, 0)
        layout.addWidget(self._what, 1, 1)
        layout.setColumnStretch(0, 1)
        for part in (self._run, self._what):
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def offer(self, runs: Sequence[Run], shown: Run | None) -> None:
        """Offer these runs, newest first."""
        self._runs = list(runs)
        current = self._runs.index(shown) if shown in self._runs else None
        self._run.offer([_title(run) for run in runs], current)

    def tell(self, samples: int, kept: int) -> None:
        """Say how many samples the run has, and how many are kept."""
        text = f"{samples} sample{'s' if samples != 1 else ''}"
        self._count.setText(f"{text}, {kept} kept" if kept else text)


class Chooser(QComboBox):
    """A combo box that cuts long entries in their middle, where they differ least; whole in list and tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def offer(self, texts: Sequence[str], current: int | None) -> None:
        """Have these entries; nobody is told."""
        self.blockSignals(True)
        self.clear()
        self.addItems(list(texts))
        for index, text in enumerate(texts):
            self.setItemData(index, text, Qt.ItemDataRole.ToolTipRole)
        if current is not None:
            self.setCurrentIndex(current)
        self.blockSignals(False)
        self._name()

    def showPopup(self) -> None:  # noqa: N802 (Qt's name)
        view = self.view()
        if view is not None:
            view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
            view.setMinimumWidth(min(WIDEST_LIST, view.sizeHintForColumn(0) + LIST_MARGIN))
        super().showPopup()

    def paintEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        style = self.style()
        assert style is not None
        room = style.subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideMiddle, room.width() - 4
        )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _name(self) -> None:
        self.setToolTip(f"{self.currentText()}\nThe run whose samples are shown; the newest comes first")


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
    """What tells a run from others: its image, its number, its references."""
    names = list(dict.fromkeys(run.samples[index].reference for index in sorted(run.samples)))
    return run.title if names == ["none"] else f"{run.title} by {', '.join(names)}"
