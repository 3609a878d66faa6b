"""Where the detail is invention: how far draws differ, and between what the truth lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QSpinBox, QWidget

from napari_refvae.explore.trust import CALIBRATED_MODEL
from napari_refvae.widget.explore.jobs import measure_trust
from napari_refvae.widget.explore.parts import button, note
from napari_refvae.widget.explore.sections.base import Section
from napari_refvae.widget.explore.steering import dials_of, percent
from napari_refvae.widget.form.choices import ChoiceBox
from napari_refvae.widget.form.layout import field_grid
from napari_refvae.widget.results.layers import METADATA_KEY
from napari_refvae.widget.results.making import spread_layer

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_refvae.widget.explore.explorer import Explorer
    from napari_refvae.widget.explore.ground import Ground
    from napari_refvae.widget.explore.jobs import Trust
    from napari_refvae.widget.explore.subject import Subject

__all__ = ["Trusting"]

DRAWS = 8
"""As many as the interval was measured with, and at least so many: with fewer it would promise too much."""

COVERAGES = (0.5, 0.8, 0.9, 0.95)
KIND = "trust"
TIP = "How often the truth lies inside, measured on photographs with the bundled model"
ABOUT = (
    "Bright: the draws differ, so the detail is invented. Dark: they agree; but they can err together, and the "
    "interval says by how much."
)


class Trusting(Section):
    """Adds two maps: the spread of several draws, and half the calibrated interval.

    Parameters
    ----------
    explorer, ground
        As of `Section`.
    """

    def __init__(self, explorer: Explorer, ground: Ground) -> None:
        super().__init__(explorer, ground)
        self.draws = QSpinBox()
        self.draws.setRange(DRAWS, 64)
        self.draws.setValue(DRAWS)
        self.draws.setToolTip("How many draws are compared; the interval was measured with 8")
        self.coverage = ChoiceBox(TIP, [(percent(one), one) for one in COVERAGES], 0.9)
        self.make = button("Map trust", "Draw so many, and map where they differ", self.measure)
        grid = field_grid(self, [("Draws", self.draws), ("Interval", self.coverage.native), ("", self.make)])
        grid.addWidget(note(ABOUT), 3, 0, 1, 2)

    @property
    def starters(self) -> list[QWidget]:
        return [self.make]

    def measure(self) -> None:
        """Draw, and add the maps."""
        subject, explorer = self.explorer.subject, self.explorer
        if subject is None:
            return
        draws, coverage, draw = self.draws.value(), self.coverage.value, dials_of(explorer.recipe)
        explorer.work(
            lambda: measure_trust(explorer.desk, subject, draw, draws, coverage),
            on_result=lambda found: self._add(subject, found),
        )

    def _add(self, subject: Subject, trust: Trust) -> None:
        """The maps, where the image that was drawn from lies."""
        viewer = self.ground.viewer
        covered = percent(trust.coverage)
        names = (f"spread of {trust.draws} draws", f"{covered} interval, plus or minus")
        made: list[Image] = []
        for name, values in zip(names, (trust.spread, trust.half_width), strict=True):
            layer = spread_layer(subject.origin, values, KIND)
            layer.name = f"{subject.origin.title} {name}"
            layer.metadata[METADATA_KEY] |= {"kind": KIND, "draws": trust.draws, "coverage": trust.coverage}
            made.append(layer)
        self.explorer.clear_view()  # a preview would lie on top
        for layer in reversed(made):
            viewer.add_layer(layer)
        made[0].visible = True
        self.tell(_meaning(covered, subject.preferences.model))


def _meaning(covered: str, model: str) -> str:
    """What the second map says."""
    said = f"The truth lies within plus or minus the second map for {covered} of all values: so it was on photographs"
    if model == CALIBRATED_MODEL:
        return f"{said}, on average; of other images it may be less."
    return f"{said} with the model {CALIBRATED_MODEL}. This is another model, for which it may not hold."
