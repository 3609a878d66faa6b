"""More like this: samples near the one that is steered, part of it locked if one likes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QSpinBox, QWidget

from napari_refvae.errors import RefVAEError
from napari_refvae.explore.recipes import LatentRecipe, Variation
from napari_refvae.widget.explore.masks import covered
from napari_refvae.widget.explore.parts import button, row, slider
from napari_refvae.widget.explore.sections.base import Section
from napari_refvae.widget.form.choices import ChoiceBox
from napari_refvae.widget.form.layout import field_grid
from napari_refvae.widget.form.parts import add_rectangle_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_refvae.widget.explore.explorer import Explorer
    from napari_refvae.widget.explore.ground import Ground

__all__ = ["Varying"]

LARGEST_SEED = 2**31 - 1
NOTHING, DRAW = "nothing", "a region I draw ..."
MOST = 20


class Varying(Section):
    """Makes variations of the recipe as whole samples.

    Parameters
    ----------
    explorer, ground
        As of `Section`.
    draw_seed
        Where the seeds of variations come from.
    """

    def __init__(
        self,
        explorer: Explorer,
        ground: Ground,
        draw_seed: Callable[[], int] = lambda: random.randrange(LARGEST_SEED),
    ) -> None:
        super().__init__(explorer, ground)
        self._draw_seed = draw_seed
        self.amount = slider(0.3, 1, "0: the same again; 1: another draw altogether", lambda _: None)
        self.count = QSpinBox()
        self.count.setRange(1, MOST)
        self.count.setValue(4)
        self.count.setToolTip("How many to make")
        self.lock = ChoiceBox("Where the sample stays as it is: the painted part of a labels layer, or inside shapes")
        self.make = button("Vary", "Make so many samples near this one", self.vary)
        self.step = button("Just one", "Preview a variation, and go on from it", self.turn)
        field_grid(
            self,
            [
                ("Amount", self.amount),
                ("Lock", self.lock.native),
                ("Samples", self.count),
                ("", row(self.make, 1, self.step, 1)),
            ],
        )
        self.lock.changed.connect(self._lock_chosen)
        for event in (ground.viewer.layers.events.inserted, ground.viewer.layers.events.removed):
            event.connect(self._offer)
        self._offer()

    @property
    def starters(self) -> list[QWidget]:
        return [self.make]

    def vary(self) -> None:
        """Make variations, each a sample layer and a step of the history."""
        recipes = self._variations(self.count.value())
        if recipes:
            self.explorer.make(recipes, on_result=lambda count: self.tell(f"Made {count} variations."))

    def turn(self) -> None:
        """Steer to one variation."""
        recipes = self._variations(1)
        if recipes:
            self.explorer.steer(recipes[0])

    def detach(self) -> None:
        for event in (self.ground.viewer.layers.events.inserted, self.ground.viewer.layers.events.removed):
            event.disconnect(self._offer)

    def _variations(self, count: int) -> list[Variation]:
        """Of the recipe of the moment; none, with the reason said, if it has none."""
        recipe, subject, layer = self.explorer.recipe, self.explorer.subject, self.ground.layer
        if subject is None or layer is None:
            return []
        if not isinstance(recipe, LatentRecipe):
            self.tell("A composition has no variations: turn to one of its parts in the history, and vary that.")
            return []
        marks, point = self.lock.value, self.ground.viewer.dims.point
        try:
            locked = None if isinstance(marks, str) else covered(marks, layer, subject.size, point)
        except RefVAEError as error:
            self.tell(f"{error}.")
            return []
        return [Variation(recipe, self._draw_seed(), self.amount.value(), locked) for _ in range(count)]

    def _offer(self, *_: Any) -> None:
        marks = self.ground.marks
        kept = self.lock.value if self.lock.value in marks else NOTHING
        entries: list[tuple[str, Any]] = [(NOTHING, NOTHING), *((one.name, one) for one in marks), (DRAW, DRAW)]
        self.lock.offer(entries, kept)

    def _lock_chosen(self) -> None:
        if self.lock.value == DRAW and self.ground.layer is not None:
            drawn = add_rectangle_layer(self.ground.viewer, self.ground.layer)
            drawn.name = "locked"
            self._offer()
            self.lock.value = drawn
