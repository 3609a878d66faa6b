"""What each run put into the viewer: adding it, taking it back, and telling who wants to know.

Main thread only. The layers of a run lie together, from the top: sample 1, its residual map, sample 2, its residual
map, ..., the faithful image, the spread. Only the first sample is visible, and what it covers of older runs is hidden
until it goes. Runs of one click on several channels belong together: they are shown, undone and numbered as one.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from psygnal import Signal

from napari_refvae.widget.results.layers import METADATA_KEY, is_result
from napari_refvae.widget.results.listing import insert_layer, remove_layers
from napari_refvae.widget.results.making import faithful_layer, residual_layer, sample_layer, spread_layer
from napari_refvae.widget.results.maps import MapSpec, finished_maps
from napari_refvae.widget.results.run import Companions, Run, RunRecord, SampleLayers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_refvae.engine.result import FinishedSample, SuperResolutionResult
    from napari_refvae.widget.results.layers import InputImage
    from napari_refvae.widget.results.maps import FinishedMap

__all__ = ["Runs"]


class Runs:
    """The runs of one viewer, oldest first.

    `of_viewer` gives the viewer's own, which its console, its docks and their parts share.
    """

    arriving = Signal(Run)
    """The first sample of a run is about to be shown: what is there for a moment only has to go before."""
    changed = Signal(Run)
    """A sample or a map came, the run was completed, or the user removed one of its layers."""
    removed = Signal(str)
    """A whole run is gone; its id."""

    def __init__(self, viewer: Any) -> None:
        viewer = _unwrapped(viewer)
        self._viewer = ref(viewer)  # `of_viewer` must not keep viewers alive
        self._runs: dict[str, Run] = {}
        viewer.layers.events.removed.connect(self._layer_removed)

    @classmethod
    def of_viewer(cls, viewer: Any) -> Runs:
        """The one that belongs to a viewer; made when it is first asked for."""
        viewer = _unwrapped(viewer)
        if viewer not in _OF_VIEWERS:
            _OF_VIEWERS[viewer] = cls(viewer)
        return _OF_VIEWERS[viewer]

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs.values()))

    def __len__(self) -> int:
        return len(self._runs)

    def latest(self) -> Run | None:
        """The newest run, or None."""
        return next(reversed(self._runs.values()), None)

    def of(self, layer: Any) -> Run | None:
        """The run that a layer is of, or None."""
        return self._runs.get(layer.metadata[METADATA_KEY]["run"]) if is_result(layer) else None

    def together(self, run: Run) -> list[Run]:
        """The run, and those of the same click on other channels: the oldest first."""
        return [other for other in self if other is run or (run.click and other.click == run.click)]

    def begin(
        self,
        origin: InputImage,
        truth: NDArray[Any] | None = None,
        maps: MapSpec | None = None,
        click: str = "",
        channel_axis: int | None = None,
        companions: Companions | None = None,
    ) -> Run:
        """Open a run that has no layers yet.

        Parameters
        ----------
        origin, truth, maps
            As `Run` has them.
        click
            The same for all channels that one click is about; empty for an image alone. Channels add to what is below
            them as their inputs do, but for the first: results lie on their inputs, and would be twice as bright.
        channel_axis
            Of a stack whose planes are the channels, their axis.
        companions
            The other layers that it is made with; by default none.
        """
        taken = [run.number for run in self if run.origin.title == origin.title]
        number = max(taken, default=0) + 1
        run = Run(uuid.uuid4().hex[:8], origin.cut_out(), truth, maps or MapSpec(), number, click)
        self._runs[run.id] = run
        first = self.together(run)[0]
        if first is not run:
            run.origin = replace(run.origin, look=run.origin.look | {"blending": run.origin.blending})
        run.channels, run.channel_axis = first.channels, channel_axis
        run.companions = companions or Companions()
        if origin.name not in run.channels:
            run.channels.append(origin.name)
        return run

    def add_sample(self, run: Run, finished: FinishedSample) -> SampleLayers:
        """Show a finished sample, below those before it; the first one is visible and selected."""
        first = not run.samples
        if first:
            self.arriving.emit(run)
        image = sample_layer(run.origin, finished, run.id, run.number)
        image.visible = first
        sample = SampleLayers(finished, image)
        above = [run.samples[index] for index in sorted(run.samples) if index < finished.index]
        self._insert(run, image, below=above[-1].layers[-1] if above else None, select=first)
        run.samples[finished.index] = sample
        if first:
            self._cover(run)
        self.changed.emit(run)
        return sample

    def add_map(self, run: Run, made: FinishedMap) -> None:
        """Show a map: a residual one below its sample, unless the user removed that; the spread below all else."""
        if made.kind == "spread":
            run.spread = spread_layer(run.origin, made.values, run.id, run.number)
            self._insert(run, run.spread, below=_lowest(run))
        elif made.index in run.samples:
            sample = run.samples[made.index]
            sample.residual = residual_layer(
                run.origin, sample.finished, sample.image, made.values, run.maps.gain, run.id
            )
            self._insert(run, sample.residual, below=sample.image)
        self.changed.emit(run)

    def complete(self, run: Run, result: SuperResolutionResult, maps: Iterable[FinishedMap] | None = None) -> None:
        """Add the faithful image and the maps, and write down what made the run.

        Parameters
        ----------
        run, result
            A run whose samples have been added, and what the engine returned.
        maps
            Those that are still to be added; by default all that the run shows, made here.
        """
        run.result = RunRecord(result.references, result.seeds, result.provenance, result.scale)
        for made in finished_maps(result, run.maps, run.truth) if maps is None else maps:
            self.add_map(run, made)
        if result.faithful is not None:
            run.faithful = faithful_layer(run.origin, result.faithful, run.id, run.number)
            self._insert(run, run.faithful, below=_lowest(run))
        for layer in run.layers:
            layer.metadata[METADATA_KEY]["provenance"] = dict(result.provenance)
        self.changed.emit(run)

    def remove(self, run: Run) -> None:
        """Undo a run, and those of the same click: all their layers go, what they had covered is back, no more."""
        going = [each for each in self.together(run) if self._runs.pop(each.id, None) is not None]
        remove_layers(self._layers, [layer for each in going for layer in each._made])
        for each in going:
            self._uncover(each)
        for each in going:
            self.removed.emit(each.id)

    def show_only(self, run: Run, index: int) -> None:
        """Show one sample, of all channels; hide the run's other samples, its maps and its faithful image."""
        for each in self.together(run):
            shown = each.samples[index].image if index in each.samples else None
            for layer in each.layers:
                layer.visible = layer is shown

    def rivals(self, run: Run) -> list[Image]:
        """What other runs show at the place of a run."""
        if not run.samples:
            return []
        place, mine = run.samples[min(run.samples)].image, self.together(run)
        others = [layer for other in self if other not in mine for layer in other.layers]
        return [layer for layer in others if layer.visible and _overlap(layer, place)]

    @property
    def _layers(self) -> Any:
        viewer = self._viewer()
        assert viewer is not None  # who calls this has it
        return viewer.layers

    def _insert(self, run: Run, layer: Image, below: Image | None, select: bool = False) -> None:
        """Put a layer under another one of its run, or on top; the selection stays unless asked for."""
        layers = self._layers
        if below is not None and below in layers:
            position = layers.index(below)
        else:
            position = max((layers.index(mine) + 1 for mine in run.layers if mine in layers), default=len(layers))
        run._made.add(layer)  # before it is shown: what goes wrong there leaves a layer to take back
        insert_layer(layers, position, layer, select=select)

    def _cover(self, run: Run) -> None:
        """Hide what older runs show at the place of a new one: it would shine through its edges and its gaps."""
        for layer in self.rivals(run):
            layer.visible = False
            run._covered.add(layer)

    def _uncover(self, run: Run) -> None:
        """Show again what a run had hidden, unless another one is shown there."""
        for layer in run._covered:
            owner = self.of(layer)
            if owner is not None and layer in self._layers and not self.rivals(owner):
                layer.visible = True

    def _layer_removed(self, event: Any) -> None:
        """Forget a layer that the user removed, and the run with its last layer: until then it can be undone."""
        layer = event.value
        run = self.of(layer)
        if run is None or layer not in run._made:
            return
        _forget(run, layer)
        if run.result is None or any(made in self._layers for made in run._made):
            self.changed.emit(run)
        else:
            self._runs.pop(run.id)
            self.removed.emit(run.id)


_OF_VIEWERS: WeakKeyDictionary[Any, Runs] = WeakKeyDictionary()


def _overlap(one: Image, other: Image) -> bool:
    """Whether the upright boxes around two layers have a place in common, on the axes that both have."""
    first, second = (np.asarray(layer.extent.world) for layer in (one, other))
    axes = min(first.shape[1], second.shape[1])
    first, second = first[:, -axes:], second[:, -axes:]
    apart = (np.maximum(first[0], second[0]) - np.minimum(first[1], second[1])) > 0
    return not apart.any()


def _lowest(run: Run) -> Image | None:
    """Its last sample's last layer: maps of the whole run lie below that."""
    samples = [run.samples[index] for index in sorted(run.samples)]
    return samples[-1].layers[-1] if samples else None


def _forget(run: Run, layer: Image) -> None:
    """Let go of a layer and of its pixels; while the run is under way, the engine holds all of them anyway."""
    before, run.samples = run.samples, {i: one for i, one in run.samples.items() if one.image is not layer}
    for sample in run.samples.values():
        if layer is sample.residual:
            sample.residual = None
    if run.result is not None and len(run.samples) < len(before):
        _share_out(run, len(run.result.seeds))
    run.faithful = None if layer is run.faithful else run.faithful
    run.spread = None if layer is run.spread else run.spread


def _share_out(run: Run, made: int) -> None:
    """Give samples pixels of their own, once at most half of those that were made in one array are left.

    Meanwhile the window stands still and both copies are there: it has to free as much as it takes.
    """
    staying = [sample for sample in run.samples.values() if sample.kept is not False]  # the discarded ones go next
    if 2 * len(staying) <= made:
        for sample in staying:
            sample.own_pixels()


def _unwrapped(viewer: Any) -> Any:
    """The viewer behind the proxy that napari hands to plugins."""
    return getattr(viewer, "__wrapped__", viewer)
