"""The references and how much of each: one slider for each, a blend together; what is left is "no reference"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from psygnal import Signal
from qtpy.QtWidgets import QFileDialog, QLabel, QMenu, QVBoxLayout, QWidget

from napari_refvae.explore.mix import Mix
from napari_refvae.widget.explore.parts import button, column, note, row, set_quietly, slider, swatch
from napari_refvae.widget.explore.steering import balanced, percent
from napari_refvae.widget.form.layout import small_button
from napari_refvae.widget.form.previews import Preview, file_picture, layer_picture
from napari_refvae.widget.form.references import CHIP, FILES, SELF_REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from superqt import QLabeledDoubleSlider

    from napari_refvae.widget.form.references import ReferenceItem

__all__ = ["COLOURS", "Weights", "name_of"]

COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2", "#999999")
"""Of the references, here and where they are painted (Okabe and Ito); the first again after the last."""

NAME = 66
LEFT_OVER = 0.005


class Weights(QWidget):
    """A row for each reference: its colour, its picture, its name, its weight."""

    mixed = Signal()
    """The user moved a weight."""
    removed = Signal(int)
    """A reference was taken out: its number; those after it have moved up. `listed` comes next."""
    listed = Signal()
    """References came or went."""

    def __init__(self) -> None:
        super().__init__()
        self.choices: list[ReferenceItem] = []
        self.sliders: list[QLabeledDoubleSlider] = []
        self.locked = False  # whether references may go: recipes count on their places
        self._layers: list[Image] = []
        self._rows: list[QWidget] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(3)
        self.rest = note()
        self.add_button = button("Add a reference ...", "A layer, image files, or the image itself", self._show_menu)
        column(self, self._list, row(self.add_button, self.rest, 1))
        self._tell_rest()

    @property
    def mix(self) -> Mix:
        """The blend that the sliders say."""
        return Mix(tuple(balanced([min(1.0, one.value()) for one in self.sliders], 0)) if self.sliders else ())

    @property
    def names(self) -> tuple[str, ...]:
        """Of the references, in their order."""
        return tuple(name_of(choice) for choice in self.choices)

    def offer_layers(self, layers: Sequence[Image]) -> None:
        """Layers that can be references."""
        self._layers = list(layers)

    def add(self, choice: ReferenceItem) -> None:
        """Add a reference, without weight; a second time it is the same."""
        if choice not in self.choices:
            self._append(choice)
            self.listed.emit()

    def remove(self, choice: ReferenceItem) -> None:
        """Take a reference out."""
        if choice not in self.choices:
            return
        index = self.choices.index(choice)
        weights, choices = [made.value() for made in self.sliders], list(self.choices)
        del weights[index], choices[index]
        self.fill(choices)
        self.show_mix(Mix(tuple(weights)))
        self.removed.emit(index)
        self.listed.emit()

    def fill(self, choices: Sequence[ReferenceItem]) -> None:
        """Have these references, all without weight; tells nobody."""
        for made in self._rows:
            self._list.removeWidget(made)
            made.deleteLater()
        self.choices, self.sliders, self._rows = [], [], []
        for choice in choices:
            self._append(choice)
        self._tell_rest()

    def show_mix(self, mix: Mix) -> None:
        """Move the sliders to a blend, without telling."""
        for index, made in enumerate(self.sliders):
            set_quietly(made, mix.weights[index] if index < len(mix.weights) else 0.0)
        self._tell_rest()

    def _append(self, choice: ReferenceItem) -> None:
        index = len(self.choices)
        made = slider(0.0, 1.0, f"How much of {name_of(choice)}", lambda _: self._moved(index))
        line, name = QWidget(), QLabel(name_of(choice))
        name.setFixedWidth(NAME)
        name.setToolTip(str(choice) if isinstance(choice, Path) else name_of(choice))
        picture = Preview(CHIP)
        _draw(picture, choice)
        gone = small_button("\N{MULTIPLICATION SIGN}", "Take this reference out", lambda: self._remove(choice))
        layout = row(swatch(COLOURS[index % len(COLOURS)]), picture, name, made, 1, gone)
        layout.setContentsMargins(0, 0, 0, 0)
        line.setLayout(layout)
        self.choices.append(choice)
        self.sliders.append(made)
        self._rows.append(line)
        self._list.addWidget(line)
        self._tell_rest()

    def _remove(self, choice: ReferenceItem) -> None:
        if self.locked:
            self.rest.setText("Steps of the history use it: set it to 0, or clear the history.")
            return
        self.remove(choice)

    def _moved(self, index: int) -> None:
        """The others make room."""
        for other, weight in zip(self.sliders, balanced([one.value() for one in self.sliders], index), strict=True):
            if abs(other.value() - weight) > 1e-9:
                set_quietly(other, weight)
        self._tell_rest()
        self.mixed.emit()

    def _tell_rest(self) -> None:
        if not self.sliders:
            self.rest.setText("No reference yet: samples differ by seed.")
            return
        left = 1 - sum(one.value() for one in self.sliders)
        self.rest.setText(f"No reference: {percent(left)}" if left > LEFT_OVER else "")

    def _show_menu(self) -> None:
        menu = QMenu(self)
        menu.addAction("Image files ...", self._ask_for_files)
        menu.addSeparator()
        entries: list[tuple[str, ReferenceItem]] = [SELF_REFERENCE, *((one.name, one) for one in self._layers)]
        for name, choice in entries:
            if choice not in self.choices:
                menu.addAction(name, lambda choice=choice: self.add(choice))
        menu.exec_(self.add_button.mapToGlobal(self.add_button.rect().bottomLeft()))

    def _ask_for_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "References", "", FILES)
        for name in names:
            self.add(Path(name))


def name_of(choice: ReferenceItem | Any) -> str:
    """What a reference is called."""
    if isinstance(choice, Path):
        return choice.stem
    return str(choice.name) if isinstance(choice, Image) else SELF_REFERENCE[0]


def _draw(picture: Preview, choice: ReferenceItem) -> None:
    if isinstance(choice, Image):
        picture.show_picture(layer_picture(choice))
    elif isinstance(choice, Path):
        picture.show_picture(file_picture(choice), choice.suffix[1:5])
    else:
        picture.show_picture(None, "self")
