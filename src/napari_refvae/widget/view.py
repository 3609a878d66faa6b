"""The dock widget: puts the fields together, and tells them and the user what happens.

What a click makes is in `plan`, how it runs in `running.upscaling`, what a run shows in `results.runs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_refvae.errors import RefVAEError
from napari_refvae.widget.closing import ClosingWatcher
from napari_refvae.widget.docking import DockPlacing
from napari_refvae.widget.forecasting import Forecaster
from napari_refvae.widget.form.estimates import rectangle_text, titles_text
from napari_refvae.widget.form.fields import AdvancedFields, SampleFields
from napari_refvae.widget.form.fold import Fold
from napari_refvae.widget.form.image_fields import VIEW, ImageFields
from napari_refvae.widget.form.matching import matching_problem
from napari_refvae.widget.form.references import ReferenceList
from napari_refvae.widget.form.run_bar import RunBar
from napari_refvae.widget.pages import Pages
from napari_refvae.widget.plan import Draft
from napari_refvae.widget.preferences import apply_cache_folder, read_preferences
from napari_refvae.widget.results.layers import is_result
from napari_refvae.widget.results.runs import Runs
from napari_refvae.widget.results.watching import ViewWatcher
from napari_refvae.widget.running.engine import Engine
from napari_refvae.widget.running.pace import Pace
from napari_refvae.widget.running.preparation import Preparation
from napari_refvae.widget.running.upscaling import Upscaling
from napari_refvae.widget.shortcuts import UPSCALE, Shortcuts
from napari_refvae.widget.welcome import Welcome, open_sample

if TYPE_CHECKING:
    import napari

    from napari_refvae.widget.results.run import Run

__all__ = ["UpscaleWidget"]

MINIMUM_WIDTH = 320  # pixels
PREVIEW = 58


class UpscaleWidget(QWidget):
    """Choose an image and a reference, click, and get several 8x samples as layers.

    Parameters
    ----------
    napari_viewer
        The viewer; napari passes it.
    engine
        What computes; by default the package.
    """

    def __init__(self, napari_viewer: napari.Viewer, engine: Engine | None = None) -> None:
        super().__init__()
        preferences = read_preferences()
        apply_cache_folder(preferences)
        self._viewer = napari_viewer
        self._engine = engine or Engine()
        self._closed = False
        self._refusal = ""  # of the last click
        self._offered: list[Image] = []
        self.runs = Runs.of_viewer(napari_viewer)
        self.images = ImageFields(napari_viewer, PREVIEW)
        self.references = ReferenceList(PREVIEW)
        self.sampling = SampleFields(preferences)
        self.advanced = AdvancedFields(preferences)
        self.bar = RunBar()
        self.welcome = Welcome(lambda: open_sample(napari_viewer))
        self._preparation = Preparation(self._engine, self._prepared)
        self.upscaling = Upscaling(self.runs, self.bar, self._preparation.steps)
        fields = self.images, self.references, self.sampling, self.advanced
        self._pace = Pace.of_viewer(napari_viewer)
        self._forecaster = Forecaster(napari_viewer, fields, self._engine, self._preparation, self._pace, self.bar)
        self._lay_out()
        self._connect()
        self.reset_choices()
        self._prepare()
        self._placing = DockPlacing(self)
        self._watcher = ClosingWatcher(self, self._close)

    def _lay_out(self) -> None:
        fold = Fold("Advanced", self.advanced)
        sections = (self.images, self.references, self.sampling, fold)
        self.pages = Pages(self.welcome, sections, self.runs, self._viewer)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 6, 6, 8)
        whole.addWidget(self.pages, 1)
        whole.addWidget(self.bar)
        self.setMinimumWidth(MINIMUM_WIDTH)

    def _connect(self) -> None:
        self.bar.button.changed.connect(lambda *_: self.toggle())
        self.bar.undo.clicked.connect(lambda: self._undo())
        self.bar.copy.clicked.connect(lambda: self._copy())
        for part in (self.images, self.references, self.sampling, self.advanced):
            part.changed.connect(self._forecaster.soon)
            part.changed.connect(self._forget_refusal)
        self.references.changed.connect(lambda: self.images.yield_to(self.references.layers))
        for chosen in (self.references, self.images):
            chosen.changed.connect(self._judge_matching)
        self.advanced.engine_changed.connect(self._prepare)
        self.upscaling.began.connect(self._show_bar)
        self.upscaling.sampled.connect(self.pages.show_gallery)
        self.upscaling.completed.connect(self._pace.end)
        self.upscaling.ended.connect(self._show_idle)
        self._looking = ViewWatcher(self._viewer, self._moved, self._view_moved)
        self.runs.removed.connect(self._show_idle)
        self._viewer.layers.selection.events.changed.connect(self.reset_choices)
        self.pages.turned.connect(self._show_bar)
        self._shortcuts = Shortcuts.bind(self._viewer, {UPSCALE: self.toggle})
        if UPSCALE in self._shortcuts.bound:
            self.bar.button.tooltip = f"{UPSCALE.replace('Control', 'Ctrl').replace('-', '+')}, too"

    def reset_choices(self, *_: Any) -> None:
        """Offer the image layers there are; napari calls this whenever layers change."""
        if self._closed:
            return
        layers = [layer for layer in self._viewer.layers if isinstance(layer, Image) and not is_result(layer)]
        gone = self.images.offer_layers(layers, self._viewer.layers.selection.active)
        gone += self.references.offer_layers(layers)
        if gone:
            QTimer.singleShot(0, lambda: self._tell_gone(gone))
        if layers != self._offered:  # and not just some result that came or went
            self._judge_matching()
            self._moved()
        self._offered = layers
        self._show_idle()

    def toggle(self) -> None:
        """Start a run, or cancel the one that is under way."""
        if self.upscaling.running:
            self.upscaling.cancel()
        else:
            self.start()

    def start(self) -> bool:
        """Start a run with what is chosen; refused with a notification while one is under way.

        Returns
        -------
        bool
            Whether it began.
        """
        if not self.images.layers or self._closed:
            return False
        if self.images.waits_for_rectangle():
            show_info(rectangle_text(self.images.layers[0].name))
            return False
        try:
            draft = Draft.of(self.images, self.references, self.sampling, self.advanced, self._viewer)
        except RefVAEError as error:
            self.bar.status = self._refusal = f"Not begun: {error}."  # in place of what the run before came to
            show_error(str(error))
            return False
        if not self.upscaling.start(draft):
            return False
        self._pace.begin(self.advanced.engine, self._forecaster.outlook().seconds)
        return True

    def _forget_refusal(self, *_: Any) -> None:
        """Something else is chosen: what was wrong may be right now."""
        if self._refusal and self.bar.status == self._refusal:
            self.bar.status = ""
        self._refusal = ""

    def _show_idle(self, *_: Any) -> None:
        """What there is to do, unless a run is under way."""
        if self.upscaling.running:
            return
        has_image = bool(self.images.layers)
        self.pages.show_form(has_image)
        self.bar.show_idle(has_image, self.runs.latest() is not None)
        self._show_bar()
        self._forecaster.soon()

    def _show_bar(self) -> None:
        """The foot gives its room to what explores runs, unless there is something to cancel."""
        self.bar.setVisible(self.upscaling.running or not self.pages.exploring)

    def _prepare(self) -> None:
        self._preparation.choose(*self.advanced.engine, self.references.matching.on)
        self.advanced.explain_engine(self._preparation.readiness)
        self._forecaster.soon()

    def _judge_matching(self, *_: Any) -> None:
        """Say whether detail can be copied from what is chosen; if it is to be, that is measured, too."""
        ready = self._preparation.readiness
        scale = None if ready is None else ready.scale
        problem = matching_problem(self.references.choices, len(self.images.layers), scale)
        self.references.matching.allow(problem)
        self._preparation.choose(*self.advanced.engine, self.references.matching.on)

    def _prepared(self) -> None:
        self._judge_matching()
        if self._preparation.options is not None:
            self.advanced.offer_engine(*self._preparation.options)
        self.advanced.explain_engine(self._preparation.readiness)
        self._forecaster.soon()

    def _moved(self, *_: Any) -> None:
        """Other planes of stacks are shown."""
        point = self._viewer.dims.point
        self.images.show_picture(point)
        self.references.show_pictures(point)
        self._forecaster.soon()

    def _view_moved(self, *_: Any) -> None:
        if self.images.part.value == VIEW:
            self._forecaster.soon()

    def _meant(self) -> Run | None:
        """The run that Undo and Copy are about: the one that is looked at, or the latest."""
        return self.pages.run_in_front or self.runs.latest()

    def _undo(self) -> None:
        if (run := self._meant()) is not None:
            together = self.runs.together(run)
            title, count = titles_text(each.title for each in together), sum(len(each.layers) for each in together)
            self.runs.remove(run)
            self.bar.status = f"Undone: the {count} layers of {title} are removed."

    def _copy(self) -> None:
        from napari_refvae.widget.results.snippet import python_of

        if (run := self._meant()) is None:
            return
        try:
            code = python_of(run)
        except RefVAEError as error:  # it goes on
            show_error(str(error))
            return
        self.bar.put_on_clipboard(code, titles_text(each.title for each in self.runs.together(run)))

    def _tell_gone(self, names: list[str]) -> None:
        """A moment later: while the viewer closes, layers go and nobody wants to know."""
        if not self._closed and len(self._viewer.layers):
            show_info(f"{', '.join(names)}: no longer there, and no longer chosen.")  # names first: napari cuts lines

    def _close(self) -> None:
        """The dock is closed, or the viewer: end the run, and never touch what is gone."""
        self._closed = True
        self._forecaster.stop()
        self._preparation.close()
        self._shortcuts.unbind()
        self.pages.detach()
        self.images.detach()
        self._looking.stop()
        self.runs.removed.disconnect(self._show_idle)
        self._viewer.layers.selection.events.changed.disconnect(self.reset_choices)
        self.upscaling.abandon()
