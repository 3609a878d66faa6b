"""Combo boxes that hold objects: a choice survives renaming, reordering and new entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

from napari_refvae.widget.form.eliding import ElidedText

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ChoiceBox"]

NARROWEST = 70
"""Pixels. Long names are elided; they widen no dock."""

WIDEST_LIST = 420
"""Pixels of the list that opens: as wide as its entries, up to this."""

LIST_MARGIN = 40
"""Pixels of the list beside its text."""


class ChoiceBox(ComboBox):
    """A box that takes no more width than it is given, and never chooses by itself.

    Parameters
    ----------
    tooltip
        What the choice is for.
    entries
        Names and what they stand for.
    value
        The choice.
    """

    null_value = object()  # None is an entry like others: magicgui would not tell that it was chosen

    def __init__(self, tooltip: str, entries: Sequence[tuple[str, Any]] = (), value: Any = None) -> None:
        self._entries: list[tuple[str, Any]] = []
        super().__init__(tooltip=tooltip, choices=lambda _: self._entries)  # magicgui asks whenever the parent changes
        self.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.native.setMinimumWidth(NARROWEST)
        self.native.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._elided = ElidedText(self.native)
        self.offer(entries, value)

    def offer(self, entries: Sequence[tuple[str, Any]], chosen: Any) -> None:
        """Offer other entries, and choose; signals nothing."""
        if list(entries) == self._entries and chosen is self.value:
            return  # filling the list takes magicgui long, and napari asks for it with every layer
        with self.changed.blocked():
            for offered in ([], list(entries)):  # magicgui would put new ones last
                self._entries = offered
                self.reset_choices()
            if entries:
                self.value = chosen
        self._widen_list()

    def _widen_list(self) -> None:
        """Let whole names be read in the list that opens, and on each of them."""
        box = self.native
        texts = [box.itemText(row) for row in range(box.count())]
        widest = max((box.fontMetrics().horizontalAdvance(text) for text in texts), default=0)
        box.view().setMinimumWidth(min(widest + LIST_MARGIN, WIDEST_LIST))
        for row, text in enumerate(texts):
            box.setItemData(row, text, Qt.ItemDataRole.ToolTipRole)
