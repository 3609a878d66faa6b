"""What a click on Upscale does, for napari's console and for scripts with a viewer: `upscale_layer`."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.utils import progress

from napari_refvae.errors import InvalidInputError, InvalidSpecError, RefVAEError
from napari_refvae.inputs import as_range, as_region
from napari_refvae.spec import Progress
from napari_refvae.widget.naming import name_candidates
from napari_refvae.widget.results.layers import read_input, read_reference, read_truth
from napari_refvae.widget.results.maps import MapSpec
from napari_refvae.widget.results.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from contextlib import AbstractContextManager

    from napari_refvae.engine.result import FinishedSample, SuperResolutionResult
    from napari_refvae.inputs import RangeLike, RegionLike
    from napari_refvae.regions import Region
    from napari_refvae.spec import IntensityRange
    from napari_refvae.widget.results.layers import InputImage
    from napari_refvae.widget.results.runs import Run

    Steps = Generator[Progress | FinishedSample | None, None, SuperResolutionResult]

__all__ = ["upscale_layer"]

MODEL_SCALE = 8
"""Of the bundled model; the ground truth is checked before a model is loaded."""


def upscale_layer(
    viewer: Any,
    layer: Image | str,
    references: Any = (),
    *,
    region: RegionLike = None,
    plane: Sequence[int] | None = None,
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
        An image layer or its name.
    references
        One or several: names of layers, layers, arrays, paths, ``"self"`` (the image itself) or ``"none"``.
    region
        The part to upscale: a `Region`, or ``(y, x, height, width)`` in the layer's pixels. None for all.
    plane
        Of a stack, the plane's index on the axes before the last two; None for the one that is shown.
    intensity_range
        Stored values of black and white; None for the layer's contrast limits, or the dtype's range for colours.
    truth
        A layer with the original, if there is one: residuals can be taken against it.
    maps
        Which residual maps to add, and whether to add the map of the spread:
        `napari_refvae.widget.results.maps.MapSpec`.
    faithful
        Whether to add the faithful image too.
    **settings
        As `napari_refvae.upscale` takes them: ``samples``, ``seed``, ``temperature``, ``strength``, ``vividness``,
        ``scale``, ``model``, ``consistency``, ``precision``, ``device``, ``tile``.

    Returns
    -------
    list of Image
        The layer of each sample, in order. The others of the run lie below them in the viewer.

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
    chosen = _layer(viewer, layer)
    point = viewer.dims.point if plane is None else _point(chosen, plane)
    origin = _origin(chosen, point, as_region(region), as_range(intensity_range))
    original = None
    if truth is not None:
        original = read_truth(_layer(viewer, truth), origin, settings.get("scale") or MODEL_SCALE, point)
    arguments = {
        "image": origin.pixels,
        "references": [_reference(viewer, item, point) for item in _listed(references)],
        "intensity_range": origin.intensity_range,
        "region": origin.region,
        "faithful": faithful,
        **settings,
    }
    runs = Runs.of_viewer(viewer)
    with _undone_if_it_fails(runs, runs.begin(origin, original, maps)) as run:
        with _no_input() as stopped:
            result = _shown(_steps(arguments), lambda sample: runs.add_sample(run, sample), stopped)
        runs.complete(run, result)
    return [run.samples[index].image for index in sorted(run.samples)]


def _layer(viewer: Any, layer: Image | str) -> Image:
    """An image layer of the viewer by its name, or the layer itself."""
    if isinstance(layer, str):
        if layer not in viewer.layers:
            raise InvalidInputError(f"expected the name of a layer, such as {_names(viewer, layer)}; got {layer!r}")
        layer = viewer.layers[layer]
    if not isinstance(layer, Image):
        raise InvalidInputError(f"expected an image layer or its name; got {layer!r}")
    return layer


def _origin(
    layer: Image, point: Sequence[float], region: Region | None, intensity_range: IntensityRange | None
) -> InputImage:
    origin = read_input(layer, point)
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


def _reference(viewer: Any, item: Any, point: Sequence[float]) -> Any:
    """What the engine takes: layers are copied; words, arrays and paths stay."""
    if isinstance(item, Image):
        return read_reference(item, point)
    if not isinstance(item, str) or item in ("self", "none"):
        return item
    if item in viewer.layers:
        return read_reference(_layer(viewer, item), point)
    if not Path(item).is_file():
        raise InvalidInputError(
            f"expected a reference: a layer such as {_names(viewer, item)}, the path of an image, 'self' or 'none'; "
            f"got {item!r}, which is neither"
        )
    return Path(item)


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
