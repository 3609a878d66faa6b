"""Long names in little room: an ellipsis in the middle, and the whole name in a tooltip."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QComboBox, QLabel, QStyle, QStyleOptionComboBox, QStylePainter, QToolTip

__all__ = ["ElidedLabel", "ElidedText", "shortened"]

LONGEST = 32
"""Characters of a name in a sentence."""

MARGIN = 6
"""Pixels that the style leaves free at the ends of a box's text."""


def shortened(name: str, longest: int = LONGEST) -> str:
    """A name for a sentence: the end often tells as much as the beginning, so the middle goes."""
    if len(name) <= longest:
        return name
    half = (longest - 1) // 2
    return f"{name[: longest - 1 - half]}\N{HORIZONTAL ELLIPSIS}{name[len(name) - half :]}"


class ElidedLabel(QLabel):
    """A label that gives way: what does not fit is left out in the middle; the tooltip has all."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setMinimumWidth(20)
        self.say(text)

    def say(self, text: str) -> None:
        """Show another text."""
        self._whole = text
        self.setToolTip(text)
        self._fit()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Fit the text to the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.contentsRect().width()
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideMiddle, room))


class ElidedText(QObject):
    """Lets a combo box draw an ellipsis where the chosen entry does not fit; Qt just cuts it. The tooltip has all.

    Parameters
    ----------
    box
        Made in Python: Qt keeps its style options for those.
    """

    def __init__(self, box: QComboBox) -> None:
        super().__init__(box)
        self._box = box
        box.installEventFilter(self)

    @property
    def text(self) -> str:
        """What is drawn."""
        return self._option().currentText or ""

    def eventFilter(self, _: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        if event.type() == QEvent.Type.Paint:
            self._paint()
            return True
        if event.type() == QEvent.Type.ToolTip and self.text != self._box.currentText():
            QToolTip.showText(event.globalPos(), f"{self._box.currentText()}\n{self._box.toolTip()}", self._box)
            return True
        return False

    def _option(self) -> QStyleOptionComboBox:
        """How the box looks, with as much of the text as fits."""
        option = QStyleOptionComboBox()
        self._box.initStyleOption(option)
        style = self._box.style()
        assert style is not None  # a widget has one
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self._box).width() - MARGIN
        option.currentText = self._box.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideMiddle, room)
        return option

    def _paint(self) -> None:
        painter, option = QStylePainter(self._box), self._option()
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()
