"""The numbers of a recipe: strength, temperature, vividness and seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtWidgets import QLabel, QSpinBox, QWidget

from napari_refvae.widget.explore.parts import row, set_quietly, slider
from napari_refvae.widget.form.layout import field_grid, small_button

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_refvae.explore.recipes import Draw

__all__ = ["Dials"]

LARGEST_SEED = 2**31 - 1
HOTTEST = 2.0
VIVIDNESS = "0: faithful, smooth; 1: vivid, sharp. While it moves, the two are blended in pixels"


class Dials(QWidget):
    """Sliders for the numbers of all that a recipe draws, and a die."""

    turned = Signal(str, float)
    """Name and value of a number that the user changed."""
    rolled = Signal(int)
    """Another seed."""

    def __init__(self) -> None:
        super().__init__()
        self.strength = slider(1, 1, "How much references count; 0: nothing", self._teller("strength"))
        self.temperature = slider(1, HOTTEST, "How far samples stray; 0: not at all", self._teller("temperature"))
        self.vividness = slider(1, 1, VIVIDNESS, self._teller("vividness"))
        self.seed = QSpinBox()
        self.seed.setRange(0, LARGEST_SEED)
        self.seed.setToolTip("Which of all samples; the same seed gives the same one")
        self.seed.valueChanged.connect(self.rolled.emit)
        self.die = small_button("\N{DIE FACE-5}", "Draw another seed", self.roll)
        self.die.setStyleSheet("padding: 0; font-size: 20px;")
        field_grid(
            self,
            [
                ("Strength", self.strength),
                ("Temperature", self.temperature),
                ("Faithful", row(self.vividness, 1, QLabel("vivid"))),
                ("Seed", row(self.seed, 1, self.die)),
            ],
        )

    def roll(self) -> None:
        """Draw another seed."""
        self.seed.setValue(random.randrange(LARGEST_SEED))

    def allow_vividness(self, allowed: bool) -> None:
        """Whether the network has such a dial."""
        self.vividness.setEnabled(allowed)
        self.vividness.setToolTip(VIVIDNESS if allowed else "This network has no vividness: choose another model")

    def show_draw(self, draw: Draw, seed: int | None) -> None:
        """Show a draw's numbers, without telling; no seed where a recipe has several."""
        for name in ("strength", "temperature", "vividness"):
            set_quietly(getattr(self, name), getattr(draw, name))
        for field in (self.seed, self.die):
            field.setEnabled(seed is not None)
        if seed is not None:
            self.seed.blockSignals(True)
            self.seed.setValue(seed)
            self.seed.blockSignals(False)

    def _teller(self, name: str) -> Callable[[float], None]:
        return lambda value: self.turned.emit(name, float(value))
