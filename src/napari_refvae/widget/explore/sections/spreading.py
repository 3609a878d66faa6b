"""A spread worth looking at: of many draws the few that differ most, and how many each stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QSpinBox, QWidget

from napari_refvae.widget.explore.jobs import pick_samples
from napari_refvae.widget.explore.parts import button, column, note, row
from napari_refvae.widget.explore.sections.base import Section
from napari_refvae.widget.explore.steering import dials_of, percent
from napari_refvae.widget.form.layout import label

if TYPE_CHECKING:
    from napari_refvae.explore.spread import Pick
    from napari_refvae.widget.explore.explorer import Explorer
    from napari_refvae.widget.explore.ground import Ground

__all__ = ["Spreading"]

DRAWS, PICKS = 50, 6


class Spreading(Section):
    """Draws many of the blend above, small, and adds the few that differ most, whole.

    Parameters
    ----------
    explorer, ground
        As of `Section`.
    """

    def __init__(self, explorer: Explorer, ground: Ground) -> None:
        super().__init__(explorer, ground)
        self.draws = _number(DRAWS, 2, 200, "How many to draw, each only in part")
        self.picks = _number(PICKS, 1, 20, "How many of them to show")
        self.make = button("Draw and pick", "Draw many, show those that differ most", self.pick)
        self.found = note("Each pick stands for the draws that are nearer to it than to any other.")
        column(
            self,
            row(label("Draw"), self.draws, 1),
            row(label("Show"), self.picks, 1),
            self.make,
            self.found,
        )

    @property
    def starters(self) -> list[QWidget]:
        return [self.make]

    def pick(self) -> None:
        """Draw many and pick."""
        explorer = self.explorer
        subject, names = explorer.subject, explorer.names
        if subject is None:
            return
        count, picks, draw = self.draws.value(), min(self.picks.value(), self.draws.value()), dials_of(explorer.recipe)
        explorer.work(
            lambda: pick_samples(explorer.desk, subject, draw, count, picks),
            lambda sample: explorer.add(sample, subject, names),
            self._picked,
        )

    def _picked(self, picks: list[Pick]) -> None:
        shares = ", ".join(f"{percent(pick.share)} (seed {pick.recipe.seed})" for pick in picks)
        self.found.setText(f"They stand for these parts of all draws: {shares}.")
        self.tell(f"Made {len(picks)} samples, as different as the draws allow.")


def _number(value: int, low: int, high: int, tooltip: str) -> QSpinBox:
    made = QSpinBox()
    made.setRange(low, high)
    made.setValue(value)
    made.setToolTip(tooltip)
    return made
