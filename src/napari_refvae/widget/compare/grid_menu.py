"""Which pictures the grid shows: chosen in a menu, and said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtWidgets import QMenu, QWidget

from napari_refvae.widget.compare.pictures import FAITHFUL, INPUT, TRUTH, sample_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_refvae.widget.compare.composites import Shown

    Verdicts = Mapping[int, bool | None]

__all__ = ["GridMenu"]

ALL, UNDISCARDED, KEPT, PAIR = "All samples", "All but discarded ones", "Kept ones", "The pair above"
VERDICTS: dict[str, set[bool | None]] = {ALL: {True, None, False}, UNDISCARDED: {True, None}, KEPT: {True}}
BESIDE = {INPUT: "With the input", FAITHFUL: "With the faithful image", TRUTH: "With the ground truth"}


class GridMenu(QMenu):
    """The samples that the grid shows, and what else beside them."""

    changed = Signal()
    """The user chose otherwise."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._which = {name: self._entry(name, name) for name in (UNDISCARDED, KEPT, ALL, PAIR)}
        self.addSeparator()
        self._beside = {key: self._entry(key, text) for key, text in BESIDE.items()}
        self._which[UNDISCARDED].setChecked(True)

    @property
    def is_pair(self) -> bool:
        """Whether the grid shows the two that are chosen for the other comparisons."""
        return bool(self._which[PAIR].isChecked())

    def show_all(self) -> None:
        """Choose all samples."""
        self._chosen(ALL)

    def members(
        self, verdicts: Verdicts, pictures: Mapping[str, Shown], pair: tuple[Shown, Shown] | None
    ) -> list[Shown]:
        """What the grid is to show, in the order of ``pictures``; all samples if the choice leaves none.

        ``verdicts`` are those on the samples, by index.
        """
        if self.is_pair:
            return list(pair or ())
        beside = {key for key, action in self._beside.items() if action.isChecked()}
        keys = beside | {sample_key(index) for index in self._samples(verdicts) or verdicts}
        return [picture for key, picture in pictures.items() if key in keys]

    def in_words(self, verdicts: Verdicts) -> tuple[str, bool]:
        """What part of the samples is shown, and whether others are left out."""
        count, chosen = len(verdicts), len(self._samples(verdicts))
        if self.is_pair:
            return "The pair above", count > 0
        if chosen == 0:
            return f"None is {'kept' if self._which[KEPT].isChecked() else 'left'}: all {count} are shown", False
        if chosen == count:
            return f"All {count}" if count > 1 else "The one sample", False
        if self._which[KEPT].isChecked():
            return f"{chosen} kept of {count}", True
        return f"{chosen} of {count}, without the discarded", True

    def _samples(self, verdicts: Verdicts) -> list[int]:
        """Indices of the samples with a verdict that is wanted."""
        [name] = [name for name, action in self._which.items() if action.isChecked()]
        wanted = VERDICTS.get(name, set())
        return [index for index, verdict in verdicts.items() if verdict in wanted]

    def _entry(self, name: str, text: str) -> Any:
        action: Any = self.addAction(text)
        action.setCheckable(True)
        action.triggered.connect(lambda _=False: self._chosen(name))
        return action

    def _chosen(self, name: str) -> None:
        if name in self._which:  # one of these
            for other, action in self._which.items():
                action.setChecked(other == name)
        self.changed.emit()
