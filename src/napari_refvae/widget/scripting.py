"""What a click on Upscale does, for napari's console and for scripts with a viewer: `upscale_layer`."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.utils import progress

from napari_refvae.errors import InvalidInputError, InvalidSpecError, RefVAEError
from napari_refvae.inputs import as_range, as_region
from napari_refvae.spec import Progress, SelfReference
from napari_refvae.widget.naming import name_candidates
from napari_refvae.widget.results.channels import mixed, read_channel_axis, read_channels
from napari_refvae.widget.results.layers import LayerPlane, read_input, read_reference
from napari_refvae.widget.results.maps import MapSpec
from napari_refvae.widget.results.run import Companions
from napari_refvae.widget.results.runs import Runs
from napari_refvae.widget.results.truths import truth_plane
from napari_refvae.widget.results.watching import require_plane_view

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

    from napari_refvae.engine.result import FinishedSample, SuperResolutionResult
    from napari_refvae.inputs import RangeLike, RegionLike
    from napari_refvae.regions import Region
    from napari_refvae.spec import IntensityRange
    from napari_refvae.widget.results.layers import InputImage
    from napari_refvae.widget.results.run import Run

    Steps = Generator[Progress | FinishedSample | None, None, SuperResolutionResult]

__all__ = ["upscale_layer"]

A_STACK = "a stack whose plane is not given"


def upscale_layer(
    viewer: Any,
    layer: Image | str | Sequence[Image | str],
    references: Any = (),
    *,
    region: RegionLike = None,
    plane: Sequence[int] | None = None,
    channel_axis: int | None = None,
    intensity_range: RangeLike = None,
    truth: Image | str | None = None,
    maps: MapSpec | None = None,
    faithful: bool = True,
    **settings: Any,
) -> list[Image]:
    """Upscale a layer and show the samples: the same layers as a click on Upscale gives.

    It returns when the run is complete. Meanwhile napari shows its progress and takes no input; Escape stops the
    run, which leaves no layer behind and raises ``KeyboardInterrupt``.

    Parameters
    ----------
    viewer
        ``viewer`` in napari's console.
    layer
        An image layer or its name; or several grey ones of one size, the lowest first, which are channels of one
        image: all get the same latents, and keep colormap, contrast limits and blending. For them ``"self"`` is the
        channels in their colours, added up.
    references
        One or several: names of layers, layers, arrays, paths, ``"self"`` (the image itself) or ``"none"``.
    region
        The part to upscale: a `Region`, or ``(y, x, height, width)`` in the layer's pixels. None for all.
    plane
        Of a stack, the plane's index on the axes before the last two; None for the one that is shown, in 2D.
    channel_axis
        Of a stack, the axis whose planes are channels: all are upscaled, with the same latents.
    intensity_range
        Stored values of black and white; None for the layer's contrast limits.
    truth
        A layer with the original, if there is one: residuals can be taken against it.
    maps
        Which residual maps to add, and whether to add the map of the spread:
        `napari_refvae.widget.results.maps.MapSpec`.
    faithful
        Whether to add the faithful image too.
    **settings
        As `napari_refvae.upscale` takes them: ``samples``, ``seed``, ``temperature``, ``strength``, ``vividness``,
        ``scale``, ``self_ensemble``, ``matching``, ``model``, ``consistency``, ``precision``, ``device``, ``tile``.

    Returns
    -------
    list of Image
        The layer of each sample, in order; of channels one after the other. The others of the run lie below them in
        the viewer.

    Raises
    ------
    RefVAEError
        One of its kinds; no layer is left behind. Also if this is not the main thread, on which alone napari
        allows layers to be added.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RefVAEError(
            "upscale_layer adds layers, which napari allows on the main thread only; in a worker call "
            "napari_refvae.upscale, and add the layers when it has returned"
        )
    maps = maps or MapSpec()
    maps.check_truth(truth is not None)
    layers, point = _chosen(viewer, layer, plane, channel_axis)
    origins = _read(layers, point, channel_axis)
    origins = [_narrowed(origin, as_region(region), as_range(intensity_range)) for origin in origins]
    of_view = plane is None
    items = [_layer_if_any(viewer, item) for item in _listed(references)]
    chosen, original, given = [_reference(viewer, item, point, of_view) for item in items], None, None
    if len(origins) > 1:
        if truth is not None:
            raise InvalidInputError("expected no ground truth for several channels; got one: upscale one at a time")
        chosen = [mixed(origins) if _is_self(item) else item for item in chosen]
    elif truth is not None:
        given, image = (LayerPlane.of(one, point) for one in (_layer(viewer, truth), layers[0]))
        original = truth_plane(given, image, origins[0].region, _scale(settings)).pixels()
    companions = Companions.of([LayerPlane.of(one, point) for one in items if isinstance(one, Image)], given)
    runs, made = Runs.of_viewer(viewer), []
    click = uuid.uuid4().hex[:8] if len(origins) > 1 else ""
    for origin in origins:
        run = runs.begin(origin, original, maps, click, channel_axis, companions)
        _make(runs, run, settings | {"references": chosen, "image": origin.pixels, "faithful": faithful})
        made += [run.samples[index].image for index in sorted(run.samples)]
    return made


def _make(runs: Runs, run: Run, arguments: dict[str, Any]) -> None:
    """Make a run, and show it; if that fails, it and the run's other channels are undone."""
    origin = run.origin
    arguments = arguments | {"intensity_range": origin.intensity_range, "region": origin.region}
    with _undone_if_it_fails(runs, run):
        with _no_input() as stopped:
            result = _shown(_steps(arguments), lambda sample: runs.add_sample(run, sample), stopped)
        runs.complete(run, result)


def _chosen(
    viewer: Any, layer: Image | str | Sequence[Image | str], plane: Sequence[int] | None, channel_axis: int | None
) -> tuple[list[Image], Sequence[float]]:
    """The layers that are to be upscaled, and the place in the world whose planes of stacks are meant."""
    several = isinstance(layer, Sequence) and not isinstance(layer, str)
    chosen = [_layer(viewer, item) for item in (layer if several else [layer])]
    if not chosen:
        raise InvalidInputError("expected an image layer, or several; got none")
    if channel_axis is not None and len(chosen) > 1:
        raise InvalidSpecError(f"channel_axis is for one layer; got {len(chosen)}: leave it out")
    if plane is not None:
        return chosen, _point(chosen[0], plane)
    if any(one.ndim > 2 + (channel_axis is not None) for one in chosen):
        require_plane_view(viewer, A_STACK, turned=True)
    return chosen, viewer.dims.point


def _read(layers: Sequence[Image], point: Sequence[float], channel_axis: int | None) -> list[InputImage]:
    """What is to be upscaled, a run each."""
    if channel_axis is not None:
        return read_channel_axis(layers[0], channel_axis, point)
    return read_channels(layers, point) if len(layers) > 1 else [read_input(layers[0], point)]


def _scale(settings: dict[str, Any]) -> int:
    """Pixels of a sample per pixel of the image and axis: as asked for, or the model's."""
    if settings.get("scale") is not None:
        return int(settings["scale"])
    from napari_refvae import api  # loads torch

    return api.load_model(settings.get("model", "compact")).network.scale


def _layer(viewer: Any, layer: Image | str) -> Image:
    """An image layer of the viewer by its name, or the layer itself."""
    if isinstance(layer, str):
        if layer not in viewer.layers:
            raise InvalidInputError(f"expected the name of a layer, such as {_names(viewer, layer)}; got {layer!r}")
        layer = viewer.layers[layer]
    if not isinstance(layer, Image):
        raise InvalidInputError(f"expected an image layer or its name; got {layer!r}")
    return layer


def _narrowed(origin: InputImage, region: Region | None, intensity_range: IntensityRange | None) -> InputImage:
    """The image with another range, or a part of it."""
    if intensity_range is not None:
        origin = replace(origin, intensity_range=intensity_range)
    if region is None:
        return origin
    region.check_within(origin.pixels.shape[:2])
    return origin.within(region)


def _point(layer: Image, plane: Sequence[int]) -> tuple[float, ...]:
    """Where in the world a plane of a stack lies."""
    if len(plane) != layer.ndim - 2:
        raise InvalidSpecError(f"plane must have {layer.ndim - 2} indices for {layer.name!r}; got {tuple(plane)}")
    return tuple(float(value) for value in layer.data_to_world((*plane, 0, 0)))


def _listed(references: Any) -> list[Any]:
    return list(references) if isinstance(references, list | tuple) else [references]


def _layer_if_any(viewer: Any, item: Any) -> Any:
    """The layer that a reference names; words, arrays and paths stay."""
    named = isinstance(item, str) and item not in ("self", "none") and item in viewer.layers
    return _layer(viewer, item) if named else item


def _reference(viewer: Any, item: Any, point: Sequence[float], of_view: bool) -> Any:
    """What the engine takes: layers are copied, of stacks the plane at a point; words, arrays and paths stay."""
    if isinstance(item, Image):
        if item.ndim > 2 and of_view:
            require_plane_view(viewer, A_STACK, turned=True)
        return read_reference(item, point)
    if not isinstance(item, str) or item in ("self", "none"):
        return item
    if not Path(item).is_file():
        raise InvalidInputError(
            f"expected a reference: a layer such as {_names(viewer, item)}, the path of an image, 'self' or 'none'; "
            f"got {item!r}, which is neither"
        )
    return Path(item)


def _is_self(item: Any) -> bool:
    """Whether a reference is the image itself, by its word or by its kind."""
    return isinstance(item, SelfReference) or (isinstance(item, str) and item == "self")


def _names(viewer: Any, asked: str) -> str:
    return name_candidates(asked, [layer.name for layer in viewer.layers])


def _steps(arguments: dict[str, Any]) -> Steps:
    from napari_refvae import api  # loads torch

    return api.steps(**arguments)


def _shown(steps: Steps, add: Callable[[FinishedSample], Any], stopped: Callable[[], bool]) -> SuperResolutionResult:
    """Drain the engine, with a progress bar in napari; close the engine however this ends."""
    with progress(total=1, desc="Upscale") as bar:
        try:
            while True:
                if stopped():
                    raise KeyboardInterrupt
                try:
                    step = next(steps)
                except StopIteration as stop:
                    result: SuperResolutionResult = stop.value
                    return result
                if isinstance(step, Progress):
                    bar.total = step.total
                    bar.update(step.done - bar.n)
                elif step is not None:
                    add(step)
        finally:
            steps.close()


def _no_input() -> AbstractContextManager[Callable[[], bool]]:
    """Keep the user from the window meanwhile; yields what tells whether Escape was pressed."""
    if "qtpy" not in sys.modules:  # a viewer without a window
        return nullcontext(lambda: False)
    from napari_refvae.widget.running.waiting import no_input

    return no_input()


@contextmanager
def _undone_if_it_fails(runs: Runs, run: Run) -> Iterator[Run]:
    """Take back the layers of a run that did not come to its end."""
    done = False
    try:
        yield run
        done = True
    finally:
        if not done:
            runs.remove(run)
