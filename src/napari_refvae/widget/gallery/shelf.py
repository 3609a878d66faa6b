"""The cards of a gallery in as many columns as fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QGridLayout, QScrollArea, QSizePolicy, QWidget

from napari_refvae.widget.gallery.cards import Card

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtGui import QPixmap

__all__ = ["Shelf"]

NARROWEST = 118
"""Narrowest card, in pixels: two fit into a dock of 320, three into one of 420."""

SPACING = 6

FLATTEST, TALLEST = 0.6, 1.25
"""Least and greatest height over width of a thumbnail, whatever the image's."""


class Shelf(QScrollArea):
    """Cards, by key."""

    clicked = Signal(str, bool)
    """A card's key, and whether Shift was held."""
    hovered = Signal(str, bool)
    """A card's key, and whether the mouse came or went."""
    judged = Signal(str, object)
    """A card's key, and the verdict: True, False or None."""
    resized = Signal()
    """Thumbnails have another size."""

    def __init__(self) -> None:
        super().__init__()
        self._cards: dict[str, Card] = {}
        self._columns = 1
        self._aspect = 1.0
        self._inside = QWidget()
        self._layout = QGridLayout(self._inside)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(SPACING)
        self._layout.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setWidget(self._inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumHeight(NARROWEST)

    @property
    def thumbnail_size(self) -> tuple[int, int]:
        """Height and width, in screen pixels."""
        width = (self._room() - (self._columns - 1) * SPACING) // self._columns
        return max(1, round(width * self._aspect)), max(1, width)

    def set_aspect(self, aspect: float) -> None:
        """Height over width of the images."""
        aspect = min(max(aspect, FLATTEST), TALLEST)
        if aspect != self._aspect:
            self._aspect = aspect
            self._arrange()
            self.resized.emit()

    def set_cards(self, titles: Mapping[str, str], judged: set[str]) -> None:
        """Have these cards in this order, the ``judged`` ones with buttons for a verdict; those that stay are kept."""
        for key in [key for key in self._cards if key not in titles]:
            card = self._cards.pop(key)
            self._layout.removeWidget(card)
            card.hide()  # before it has no parent: else it would be a window of its own for a moment
            card.setParent(None)
            card.deleteLater()
        before = list(self._cards)
        self._cards = {key: self._cards.get(key) or self._new(key, titles[key], key in judged) for key in titles}
        if before != list(self._cards):
            self._arrange()

    def show_pixmap(self, key: str, pixmap: QPixmap) -> None:
        """Give a card its thumbnail."""
        if key in self._cards:
            self._cards[key].picture.set_pixmap(pixmap)

    def tell(self, key: str, lines: Sequence[str], tooltip: str, *, shown: bool, verdict: bool | None) -> None:
        """What a card says, and how it looks."""
        card = self._cards[key]
        card.set_lines(lines)
        card.picture.setToolTip(tooltip)
        card.set_state(shown=shown, verdict=verdict)
        if shown and not card.underMouse():
            self.ensureWidgetVisible(card, 0, 0)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Room for two rows; with more cards it scrolls."""
        card = next(iter(self._cards.values()), None)
        height = card.sizeHint().height() if card else NARROWEST
        rows = min(2, -(-len(self._cards) // self._columns))
        return QSize(2 * NARROWEST + 3 * SPACING, rows * (height + SPACING))

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        self._arrange()
        self.resized.emit()

    def _new(self, key: str, title: str, judged: bool) -> Card:
        card = Card(title, judged)
        card.clicked.connect(lambda shift: self.clicked.emit(key, shift))
        card.hovered.connect(lambda inside: self.hovered.emit(key, inside))
        card.judged.connect(lambda verdict: self.judged.emit(key, verdict))
        return card

    def _arrange(self) -> None:
        """Lay the cards into as many equal columns as fit."""
        columns = max(1, (self._room() + SPACING) // (NARROWEST + SPACING))
        for column in range(max(columns, self._columns)):
            self._layout.setColumnStretch(column, 1 if column < columns else 0)
        self._columns = columns
        for place, card in enumerate(self._cards.values()):
            card.picture.setFixedHeight(self.thumbnail_size[0])
            self._layout.addWidget(card, place // columns, place % columns, Qt.AlignmentFlag.AlignTop)
        self.updateGeometry()

    def _room(self) -> int:
        """Width for cards, in pixels; the scroll bar's place stays free, so that cards do not jump when it comes."""
        bar = self.verticalScrollBar()
        return max(NARROWEST, self.width() - (bar.sizeHint().width() if bar is not None else 0))
