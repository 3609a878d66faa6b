"""The entry for scripts, the console, the command line and the widget: load a model, upscale."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.engine.finishing import plan_windows
from napari_refvae.engine.forecasting import Forecast, Readiness, forecast_run
from napari_refvae.engine.frame import check_scale, plan_frame
from napari_refvae.engine.matching import matching_bytes, matching_seconds
from napari_refvae.engine.symmetry import count_passes
from napari_refvae.engine.upscaler import drain
from napari_refvae.errors import InvalidInputError
from napari_refvae.inputs import as_asked_range, as_region, as_tiles
from napari_refvae.loading import LoadedModel, load_costs, load_model, load_upscaler
from napari_refvae.planning import RunSettings, plan_run
from napari_refvae.spec import SampleSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import DTypeLike

    from napari_refvae.engine.result import SuperResolutionResult
    from napari_refvae.engine.upscaler import Steps
    from napari_refvae.inputs import ImageLike, Measured, Picture, RangeLike, ReferenceLike, RegionLike, TileLike
    from napari_refvae.spec import Consistency, Progress, SelfEnsemble

__all__ = ["LoadedModel", "forecast", "load_model", "prepare", "steps", "upscale"]


def upscale(
    image: ImageLike | Picture,
    references: ReferenceLike | Sequence[ReferenceLike] = (),
    *,
    samples: int = 4,
    seed: int = 0,
    temperature: float = 1.0,
    strength: float = 1.0,
    vividness: float = 1.0,
    scale: int | None = None,
    region: RegionLike = None,
    faithful: bool = False,
    self_ensemble: SelfEnsemble = "auto",
    matching: bool = False,
    model: str | Path | LoadedModel = "compact",
    consistency: Consistency | None = "bicubic",
    precision: str = "auto",
    device: str = "auto",
    tile: TileLike = "auto",
    intensity_range: RangeLike | Measured = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> SuperResolutionResult:
    """Make several 8x versions of an image, each consistent with it.

    Parameters
    ----------
    image
        ``(h, w)`` grey, ``(h, w, 3)`` RGB or ``(h, w, 4)`` RGBA, of any size and any integer or float dtype; the
        path of such an image; or a napari image layer, at full resolution. NaN and infinite values are filled
        from their neighbours for the network, and return in all results, over the blocks that they cover.
    references
        One or several references: an array, path or layer (any size), ``"self"`` (the input itself), or ``"none"``
        or None (no reference). An empty sequence means none.
    samples
        Samples a reference, in the order of the references.
    seed
        Sample ``n`` of the run uses seed ``seed + n``, so each can be made again alone.
    temperature
        Scale of the random part; 0 takes the posterior's mean.
    strength
        From 0 (no reference) to 1 (all of it).
    vividness
        From 0 (faithful, best in PSNR) to 1 (vivid).
    scale
        HR pixels per LR pixel and axis in the results: a divisor of the model's, so 2, 4 or 8. Below the model's,
        a sample is its own antialiased down-sampling, made consistent anew. None: the model's.
    region
        ``(y, x, height, width)`` in pixels of the image, or a `Region`: only this part is made, and comes out as
        in the result of the whole image. None: all of it.
    faithful
        Also make the image nearest to the truth: no reference, nothing random, vividness 0.
    self_ensemble
        Whether each detail is the mean of those that the network gives for the input's eight flips and quarter turns,
        turned back: nearer to the truth by about 0.1 dB, at eight times the cost. ``"auto"``: for the faithful image
        and for samples of vividness 0; the mean of vivid details would be blurred.
    matching
        Whether detail is copied from references where they match the image: for references that show the same thing,
        the same specimen or the same place. Only what a small trained gate takes is copied, in proportion to
        ``strength``; what matches nowhere stays the network's own. Needs a model that enlarges 8 times.
    model
        Name, file, or what `load_model` returned.
    consistency
        ``"bicubic"``: each sample, reduced by antialiased bicubic down-sampling, gives the input back. None: off.
    precision
        ``"auto"``, ``"float32"`` or ``"bfloat16"``.
    device
        ``"auto"``, ``"cpu"``, ``"cuda:N"`` or ``"mps"``.
    tile
        ``"auto"`` (from free memory), the side of a tile in LR pixels, a `TileSpec`, or None for no tiles.
    intensity_range
        The stored values that mean black and white, of the image and of references of its dtype; by default a
        layer's contrast limits, otherwise the dtype's range, 0..1 for floats. ``"measured"``: the least and the
        greatest value, of the image and of each reference by itself.
    on_progress
        Called between tiles.

    Returns
    -------
    SuperResolutionResult
        In the input's dtype and kind.

    Raises
    ------
    RefVAEError
        One of its kinds, saying what was expected, what came and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_refvae
    >>> lr = np.full((8, 6), 100, np.uint8)
    >>> napari_refvae.upscale(lr, samples=2).sr.shape
    (2, 64, 48)
    """
    run = steps(
        image,
        references,
        samples=samples,
        seed=seed,
        temperature=temperature,
        strength=strength,
        vividness=vividness,
        scale=scale,
        region=region,
        faithful=faithful,
        self_ensemble=self_ensemble,
        matching=matching,
        model=model,
        consistency=consistency,
        precision=precision,
        device=device,
        tile=tile,
        intensity_range=intensity_range,
    )
    return drain(run, on_progress)


def steps(
    image: ImageLike | Picture,
    references: ReferenceLike | Sequence[ReferenceLike] = (),
    *,
    samples: int = 4,
    seed: int = 0,
    temperature: float = 1.0,
    strength: float = 1.0,
    vividness: float = 1.0,
    scale: int | None = None,
    region: RegionLike = None,
    faithful: bool = False,
    self_ensemble: SelfEnsemble = "auto",
    matching: bool = False,
    model: str | Path | LoadedModel = "compact",
    consistency: Consistency | None = "bicubic",
    precision: str = "auto",
    device: str = "auto",
    tile: TileLike = "auto",
    intensity_range: RangeLike | Measured = None,
) -> Steps:
    """Like `upscale`, as a generator, which may be closed at any yield.

    Yields
    ------
    Progress
        After each piece of work.
    FinishedSample
        Each sample as soon as it is stored.

    Returns
    -------
    SuperResolutionResult
        What `upscale` returns.
    """
    declared, measured = as_asked_range(intensity_range)
    settings = RunSettings(
        samples=SampleSpec(samples, seed, temperature, strength, vividness),
        scale=scale,
        region=as_region(region),
        faithful=faithful,
        self_ensemble=self_ensemble,
        matching=matching,
        model=model,
        consistency=consistency,
        precision=precision,
        device=device,
        tile=tile,
        intensity_range=declared,
        measured=measured,
    )
    return (yield from plan_run(image, references, settings).steps())


def prepare(model: str | Path | LoadedModel = "compact", device: str = "auto", precision: str = "auto") -> Readiness:
    """Load a model, choose device and precision, and measure how fast it runs, so that the first run need not.

    A second call returns at once. The measurement takes a quarter of a second on an idle machine.

    Raises
    ------
    RefVAEError
        As `upscale`, of model, device and precision.
    """
    chosen = load_model(model)
    upscaler = load_upscaler(chosen, device, precision)
    return Readiness(
        model=chosen.name,
        preset=chosen.info.preset,
        sha256=chosen.info.identity,
        device=upscaler.device,
        precision=upscaler.precision,
        scale=upscaler.model.scale,
        costs=load_costs(upscaler),
    )


def forecast(
    shape: tuple[int, ...],
    dtype: DTypeLike,
    *,
    samples: int = 4,
    references: int = 1,
    temperature: float = 1.0,
    vividness: float = 1.0,
    scale: int | None = None,
    region: RegionLike = None,
    faithful: bool = False,
    self_ensemble: SelfEnsemble = "auto",
    matching: Sequence[tuple[int, int]] = (),
    model: str | Path | LoadedModel = "compact",
    consistency: Consistency | None = "bicubic",
    precision: str = "auto",
    device: str = "auto",
    tile: TileLike = "auto",
) -> Forecast:
    """Say what `upscale` would make of an image, and what it would take.

    Arithmetic on what `prepare` measured, which it calls; the time to read references is not in it.

    Parameters
    ----------
    shape, dtype
        Of the image: ``(h, w)`` or ``(h, w, C)``.
    samples, references
        Samples a reference, and how many references there are.
    temperature, vividness
        As of `upscale`: what is faithful takes more passes; see ``self_ensemble``.
    matching
        Height and width of each reference that detail is copied from; empty: matching is off.
    scale, region, faithful, self_ensemble, model, consistency, precision, device, tile
        As of `upscale`.

    Raises
    ------
    RefVAEError
        As `upscale`.
    """
    if len(shape) not in (2, 3) or 0 in shape:
        raise InvalidInputError(f"expected the shape of an image, (h, w) or (h, w, C); got {tuple(shape)}")
    chosen = load_model(model)
    costs = prepare(chosen, device, precision).costs
    upscaler, part = load_upscaler(chosen, device, precision), as_region(region)
    size = (int(shape[0]), int(shape[1]))
    if part is not None:
        part.check_within(size)
    spec, total = SampleSpec(samples, temperature=temperature, vividness=vividness), samples * max(1, references)
    frame = plan_frame(size, part, "bicubic" if matching else consistency)
    found = forecast_run(
        upscaler,
        costs,
        frame,
        pixel_bytes=math.prod(shape[2:]) * np.dtype(dtype).itemsize,
        samples=total,
        scale=check_scale(scale, upscaler.model.scale),
        faithful=faithful,
        passes=count_passes(self_ensemble, spec, upscaler.model.layout, total, faithful=faithful),
        tiles=as_tiles(tile, size),
    )
    windows = [window.read.height * window.read.width for window in plan_windows(frame)]
    return replace(
        found,
        seconds=found.seconds + matching_seconds(matching, sum(windows), samples, upscaler.torch_device),
        peak_bytes=found.peak_bytes + matching_bytes(matching, math.prod(size), max(windows)),
    )
