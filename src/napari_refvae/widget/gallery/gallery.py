"""The samples of a run at a glance: compare them, keep the good ones, export those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QFileDialog, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_refvae.widget.compare.panel import ComparePanel
from napari_refvae.widget.compare.pictures import FAITHFUL, pictures_of, sample_key
from napari_refvae.widget.compare.stage import Stage
from napari_refvae.widget.gallery.captions import Captions
from napari_refvae.widget.gallery.groups import groups_of
from napari_refvae.widget.gallery.hovering import Hovering
from napari_refvae.widget.gallery.run_header import RunHeader
from napari_refvae.widget.gallery.scores import Scores
from napari_refvae.widget.gallery.shelf import Shelf
from napari_refvae.widget.gallery.thumbnails import Thumbnails
from napari_refvae.widget.gallery.verdicts import Verdicts
from napari_refvae.widget.results.export import start_export
from napari_refvae.widget.results.listing import remove_layers
from napari_refvae.widget.shortcuts import BLINK, KEEP, NEXT_SAMPLE, PREVIOUS_SAMPLE, Shortcuts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_refvae.widget.compare.composites import Shown
    from napari_refvae.widget.gallery.groups import RunGroup
    from napari_refvae.widget.results.run import Run, SampleLayers
    from napari_refvae.widget.results.runs import Runs

__all__ = ["Gallery"]

EMPTY = "The samples of a run appear here: to compare, to keep, to export."


class Gallery(QWidget):
    """Thumbnails of a run's samples with what is known of each, and what it takes to choose among them.

    Hovering previews a sample, a click shows it. Whoever builds the gallery calls `detach` when its dock goes; it
    does so itself when it is taken out of its parent.

    Parameters
    ----------
    runs
        The viewer's runs; a new one is shown as soon as it has a sample.
    viewer
        The viewer.
    """

    def __init__(self, runs: Runs, viewer: Any) -> None:
        super().__init__()
        self._runs = runs
        self._viewer = getattr(viewer, "__wrapped__", viewer)  # napari hands plugins a proxy
        self._group: RunGroup | None = None
        self._seen: set[str] = set()  # ids of runs
        self._pictures: Mapping[str, Shown] = {}
        self._watched: list[Any] = []  # layers' events
        self._attached = True
        self._writing = False
        self._stage = Stage(runs, self._viewer)
        self._scores = Scores(runs, self._tell)
        self._build()
        self._thumbnails = Thumbnails(self._viewer, self._shelf.show_pixmap)
        self._shortcuts = Shortcuts.bind(
            self._viewer,
            {
                BLINK: self._panel.blink,
                PREVIOUS_SAMPLE: lambda: self.step(-1),
                NEXT_SAMPLE: lambda: self.step(1),
                KEEP: self._keep_shown,
            },
        )
        if BLINK in self._shortcuts.bound:
            self._panel.name_key(BLINK)
        self._captions = Captions(self._shortcuts.bound, self._scores)
        self._connect()
        self.refresh()

    @property
    def run(self) -> Run | None:
        """The run that is shown; of channels that are shown as one, the first one's."""
        return self._group.leading if self._group else None

    def show_run(self, run: Run) -> None:
        """Show the samples of a run, and of those on other channels of its image."""
        self._turn_to(next((group for group in groups_of(self._runs) if run in group.runs), None))
        self.refresh()

    def step(self, by: int) -> None:
        """Show the next sample, or with -1 the one before; after the last comes the first."""
        if self._group is None or not self._group.samples:
            return
        keys = [sample_key(index) for index in self._group.samples]
        shown = self._stage.shown(self._group.leading)
        self._click(keys[(keys.index(shown) + by) % len(keys) if shown in keys else 0])

    def judge(self, index: int, verdict: bool | None) -> None:
        """Keep (True) or discard (False) a sample, or take the verdict back."""
        if self._group is None or index not in self._group.samples:
            return
        for run in self._runs.together(self._group.leading):  # a verdict is about all channels
            if index in run.samples:
                run.samples[index].kept = verdict
                self._runs.changed.emit(run)

    def remove_discarded(self) -> None:
        """Take the layers of discarded samples out of the viewer."""
        run = self.run
        if run is None:
            return
        self._stage.end_preview()
        samples = [sample for each in self._runs.together(run) for sample in each.samples.values()]
        remove_layers(self._viewer.layers, [layer for one in samples if one.kept is False for layer in one.layers])
        if run.samples and not self._panel.busy and self._stage.shown(run) is None:
            self._runs.show_only(run, min(run.samples))

    def export(self, suffix: str, folder: str | None = None) -> None:
        """Write the kept samples of all channels to a folder, in a worker; ask which if none is given."""
        folder = folder or QFileDialog.getExistingDirectory(self, "Folder for the kept samples")
        if self.run is None or not folder:
            return
        if start_export(self._runs.together(self.run), folder, suffix, self._written):
            self._writing = True
            self._tell()

    def refresh(self) -> None:
        """Show the run as it is now; the newest if it is gone."""
        groups = groups_of(self._runs)
        same = next((group for group in groups if self.run in group.runs), None)
        is_new = bool(groups) and groups[0].leading.id not in self._seen
        self._turn_to(groups[0] if groups and (is_new or same is None) else same)
        self._seen.update(run.id for group in groups for run in group.runs)
        group = self._group
        self._pictures = group.pictures() if group else {}
        self._header.offer(groups, group)
        self._panel.set_run(self.run, self._pictures, group.verdicts if group else {})
        self._fill_shelf()
        self._watch_layers()
        for run in group.runs if group else ():
            self._scores.ask(run, pictures_of(run))
        self._empty.setVisible(not groups)
        for part in (self._header, self._shelf, self._panel, self._verdicts):
            part.setVisible(bool(groups))

    def detach(self) -> None:
        """Let go of viewer and runs, and take comparisons away. Once is enough; more does no harm."""
        if not self._attached:
            return
        self._attached = False
        self._stale.stop()
        self._hovering.stop()
        self._scores.stop()
        self._thumbnails.stop()
        self._shortcuts.unbind()
        self._panel.leave()
        self._stage.leave()
        self._watch_layers(stop=True)
        self._runs.arriving.disconnect(self._make_way)
        self._runs.changed.disconnect(self._run_changed)
        self._runs.removed.disconnect(self._run_removed)

    def event(self, event: Any) -> bool:
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.detach()
        return bool(super().event(event))

    def _build(self) -> None:
        self._empty = QLabel(EMPTY)
        self._empty.setWordWrap(True)
        self._header = RunHeader()
        self._shelf = Shelf()
        self._panel = ComparePanel(self._stage, self._viewer)
        self._verdicts = Verdicts()
        self._stale = QTimer(self)
        self._stale.setSingleShot(True)
        self._hovering = Hovering(self._preview, self._stage.end_preview)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self._empty, self._header, self._shelf, self._panel, self._verdicts):
            layout.addWidget(part, 1 if part is self._shelf else 0)

    def _connect(self) -> None:
        self._runs.arriving.connect(self._make_way)
        self._runs.changed.connect(self._run_changed)
        self._runs.removed.connect(self._run_removed)
        self._header.chosen.connect(self._choose_run)
        self._header.whole_chosen.connect(lambda whole: self._thumbnails.show_whole(whole))
        self._shelf.clicked.connect(self._click)
        self._shelf.hovered.connect(self._hovering.moved)
        self._shelf.judged.connect(lambda key, verdict: self.judge(int(key.split()[1]), verdict))
        self._shelf.resized.connect(self._resize_thumbnails)
        self._stale.timeout.connect(self.refresh)
        self._verdicts.remove_clicked.connect(self.remove_discarded)
        self._verdicts.export_clicked.connect(lambda suffix: self.export(suffix))

    def _turn_to(self, group: RunGroup | None) -> None:
        """From now on about these runs; what others before have on the canvas for a while only goes."""
        if group is None or self.run not in group.runs:
            self._stage.leave()
        self._group = group

    def _make_way(self, run: Run) -> None:
        """Take away what is on the canvas for a while only: a new run notes what it covers there."""
        if self.run is None or run in self._runs.together(self.run):
            self._stage.end_preview()
        else:
            self._panel.leave()
            self._stage.leave()

    def _run_changed(self, run: Run) -> None:
        self._stale.start(0)  # many changes in a row are one

    def _run_removed(self, run_id: str) -> None:
        self._stage.leave()  # its layer may be of that run
        self.refresh()

    def _written(self) -> None:
        self._writing = False
        if self._attached:
            self._tell()

    def _fill_shelf(self) -> None:
        """A card for each sample and for the faithful image."""
        on_shelf = {key: one for key, one in self._pictures.items() if key == FAITHFUL or self._sample(key)}
        judged = {key for key in on_shelf if key != FAITHFUL}
        self._shelf.set_cards({key: one.title for key, one in on_shelf.items()}, judged)
        if on_shelf:
            extent = next(iter(on_shelf.values())).extent
            self._shelf.set_aspect(float((extent[1, 0] - extent[0, 0]) / (extent[1, 1] - extent[0, 1])))
        self._thumbnails.show(on_shelf)
        self._tell()

    def _tell(self, *_: Any) -> None:
        """Bring every card's text and state up to date."""
        group = self._group
        if group is None:
            return
        shown = None if self._panel.busy else self._stage.shown(group.leading)
        for key in self._pictures:
            sample = group.sample(key)
            if key == FAITHFUL or sample is not None:
                lines, tooltip = self._captions.of(group, key)
                self._shelf.tell(key, lines, tooltip, shown=key == shown, verdict=sample.kept if sample else None)
        verdicts = list(group.verdicts.values())
        waits_for = "" if group.is_complete else "The run goes on"
        kept, discarded = verdicts.count(True), verdicts.count(False)
        self._verdicts.tell(kept, discarded, waits_for or ("They are being written" if self._writing else ""))
        self._header.tell(len(verdicts), kept)

    def _sample(self, key: str) -> SampleLayers | None:
        return self._group.sample(key) if self._group else None

    def _click(self, key: str, shift: bool = False) -> None:
        """Show a picture, or compare it in the comparison that is on."""
        self._panel.choose(key, first=shift)
        if self.run is not None and not shift and not self._panel.busy:
            self._stage.show(self.run, self._pictures[key])
            self._tell()

    def _choose_run(self, run: Run) -> None:
        """Show what the user chose, on the canvas too: another run's sample may lie there."""
        self.show_run(run)
        group = self._group
        if group is not None and group.samples and self._stage.shown(group.leading) is None:
            self._click(sample_key(min(group.samples)))

    def _keep_shown(self) -> None:
        sample = self._sample(self._stage.shown(self.run) or "") if self.run else None
        if sample is not None:
            self.judge(sample.index, None if sample.kept else True)

    def _preview(self, key: str) -> None:
        if self.run is not None and key in self._pictures and not self._panel.busy:
            self._stage.preview(self.run, self._pictures[key])

    def _resize_thumbnails(self) -> None:
        self._thumbnails.resize(self._shelf.thumbnail_size, self.devicePixelRatioF())

    def _watch_layers(self, stop: bool = False) -> None:
        """Follow which layers the user shows and hides."""
        for event in self._watched:
            event.disconnect(self._tell)
        parts = [] if stop else [part for picture in self._pictures.values() for part in picture.parts]
        self._watched = [part.layer.events.visible for part in parts if part.layer is not None]
        for event in self._watched:
            event.connect(self._tell)
