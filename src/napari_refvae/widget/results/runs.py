"""What each run put into the viewer: adding it, taking it back, and telling who wants to know.

Main thread only. The layers of a run lie together, from the top: sample 1, its residual map, sample 2, its residual
map, ..., the faithful image, the spread. Only the first sample is visible.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, ref

from psygnal import Signal

from napari_refvae.widget.results.layers import METADATA_KEY, is_result
from napari_refvae.widget.results.making import faithful_layer, residual_layer, sample_layer, spread_layer
from napari_refvae.widget.results.maps import MapSpec, finished_maps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_refvae.engine.result import FinishedSample, SuperResolutionResult
    from napari_refvae.widget.results.layers import InputImage
    from napari_refvae.widget.results.maps import FinishedMap

__all__ = ["Run", "RunRecord", "Runs", "SampleLayers"]


@dataclass(eq=False)
class SampleLayers:
    """One sample in the viewer.

    Attributes
    ----------
    finished
        What the engine said of it.
    kept
        The user's verdict: None undecided, True kept, False discarded.
    scores
        ``"psnr"``, ``"ssim"`` and so on against the ground truth, filled by whoever measures them.
    """

    finished: FinishedSample
    image: Image
    residual: Image | None = None
    kept: bool | None = None
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def index(self) -> int:
        """Its place in the run, from 0."""
        return self.finished.index

    @property
    def reference(self) -> str:
        """Name of its reference."""
        return self.finished.reference

    @property
    def seed(self) -> int:
        """What makes it again alone."""
        return self.finished.seed

    @property
    def lr_psnr(self) -> float:
        """How well it gives the input back, in dB."""
        return self.finished.lr_psnr

    @property
    def layers(self) -> list[Image]:
        """From the top."""
        return [self.image] if self.residual is None else [self.image, self.residual]

    def own_pixels(self) -> None:
        """Copy the pixels, if they are part of an array of all samples, which each of them would keep alive."""
        shared = self.finished.sr
        if shared.base is None:
            return
        self.finished = replace(self.finished, sr=shared.copy())
        if self.image.data is shared:  # the user may have put others there
            self.image.data = self.finished.sr


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What is kept of a result beside its layers; the fields are those of `SuperResolutionResult`."""

    references: tuple[str, ...]
    seeds: tuple[int, ...]
    provenance: Mapping[str, Any]
    scale: int


@dataclass(eq=False)
class Run:
    """One run in the viewer.

    Attributes
    ----------
    id
        Eight hexadecimal digits, in the metadata of all its layers.
    origin
        A copy of its input, or of the part of it that is super-resolved.
    truth
        The ground truth, stored as a sample is, or None.
    maps
        Which maps it shows.
    samples
        By index; a sample whose layer the user removed is gone from here.
    result
        What made it; None until the run is complete. The pixels are in its layers only.
    """

    id: str
    origin: InputImage
    truth: NDArray[Any] | None = None
    maps: MapSpec = field(default_factory=MapSpec)
    samples: dict[int, SampleLayers] = field(default_factory=dict)
    faithful: Image | None = None
    spread: Image | None = None
    result: RunRecord | None = None
    _made: WeakSet[Image] = field(default_factory=WeakSet, repr=False)  # every layer it added, if it is anywhere yet

    @property
    def layers(self) -> list[Image]:
        """All of them, from the top."""
        made = [layer for index in sorted(self.samples) for layer in self.samples[index].layers]
        return made + [layer for layer in (self.faithful, self.spread) if layer is not None]


class Runs:
    """The runs of one viewer, oldest first.

    `of_viewer` gives the viewer's own, which its console, its docks and their parts share.
    """

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

    def begin(self, origin: InputImage, truth: NDArray[Any] | None = None, maps: MapSpec | None = None) -> Run:
        """Open a run that has no layers yet."""
        run = Run(uuid.uuid4().hex[:8], origin.cut_out(), truth, maps or MapSpec())
        self._runs[run.id] = run
        return run

    def add_sample(self, run: Run, finished: FinishedSample) -> SampleLayers:
        """Show a finished sample, below those before it; the first one is visible and selected."""
        image = sample_layer(run.origin, finished, run.id)
        image.visible = not run.samples
        sample = SampleLayers(finished, image)
        above = [run.samples[index] for index in sorted(run.samples) if index < finished.index]
        self._insert(run, image, below=above[-1].layers[-1] if above else None, select=not run.samples)
        run.samples[finished.index] = sample
        self.changed.emit(run)
        return sample

    def add_map(self, run: Run, made: FinishedMap) -> None:
        """Show a map: a residual one below its sample, unless the user removed that; the spread below all else."""
        if made.kind == "spread":
            run.spread = spread_layer(run.origin, made.values, run.id)
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
            run.faithful = faithful_layer(run.origin, result.faithful, run.id)
            self._insert(run, run.faithful, below=_lowest(run))
        for layer in run.layers:
            layer.metadata[METADATA_KEY]["provenance"] = dict(result.provenance)
        self.changed.emit(run)

    def remove(self, run: Run) -> None:
        """Undo a run: all its layers go, and nothing else changes."""
        if self._runs.pop(run.id, None) is None:
            return
        layers = self._layers
        with layers.batched_update():
            for layer in [layer for layer in layers if layer in run._made]:
                layers.remove(layer)
        self.removed.emit(run.id)

    def show_only(self, run: Run, index: int) -> None:
        """Show one sample; hide the run's other samples, its maps and its faithful image."""
        shown = run.samples[index].image
        for layer in run.layers:
            layer.visible = layer is shown

    @property
    def _layers(self) -> Any:
        viewer = self._viewer()
        assert viewer is not None  # who calls this has it
        return viewer.layers

    def _insert(self, run: Run, layer: Image, below: Image | None, select: bool = False) -> None:
        """Put a layer under another one of its run, or on top; the selection stays unless asked for."""
        layers = self._layers
        selected = set(layers.selection)
        if below is not None and below in layers:
            position = layers.index(below)
        else:
            position = max((layers.index(mine) + 1 for mine in run.layers if mine in layers), default=len(layers))
        run._made.add(layer)  # before it is shown: what goes wrong there leaves a layer to take back
        layers.insert(position, layer)
        layers.selection = {layer} if select else selected

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


def _lowest(run: Run) -> Image | None:
    """Its last sample's last layer: maps of the whole run lie below that."""
    samples = [run.samples[index] for index in sorted(run.samples)]
    return samples[-1].layers[-1] if samples else None


def _forget(run: Run, layer: Image) -> None:
    """Let go of a layer and of its pixels; while the run is under way, the engine holds all of them anyway."""
    samples = {index: sample for index, sample in run.samples.items() if sample.image is not layer}
    parts = run.result is not None and len(samples) < len(run.samples)
    run.samples = samples
    for sample in samples.values():
        if layer is sample.residual:
            sample.residual = None
        if parts and sample.kept is not False:  # the discarded ones go next
            sample.own_pixels()
    run.faithful = None if layer is run.faithful else run.faithful
    run.spread = None if layer is run.spread else run.spread


def _unwrapped(viewer: Any) -> Any:
    """The viewer behind the proxy that napari hands to plugins."""
    return getattr(viewer, "__wrapped__", viewer)
