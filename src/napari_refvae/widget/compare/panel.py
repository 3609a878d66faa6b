"""The controls of the comparisons: which two pictures, blink, divider, grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)

from napari_refvae.errors import RefVAEError
from napari_refvae.widget.compare.composites import Composite
from napari_refvae.widget.compare.grid import SideBySide
from napari_refvae.widget.compare.grid_menu import GridMenu
from napari_refvae.widget.compare.pictures import INPUT
from napari_refvae.widget.compare.slider import BeforeAfter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_refvae.widget.compare.composites import Shown
    from napari_refvae.widget.compare.stage import Stage
    from napari_refvae.widget.results.run import Run

__all__ = ["ComparePanel"]

STEPS = 1000
"""Positions of the divider on its slider."""

MENU_WIDTH = 26  # pixels

LARGEST_MIXTURE = 500_000_000
"""Bytes: beyond, the grid shows one channel. Of those there are layers; mixtures need new ones."""

NOTE = "What the grid shows; the arrow beside its button has other choices"
TOO_LARGE = "Only the first channel: all of them mixed would take {:.1f} GB. Show fewer samples to see all channels."


class ComparePanel(QWidget):
    """Blink, divider and grid for the pictures of one run.

    Parameters
    ----------
    stage
        Shows one picture at a time.
    viewer
        The viewer.
    """

    def __init__(self, stage: Stage, viewer: Any) -> None:
        super().__init__()
        self._stage = stage
        self._run: Run | None = None
        self._pictures: dict[str, Shown] = {}
        self._verdicts: dict[int, bool | None] = {}
        self._divider = BeforeAfter(viewer, self.devicePixelRatioF)
        self._grid = SideBySide(viewer)
        self._build()
        self._divider.moved.connect(self._show_fraction)
        self._divider.ended.connect(self._show_modes)
        self._grid.ended.connect(self._show_modes)

    @property
    def busy(self) -> bool:
        """Whether the divider or the grid is there, so that single pictures cannot be seen."""
        return self._divider.active or self._grid.active

    def set_run(self, run: Run | None, pictures: Mapping[str, Shown], verdicts: Mapping[int, bool | None]) -> None:
        """Offer the pictures of a run, by their keys, as they are now; and what the user thinks of its samples."""
        if run is not self._run:
            self.leave()
        self._run, self._pictures, self._verdicts = run, dict(pictures), dict(verdicts)
        self._offer(self._first, INPUT)
        self._offer(self._second, next((key for key in self._pictures if key.startswith("sample")), None))
        self.setEnabled(len(self._pictures) > 1)
        if not self._pictures:
            self.leave()
            return
        if pair := self._pair():
            self._divider.choose(*pair)  # a channel more, or other pixels
        self._refill_grid()

    def choose(self, key: str, first: bool = False) -> None:
        """Make a picture the second (or first) of the pair."""
        combo = self._first if first else self._second
        if key in self._pictures:
            combo.setCurrentIndex(combo.findData(key))

    def blink(self) -> None:
        """Change between the two of the pair."""
        if self._run is not None and (pair := self._pair()):
            self.leave()
            self._stage.flip(self._run, *pair)

    def name_key(self, key: str) -> None:
        """Say which key blinks."""
        self._blink_button.setToolTip(f"Change between the two pictures (in the canvas: {key})")

    def leave(self) -> None:
        """Take divider and grid away."""
        self._divider.stop()
        self._grid.stop()

    def _build(self) -> None:
        self._first, self._second = (
            _combo(f"{side} of the divider, and one of the two to blink between; {click} a thumbnail to choose it")
            for side, click in (("Left", "Shift+click"), ("Right", "click"))
        )
        self._blink_button = _push("Blink", "Change between the two pictures", self.blink)
        self._divider_button = _push("Slider", "Divide the image between the two; drag the line", self._toggle_divider)
        self._grid_button = _push("Grid", "Side by side, with linked views", self._toggle_grid)
        self._menu_button = _push("", "What the grid shows", None)
        self._menu = GridMenu(self)
        self._menu.changed.connect(self._refill_grid)
        self._menu_button.setMenu(self._menu)
        self._menu_button.setFixedWidth(MENU_WIDTH)
        for button in (self._divider_button, self._grid_button):
            button.setCheckable(True)
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, STEPS)
        self._slider.setToolTip("Where the divider is")
        self._note = QLabel()
        self._note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._all_button = _push("Show all", "Show all samples in the grid", self._menu.show_all)
        for part in (self._slider, self._note, self._all_button):
            part.setVisible(False)
        self._slider.valueChanged.connect(self._slide)
        for combo in (self._first, self._second):
            combo.currentIndexChanged.connect(self._pair_changed)
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        pair, vs = QGridLayout(), QLabel("and")
        vs.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        for column, part in enumerate((self._first, vs, self._second)):
            pair.addWidget(part, 0, column)
        pair.setColumnStretch(0, 1)
        pair.setColumnStretch(2, 1)
        layout.addLayout(pair, 0, 0, 1, 4)
        for column, button in enumerate((self._blink_button, self._divider_button, self._grid_button)):
            layout.addWidget(button, 1, column)
            layout.setColumnStretch(column, 1)
        layout.addWidget(self._menu_button, 1, 3)
        layout.addWidget(self._slider, 2, 0, 1, 4)
        layout.addWidget(self._note, 3, 0, 1, 2)
        layout.addWidget(self._all_button, 3, 2, 1, 2)

    def _fill_grid(self) -> None:
        """Let the grid show what is chosen, and say what that is.

        Raises
        ------
        InvalidInputError
            If the grid is not there, and the view allows none.
        """
        chosen = self._menu.members(self._verdicts, self._pictures, self._pair())
        needed = sum(one.held_bytes for one in chosen if isinstance(one, Composite))
        self._grid.show(chosen if needed <= LARGEST_MIXTURE else [one.parts[0] for one in chosen])
        text, partial = self._menu.in_words(self._verdicts)
        self._note.setText(text if needed <= LARGEST_MIXTURE else f"{text}; one channel")
        self._note.setToolTip(NOTE if needed <= LARGEST_MIXTURE else f"{NOTE}\n{TOO_LARGE.format(needed / 1e9)}")
        self._all_button.setVisible(partial)

    def _refill_grid(self) -> None:
        """Bring the grid up to date, if it is there."""
        if self._grid.active and self._run is not None:
            self._fill_grid()

    def _pair(self) -> tuple[Shown, Shown] | None:
        first, second = (self._pictures.get(combo.currentData()) for combo in (self._first, self._second))
        return (first, second) if first is not None and second is not None else None

    def _pair_changed(self, *_: Any) -> None:
        if (pair := self._pair()) is None:
            return
        self._divider.choose(*pair)
        if self._menu.is_pair:
            self._refill_grid()

    def _toggle_divider(self) -> None:
        starting, pair = not self._divider.active, self._pair()
        self.leave()
        if starting and pair:
            try:
                self._divider.start(*pair)
            except RefVAEError as error:
                show_error(str(error))
        self._show_modes()

    def _toggle_grid(self) -> None:
        starting = not self._grid.active
        self.leave()
        if starting and self._run is not None:
            self._stage.leave()
            try:
                self._fill_grid()
            except RefVAEError as error:
                show_error(str(error))
        self._show_modes()

    def _show_modes(self) -> None:
        self._divider_button.setChecked(self._divider.active)
        self._grid_button.setChecked(self._grid.active)
        self._slider.setVisible(self._divider.active)
        self._note.setVisible(self._grid.active)
        if not self._grid.active:
            self._all_button.setVisible(False)

    def _show_fraction(self, fraction: float) -> None:
        self._slider.blockSignals(True)
        self._slider.setValue(round(fraction * STEPS))
        self._slider.blockSignals(False)

    def _slide(self, value: int) -> None:
        self._divider.fraction = value / STEPS

    def _offer(self, combo: QComboBox, default: str | None) -> None:
        """Fill a combo box; what was chosen stays chosen as long as it is there."""
        chosen = combo.currentData()
        combo.blockSignals(True)
        combo.clear()
        for key, picture in self._pictures.items():
            combo.addItem(picture.title, key)
        combo.setCurrentIndex(combo.findData(chosen if chosen in self._pictures else default))
        combo.blockSignals(False)
        if chosen is not None and chosen != combo.currentData():
            self._pair_changed()


def _combo(tooltip: str) -> QComboBox:
    combo = QComboBox()
    combo.setToolTip(tooltip)
    combo.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return combo


def _push(text: str, tooltip: str, action: Any) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    if action is not None:
        button.clicked.connect(lambda _=False: action())
    return button
