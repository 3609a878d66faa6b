"""The rows above a gallery's thumbnails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QSizePolicy, QWidget

from napari_refvae.widget.form.choices import ChoiceBox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.widget.gallery.groups import RunGroup

__all__ = ["RunHeader"]


class RunHeader(QWidget):
    """Which run, how many samples it has, and what of them the thumbnails show."""

    chosen = Signal(object)
    """The run that the user chose; of channels the first one's."""
    whole_chosen = Signal(bool)
    """Whether thumbnails show whole images (True) or the detail in view."""

    def __init__(self) -> None:
        super().__init__()
        self._run = ChoiceBox("The run whose samples are shown; the newest comes first")
        self._run.changed.connect(self.chosen.emit)
        self._count = QLabel()
        self._count.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._what = QComboBox()
        self._what.addItems(["Detail in view", "Whole image"])
        self._what.setToolTip("What thumbnails show: the middle of the view, where samples can be told apart, or all")
        self._what.activated.connect(lambda index: self.whole_chosen.emit(index == 1))
        self._run.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._run.native, 0, 0, 1, 2)
        layout.addWidget(self._count, 1, 0)
        layout.addWidget(self._what, 1, 1)
        layout.setColumnStretch(0, 1)
        for part in (self._run.native, self._what):
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def offer(self, groups: Sequence[RunGroup], shown: RunGroup | None) -> None:
        """Offer these, newest first."""
        self._run.offer([(group.title, group.leading) for group in groups], shown and shown.leading)

    def tell(self, samples: int, kept: int) -> None:
        """Say how many samples the run has, and how many are kept."""
        text = f"{samples} sample{'s' if samples != 1 else ''}"
        self._count.setText(f"{text}, {kept} kept" if kept else text)
