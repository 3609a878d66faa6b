"""A card of the gallery: a thumbnail, what is known of the sample, and two buttons for the verdict on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap
from qtpy.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_refvae.widget.form.eliding import ElidedLabel

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Card"]

STAR = QColor(255, 202, 58)
CROSS = QColor(239, 83, 80)
PALE = QColor(235, 235, 235)
FRAME = QColor(106, 115, 245)
"""Around the picture that is shown."""

BUTTON = 22  # pixels
LINES = 5
"""Reference, consistency, and three figures against a ground truth."""

DIM = 0.3
"""Opacity of a discarded sample."""


class Card(QFrame):
    """One picture of a run.

    Parameters
    ----------
    title
        Short: it is drawn onto the thumbnail.
    with_verdict
        Whether it can be kept or discarded.
    """

    clicked = Signal(bool)
    """With True if Shift was held."""
    hovered = Signal(bool)
    """The mouse came (True) or went."""
    judged = Signal(object)
    """The user's verdict: True (keep), False (discard) or None (undecided again)."""

    def __init__(self, title: str, with_verdict: bool = True) -> None:
        super().__init__()
        self.picture = Thumbnail(title)
        self._keep = _button(_star(), "Keep this sample; only kept ones are exported")
        self._discard = _button(_cross(), "Discard this sample; 'Remove discarded' takes its layers away")
        self._lines = [_line() for _ in range(LINES)]
        self._verdict: bool | None = None
        overlay = QHBoxLayout(self.picture)
        overlay.setContentsMargins(3, 3, 3, 3)
        overlay.setSpacing(2)
        overlay.addStretch()
        for button, verdict in ((self._keep, True), (self._discard, False)):
            button.setVisible(with_verdict)
            overlay.addWidget(button, alignment=Qt.AlignmentFlag.AlignTop)
            button.clicked.connect(lambda _=False, verdict=verdict: self._judge(verdict))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(0)
        for part in (self.picture, *self._lines):
            layout.addWidget(part)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_lines(self, lines: Sequence[str]) -> None:
        """What stands below the thumbnail: up to `LINES` lines."""
        for index, line in enumerate(self._lines):
            line.say(lines[index] if index < len(lines) else "")
            line.setVisible(index < len(lines))

    def set_state(self, *, shown: bool, verdict: bool | None) -> None:
        """Frame the picture that is shown, fill the star of a kept one, dim a discarded one."""
        self._verdict = verdict
        self.picture.set_state(shown=shown, dim=verdict is False)
        self._keep.setIcon(_star(STAR if verdict else None))
        self._discard.setIcon(_cross(CROSS if verdict is False else PALE))
        for line in self._lines:
            line.setEnabled(verdict is not False)

    def enterEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        self.hovered.emit(True)
        super().enterEvent(event)

    def leaveEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        self.hovered.emit(False)
        super().leaveEvent(event)

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))

    def _judge(self, verdict: bool) -> None:
        self.judged.emit(None if self._verdict is verdict else verdict)


class Thumbnail(QWidget):
    """A picture that fills its width, with a title in its corner."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._pixmap: QPixmap | None = None
        self._shown, self._dim = False, False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_pixmap(self, pixmap: QPixmap) -> None:
        self._pixmap = pixmap
        self.update()

    def set_state(self, *, shown: bool, dim: bool) -> None:
        self._shown, self._dim = shown, dim
        self.update()

    def paintEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(self.rect())
        painter.fillRect(frame, QColor(0, 0, 0))
        if self._pixmap is not None:
            painter.setOpacity(DIM if self._dim else 1.0)
            painter.drawPixmap(frame, self._pixmap, QRectF(self._pixmap.rect()))
            painter.setOpacity(1.0)
        self._paint_title(painter)
        if self._shown:
            painter.setPen(QPen(FRAME, 3))
            painter.drawRect(frame.adjusted(1.5, 1.5, -1.5, -1.5))
        painter.end()

    def _paint_title(self, painter: QPainter) -> None:
        font = self.font()
        font.setBold(True)
        painter.setFont(font)
        width = painter.fontMetrics().horizontalAdvance(self._title)
        box = QRectF(4, 4, width + 10, BUTTON - 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 150))
        painter.drawRoundedRect(box, 3, 3)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(PALE)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._title)


def _line() -> ElidedLabel:
    line = ElidedLabel()
    line.setStyleSheet("padding: 1px 2px; margin: 0")  # napari's is wider
    line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return line


def _button(icon: QIcon, tooltip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon)
    button.setIconSize(QSize(BUTTON - 6, BUTTON - 6))
    button.setFixedSize(BUTTON, BUTTON)
    button.setToolTip(tooltip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the canvas keeps the keys
    button.setStyleSheet(
        "QToolButton { background: rgba(0, 0, 0, 150); border: none; border-radius: 3px; padding: 0; }"
        "QToolButton:hover { background: rgba(0, 0, 0, 230); }"
    )
    return button


def _star(fill: QColor | None = None) -> QIcon:
    """Painted, as fonts may lack it: an outline, or filled."""
    path = QPainterPath()
    for corner in range(11):
        radius = 15.0 if corner % 2 == 0 else 6.3
        angle = math.pi * (corner / 5 - 0.5)
        point = QPointF(16 + radius * math.cos(angle), 17 + radius * math.sin(angle))
        if corner:
            path.lineTo(point)
        else:
            path.moveTo(point)
    path.closeSubpath()
    return _painted(path, fill or PALE, fill)


def _cross(colour: QColor = PALE) -> QIcon:
    path = QPainterPath()
    for start, end in (((7, 7), (25, 25)), ((25, 7), (7, 25))):
        path.moveTo(*start)
        path.lineTo(*end)
    return _painted(path, colour, None, 4)


def _painted(path: QPainterPath, line: QColor, fill: QColor | None, width: float = 2) -> QIcon:
    pixmap = QPixmap(32, 32)
    pixmap.fill(QColor(0, 0, 0, 0))
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(line, width))
    if fill is not None:
        painter.setBrush(fill)
    painter.drawPath(path)
    painter.end()
    return QIcon(pixmap)
