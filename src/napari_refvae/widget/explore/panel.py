"""The panel that explores: dials, preview, what is made of a recipe, history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from napari_refvae.errors import RefVAEError
from napari_refvae.explore.recipes import Variation
from napari_refvae.widget.explore.dials import Dials
from napari_refvae.widget.explore.drawer import Drawer
from napari_refvae.widget.explore.explorer import Explorer
from napari_refvae.widget.explore.foot import Foot
from napari_refvae.widget.explore.ground import Ground
from napari_refvae.widget.explore.history_strip import HistoryStrip
from napari_refvae.widget.explore.parts import button, row
from napari_refvae.widget.explore.sections import make_sections
from napari_refvae.widget.explore.snippet import python_of_layer, python_of_sample
from napari_refvae.widget.explore.starting import load_exploration, start_from
from napari_refvae.widget.explore.steering import can_roll, described, dials_of, quickly, rolled, turned, with_mix
from napari_refvae.widget.explore.subject import Subject
from napari_refvae.widget.explore.weights import Weights
from napari_refvae.widget.preferences import read_preferences
from napari_refvae.widget.results.layers import read_input

if TYPE_CHECKING:
    from pathlib import Path

    from napari_refvae.widget.explore.live import Glimpse
    from napari_refvae.widget.results.runs import Runs

__all__ = ["ExplorePanel"]

SPACING = 8  # pixels
LEAST_HEIGHT = 200
MINIMUM_WIDTH = 320
COPIES = "Code that makes the selected sample again, or all of the one that is previewed, for napari's console"


class ExplorePanel(QWidget):
    """Steer among all samples of an image: what a slider says is previewed as it moves.

    Whoever builds it calls `detach` when it goes.

    Parameters
    ----------
    runs
        The viewer's runs: kept samples go there.
    viewer
        The viewer.
    """

    def __init__(self, runs: Runs, viewer: Any) -> None:
        super().__init__()
        self.viewer = getattr(viewer, "__wrapped__", viewer)
        self.runs = runs
        self.ground = Ground(self.viewer)
        self.explorer = Explorer(runs, self.viewer, self.ground.seen)
        self.weights = Weights()
        self.dials = Dials()
        self.history = HistoryStrip(self.explorer)
        self.foot = Foot(self.explorer.tasks)
        self.keep = button("Keep", "Make the whole image and add it as a sample", self.explorer.keep)
        self.discard = button("Discard", "Take the preview away", self.explorer.discard)
        self.start = button("From the selected sample", "Go on from the sample layer that is selected", self._start)
        self.copy = button("Copy as Python", COPIES, self._copy)
        self.sections = make_sections(self.explorer, self.ground, self.weights)
        self._model: str | None = None  # that of what is gone on from; otherwise the preferred one
        self._attached = True
        self._lay_out()
        self._connect()
        self._choose()
        self._start_from_latest()

    def load(self, path: Path | str) -> None:
        """Go on with an exploration from a file; what it needs is looked for among layers and files."""
        try:
            choices, history = load_exploration(path, self.explorer.subject, self.ground.images, self.viewer.dims.point)
        except RefVAEError as error:
            self.explorer.told.emit(f"Not loaded: {error}.")
            return
        self._model = history.identity["model"]["name"]
        self.weights.fill(choices)
        self._guide()
        self.explorer.resume(history)

    def detach(self) -> None:
        """Stop what computes, take the preview away, and listen to nothing any more. Once is enough."""
        if not self._attached:
            return
        self._attached = False
        for section in self.sections.values():
            section.detach()
        self.ground.detach()
        self.explorer.close()

    def _lay_out(self) -> None:
        inside = QWidget()
        stacked = QVBoxLayout(inside)
        stacked.setContentsMargins(2, 6, 8, 2)
        stacked.setSpacing(SPACING)
        for part in (self.ground, self.weights, self.dials):
            stacked.addWidget(part)
        stacked.addLayout(row(self.keep, 1, self.discard, 1))
        stacked.addWidget(self.history)
        self.drawers = {title: Drawer(title, section, self._only) for title, section in self.sections.items()}
        for drawer in self.drawers.values():
            stacked.addWidget(drawer)
        stacked.addWidget(self.start)
        stacked.addWidget(self.copy)
        stacked.addStretch(1)
        scroll = self.scroller = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumHeight(LEAST_HEIGHT)
        scroll.setWidget(inside)
        self.setMinimumWidth(MINIMUM_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll, 1)
        whole.addWidget(self.foot)

    def _connect(self) -> None:
        explorer = self.explorer
        self.ground.chosen.connect(self._choose)
        self.ground.lost.connect(self._tell_lost)
        self.ground.renewed.connect(self._renew)
        self.ground.moved.connect(explorer.follow)
        self.weights.mixed.connect(lambda: explorer.steer(with_mix(explorer.recipe, self.weights.mix)))
        self.weights.removed.connect(explorer.lose_reference)
        self.weights.listed.connect(self._guide)
        self.dials.turned.connect(self._turn)
        self.dials.rolled.connect(lambda seed: explorer.steer(rolled(explorer.recipe, seed)))
        self.history.load_asked.connect(self.load)
        explorer.recipe_changed.connect(self._show_recipe)
        explorer.history_changed.connect(self._lock_references)
        explorer.told.connect(self.foot.tell)
        explorer.glimpsed.connect(self._glimpsed)
        explorer.tasks.changed.connect(self._show_busy)

    def _turn(self, name: str, value: float) -> None:
        """A dial was turned; that of vividness is followed by a blend of pixels while it moves."""
        recipe = turned(self.explorer.recipe, **{name: value})
        self.explorer.steer(recipe, quickly(recipe, value) if name == "vividness" else None)

    def _glimpsed(self, glimpse: Glimpse) -> None:
        self.foot.time(glimpse.seconds)
        self.dials.allow_vividness(glimpse.has_vividness)

    def _choose(self) -> None:
        """Another image: explore it from the beginning, with the references there are."""
        self._model = None
        self.weights.offer_layers([one for one in self.ground.images if one is not self.ground.layer])
        self.weights.fill([one for one in self.weights.choices if one is not self.ground.layer])
        self.explorer.explore(self._subject(), self.weights.names)

    def _tell_lost(self, name: str) -> None:
        layer = self.ground.layer
        now = "Open an image to explore." if layer is None else f"The image is {layer.name!r} now."
        self.foot.tell(f"{name!r} is no longer open, and what was explored of it is gone. {now}")

    def _subject(self) -> Subject | None:
        """Copies of what is chosen; None, with the reason said, if it cannot be used."""
        if self.ground.layer is None:
            self.foot.tell("Open an image to explore.")
            return None
        try:
            chosen = read_preferences()
            chosen = replace(chosen, model=self._model or chosen.model)
            return Subject.of(self.ground.layer, self.weights.choices, self.viewer.dims.point, chosen)
        except RefVAEError as error:
            self.foot.tell(f"This image cannot be explored: {error}.")
            return None

    def _guide(self) -> None:
        """References came or went."""
        subject = self._subject()
        if subject is not None:
            self.explorer.guide(subject, self.weights.names)

    def _renew(self) -> None:
        """The image has other pixels now: the same recipes, made of those."""
        explorer = self.explorer
        if explorer.subject is None or self.ground.layer is None:
            return
        try:
            origin = read_input(self.ground.layer, self.viewer.dims.point)
        except RefVAEError as error:
            self.foot.tell(f"This image cannot be explored: {error}.")
            return
        explorer.renew(replace(explorer.subject, origin=origin))

    def _show_recipe(self) -> None:
        recipe = self.explorer.recipe
        draw = dials_of(recipe)
        seed = recipe.seed if isinstance(recipe, Variation) else draw.seed
        self.weights.show_mix(draw.mix)
        self.dials.show_draw(draw, seed if can_roll(recipe) else None)

    def _lock_references(self) -> None:
        self.weights.locked = bool(self.explorer.history.steps)

    def _only(self, opened: Drawer) -> None:
        """One drawer is open at a time: a dock is not long."""
        for drawer in self.drawers.values():
            if drawer is not opened and drawer.is_open:
                drawer.set_open(False)

    def _show_busy(self) -> None:
        self.keep.setEnabled(not self.explorer.tasks.running)

    def _start(self) -> None:
        """Go on from the selected sample."""
        self._start_at(self.viewer.layers.selection.active)

    def _copy(self) -> None:
        """What makes the selected layer, or else the preview."""
        code = python_of_layer(self.viewer.layers.selection.active, self.runs) or self._python_of_preview()
        clipboard = QApplication.clipboard()
        if code is None or clipboard is None:
            self.foot.tell("There is nothing to copy yet: select an explored sample, or move a slider.")
            return
        clipboard.setText(code)
        self.foot.tell("Copied: paste it into napari's console or into a script.")

    def _python_of_preview(self) -> str | None:
        shown = self.explorer.shown
        if shown is None:
            return None
        origin, name = shown.wish.subject.origin, described(shown.wish.recipe, self.explorer.names)
        return python_of_sample(shown.sample.provenance, name, origin.name, origin.plane)

    def _start_from_latest(self) -> None:
        """Where there is a run, its first sample is a good beginning; nothing is computed yet."""
        latest = self.runs.latest()
        if latest is not None and latest.samples and latest.result is not None:
            self._start_at(latest.samples[min(latest.samples)].image, preview=False)

    def _start_at(self, layer: Any, *, preview: bool = True) -> None:
        try:
            start = start_from(layer, self.runs, self.ground.images, self.viewer.dims.point)
        except RefVAEError as error:
            if preview:
                self.explorer.told.emit(f"{error}.")
            return
        self.ground.image.value = start.layer
        subject = self.explorer.subject
        known = subject is not None and subject.preferences.model == start.model
        if not known or self.weights.choices[: len(start.choices)] != start.choices:
            self._model = start.model
            self.weights.fill(start.choices)
            self.explorer.explore(self._subject(), self.weights.names)
        if preview:
            self.explorer.steer(start.recipe)
        else:
            self.explorer.recipe = start.recipe
            self.explorer.recipe_changed.emit()
        if start.differs:
            show_info(start.differs)  # the panel's own line soon speaks of the preview
