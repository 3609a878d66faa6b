"""Painting with references: a labels layer on the image's grid, whose labels are references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_refvae.explore.mix import Mix
from napari_refvae.explore.recipes import Painting
from napari_refvae.widget.explore.masks import labels_on
from napari_refvae.widget.explore.parts import button, column, emptied, note, row, slider, swatch, timer
from napari_refvae.widget.explore.sections.base import Section
from napari_refvae.widget.explore.steering import dials_of
from napari_refvae.widget.explore.weights import COLOURS
from napari_refvae.widget.form.layout import label

if TYPE_CHECKING:
    from napari_refvae.widget.explore.explorer import Explorer
    from napari_refvae.widget.explore.ground import Ground
    from napari_refvae.widget.explore.weights import Weights

__all__ = ["PaintSection"]

NAME = "references"
SOFTNESS = 1.0
SOFTEST = 4.0
SETTLING = 60  # milliseconds
OPACITY = 0.35
BRUSH = 1 / 6
"""Of the shorter side."""


class PaintSection(Section):
    """Gives regions references of their own; where nothing is painted, the weights above hold.

    Parameters
    ----------
    explorer, ground
        As of `Section`.
    weights
        The references.
    """

    def __init__(self, explorer: Explorer, ground: Ground, weights: Weights) -> None:
        super().__init__(explorer, ground)
        self._weights = weights
        self.labels: Labels | None = None
        self.brushes: list[QPushButton] = []
        self._legend = QVBoxLayout()
        self._legend.setSpacing(3)
        self.begin = button("Paint with references", "Add a layer to paint on, one colour a reference", self.paint)
        self.end = button("Stop", "Take the painted layer away; the weights hold everywhere again", self.stop)
        self.softness = slider(SOFTNESS, SOFTEST, "Softness of borders, in input pixels", lambda _: self._soon.start())
        self.hint = note("Choose a colour, and paint on the image.")
        column(self, row(self.begin, 1, self.end), self.hint, self._legend, row(label("Soft border"), self.softness, 1))
        self._soon = timer(SETTLING, self._painted, self)
        weights.listed.connect(self._show_legend)
        explorer.recipe_changed.connect(self._keep_painting)
        ground.viewer.layers.events.removed.connect(self._layer_removed)
        ground.chosen.connect(self._start_over)  # what is painted is on the grid of the image before
        self._show_legend()

    def paint(self) -> None:
        """Add the layer to paint on, if it is not there, with the first reference on the brush."""
        subject, layer = self.explorer.subject, self.ground.layer
        if subject is None or layer is None or not self._weights.choices:
            self.tell("Painting needs an image and a reference: add a reference above.")
            return
        if self.labels is None:
            recipe = self.explorer.recipe
            painted = recipe.labels if isinstance(recipe, Painting) else np.zeros(subject.size, np.int32)
            self.labels = Labels(np.array(painted), name=NAME, opacity=OPACITY, **_placed(subject.origin.geometry))
            self.labels.brush_size = max(2, round(BRUSH * min(subject.size)))
            self.ground.viewer.add_layer(self.labels)
            for event in (self.labels.events.paint, self.labels.events.labels_update, self.labels.events.data):
                event.connect(self._changed)
        self._show_legend()
        self.take(1)

    def take(self, number: int) -> None:
        """Put a reference on the brush: its number from 1; 0 paints nothing over."""
        if self.labels is None:
            self.paint()
        if self.labels is None:
            return
        self.labels.selected_label = number
        self.labels.mode = "paint"
        self.ground.viewer.layers.selection = {self.labels}

    def stop(self) -> None:
        """Take the layer away, and with it what is painted."""
        if self.labels is not None and self.labels in self.ground.viewer.layers:
            self.ground.viewer.layers.remove(self.labels)

    def detach(self) -> None:
        """Listen to nothing any more, and make nothing: the window that this lies in may be on its way out."""
        self._let_go()
        self.ground.viewer.layers.events.removed.disconnect(self._layer_removed)

    def _changed(self, *_: Any) -> None:
        self._soon.start()

    def _painted(self) -> None:
        """Steer to what is painted."""
        subject, layer = self.explorer.subject, self.ground.layer
        if self.labels is None or subject is None or layer is None:
            return
        plane = labels_on(self.labels, layer, subject.size, self.ground.viewer.dims.point)
        mixes = {number: Mix.of(number - 1) for number in range(1, len(self._weights.choices) + 1)}
        base = dials_of(self.explorer.recipe)
        if not plane.any():
            if isinstance(self.explorer.recipe, Painting):
                self.explorer.steer(base)
            return
        self.explorer.steer(Painting(plane, mixes, self.softness.value(), base))

    def _keep_painting(self) -> None:
        """A step of the history was turned to: its colours are on the layer, without being painted anew."""
        recipe = self.explorer.recipe
        if self.labels is None or not isinstance(recipe, Painting) or self.labels.data.shape != recipe.labels.shape:
            return
        if not np.array_equal(self.labels.data, recipe.labels):
            with self.labels.events.blocker_all():
                self.labels.data = np.array(recipe.labels)
            self.labels.refresh()
            self._soon.stop()

    def _layer_removed(self, event: Any) -> None:
        if event.value is self.labels:
            self._start_over()
            if isinstance(self.explorer.recipe, Painting):
                self.explorer.steer(self.explorer.recipe.base)

    def _start_over(self) -> None:
        """Paint on no layer any more."""
        self._let_go()
        self._show_legend()

    def _let_go(self) -> None:
        """The layer is an ordinary one from now on."""
        self._soon.stop()
        labels, self.labels = self.labels, None
        if labels is not None:
            for event in (labels.events.paint, labels.events.labels_update, labels.events.data):
                event.disconnect(self._changed)

    def _show_legend(self) -> None:
        """A brush for each reference, with its colour, and one that paints nothing over."""
        emptied(self._legend)
        self.brushes = []
        names = ["as the weights say", *self._weights.names]
        for number, name in enumerate(names):
            colour = "transparent" if not number else COLOURS[(number - 1) % len(COLOURS)]
            self._legend.addWidget(self._brush(number, name, colour))
        if self.labels is not None:
            self.labels.colormap = _colours(len(names) - 1)
        for part in (self.end, self.hint):
            part.setVisible(self.labels is not None)

    def _brush(self, number: int, name: str, colour: str) -> QWidget:
        line = QWidget()
        made = button(name, "Paint with this", lambda: self.take(number))
        layout = row(swatch(colour), made, 1)
        layout.setContentsMargins(0, 0, 0, 0)
        line.setLayout(layout)
        line.setVisible(self.labels is not None)
        self.brushes.append(made)
        return line


def _colours(count: int) -> DirectLabelColormap:
    table: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
    for number in range(1, count + 1):
        table[number] = COLOURS[(number - 1) % len(COLOURS)]
    return DirectLabelColormap(color_dict=table)


def _placed(geometry: Any) -> dict[str, Any]:
    return dict(geometry.as_keywords())
