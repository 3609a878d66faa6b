"""Regions of several samples in one image: each label of a layer gets a step of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QVBoxLayout

from napari_refvae.explore.recipes import Composition
from napari_refvae.widget.explore.masks import labels_on
from napari_refvae.widget.explore.parts import button, column, emptied, note, row, slider
from napari_refvae.widget.explore.sections.base import Section
from napari_refvae.widget.form.choices import ChoiceBox
from napari_refvae.widget.form.layout import label

if TYPE_CHECKING:
    from napari_refvae.explore.recipes import Recipe
    from napari_refvae.widget.explore.explorer import Explorer
    from napari_refvae.widget.explore.ground import Ground

__all__ = ["Composing"]

NAME = "regions"
DRAW = "draw regions ..."
MOST = 12
"""Regions that get a row."""


class Composing(Section):
    """Puts the regions of a labels layer together from steps of the history, with soft borders, and projects.

    Parameters
    ----------
    explorer, ground
        As of `Section`.
    """

    def __init__(self, explorer: Explorer, ground: Ground) -> None:
        super().__init__(explorer, ground)
        self.layer = ChoiceBox("A labels layer: each of its labels is a region")
        self.parts: dict[int, ChoiceBox] = {}
        self._rows = QVBoxLayout()
        self.feather = slider(1.0, 4.0, "Softness of borders, in input pixels", lambda _: None)
        self.make = button("Compose", "Put the regions together, and preview that", self.compose)
        self.refreshed = button("Refresh", "Look again at what labels there are", self.refresh)
        column(
            self,
            note("Draw regions, choose a step of the history for each. Label 0 and what is left out: the current one."),
            row(label("Regions"), self.layer.native, 1),
            self._rows,
            row(label("Soft border"), self.feather, 1),
            row(self.refreshed, 1, self.make, 1),
        )
        self.layer.changed.connect(self._chosen)
        explorer.history_changed.connect(self._offer_steps)
        for event in (ground.viewer.layers.events.inserted, ground.viewer.layers.events.removed):
            event.connect(self._offer_layers)
        self._offer_layers()

    def refresh(self) -> None:
        """A row for each label there is."""
        emptied(self._rows)
        self.parts = {}
        plane = self._plane()
        numbers: list[int] = [] if plane is None else np.unique(plane[plane > 0]).tolist()
        if len(numbers) > MOST:
            self.tell(f"There are {len(numbers)} labels; the first {MOST} get a step each, the others the current one.")
        for number in numbers[:MOST]:
            self.parts[number] = box = ChoiceBox("Which step of the history shows there")
            self._rows.addLayout(row(label(f"Label {number}"), box.native, 1))
        self._offer_steps()

    def compose(self) -> None:
        """Steer to the composition."""
        plane, steps = self._plane(), self.explorer.history.steps
        if plane is None or not plane.any():
            self.tell(
                "Composing needs a labels layer with regions on the image: draw some, then choose steps for them."
            )
            return
        if set(np.unique(plane[plane > 0])[:MOST].tolist()) != set(self.parts):
            self.refresh()
        chosen: list[tuple[Recipe, Any]] = [
            (steps[box.value].recipe, plane == number) for number, box in self.parts.items() if box.value is not None
        ]
        if not chosen:
            self.tell("Choose for at least one region which step of the history it shows.")
            return
        self.explorer.steer(Composition(self.explorer.recipe, tuple(chosen), self.feather.value()))

    def detach(self) -> None:
        for event in (self.ground.viewer.layers.events.inserted, self.ground.viewer.layers.events.removed):
            event.disconnect(self._offer_layers)

    def _plane(self) -> Any:
        """The labels on the image's pixels; None if none are chosen."""
        subject, layer = self.explorer.subject, self.ground.layer
        if subject is None or layer is None or not isinstance(self.layer.value, Labels):
            return None
        return labels_on(self.layer.value, layer, subject.size, self.ground.viewer.dims.point)

    def _offer_layers(self, *_: Any) -> None:
        marks = [one for one in self.ground.marks if isinstance(one, Labels)]
        kept = self.layer.value if self.layer.value in marks else None
        self.layer.offer([("(none)", None), *((one.name, one) for one in marks), (DRAW, DRAW)], kept)

    def _offer_steps(self) -> None:
        """Every step by its number; the current one where nothing is chosen."""
        steps = self.explorer.history.steps
        entries = [("(the current one)", None)]
        entries += [(f"{number + 1}: {step.name}", number) for number, step in enumerate(steps)]  # type: ignore[misc]
        for box in self.parts.values():
            kept = box.value if isinstance(box.value, int) and box.value < len(steps) else None
            box.offer(entries, kept)

    def _chosen(self) -> None:
        if self.layer.value == DRAW:
            self._draw()
        self.refresh()

    def _draw(self) -> None:
        """A layer to draw regions on, ready."""
        subject = self.explorer.subject
        if subject is None:
            return
        placed = subject.origin.geometry.as_keywords()
        made = Labels(np.zeros(subject.size, np.int32), name=NAME, opacity=0.35, **placed)
        self.ground.viewer.add_layer(made)
        made.selected_label, made.mode = 1, "paint"
        self._offer_layers()
        with self.layer.changed.blocked():
            self.layer.value = made
