"""What a run will make, hold and take, before it begins: measured once on a small image, then arithmetic."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_refvae.engine.device import exactly
from napari_refvae.engine.finishing import plan_windows
from napari_refvae.engine.rolling import plan_turns
from napari_refvae.imageio.pixels import normalize
from napari_refvae.regions import TileSpec
from napari_refvae.spec import Progress, SampleSpec, SuperResolutionRequest

if TYPE_CHECKING:
    from napari_refvae.engine.device import Choice
    from napari_refvae.engine.frame import Frame
    from napari_refvae.engine.upscaler import Upscaler
    from napari_refvae.regions import Region, Tile

__all__ = ["Costs", "Forecast", "Readiness", "forecast_run", "measure_costs"]

PROBE = 48
"""Side of the image that is measured on, in LR pixels: on smaller ones fixed costs show."""

WARM_UP = 16
"""Side of the image that is made first, and not measured."""

PATIENCE = 0.15
"""Seconds after which no further probe is begun; the first always is."""

FLOAT = 4
"""Bytes."""

CONTEXT_DECODED = 0.2
"""Of a tile's context, the share that decoding computes: its layers compute no more than the next ones look at, and the
tail, which takes most time, looks at little."""

FINISHING_COPIES = 4
"""Of a finishing window's three planes in float32: the detail, what becomes of it, and what is stored, read again."""

RETAINED = 100 * 2**20
"""Bytes of compiled kernels and of memory that is freed and not given back, as measured."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one LR pixel costs with a model on a device.

    Attributes
    ----------
    encode
        Seconds, once a pixel that is read.
    decode
        Seconds, once a sample and pixel that is read.
    finish
        Seconds of interpolation, projection and storing, once a sample and pixel of what is projected.
    features
        Bytes of features, kept from the first sample to the last, if there are several.
    latent
        Bytes that are kept of a sample's latent map: where it is made pixel by pixel, its noise.
    """

    encode: float
    decode: float
    finish: float
    features: int
    latent: int


@dataclass(frozen=True, slots=True)
class Readiness:
    """A model on a device, ready to run.

    Attributes
    ----------
    model, preset, sha256
        Its name or file, its architecture, its identity.
    device, precision
        What was chosen, each with its reason.
    scale
        The model's: HR pixels per LR pixel and axis.
    costs
        As measured on a small image.
    """

    model: str
    preset: str
    sha256: str
    device: Choice
    precision: Choice
    scale: int
    costs: Costs

    @property
    def seconds_per_pixel(self) -> float:
        """Of one sample, per LR pixel."""
        return self.costs.decode + self.costs.finish


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run will come to.

    Attributes
    ----------
    size
        Height and width of each sample.
    samples
        Of the whole run, without the faithful image.
    result_bytes
        Of all samples, the bicubic image and the faithful one, if asked for.
    peak_bytes
        The most that the run holds at once beyond the loaded model and the stored input, on host and device
        together.
    tiles
        Into which the input is cut.
    seconds
        From the first step to the last, on a machine that does nothing else.
    """

    size: tuple[int, int]
    samples: int
    result_bytes: int
    peak_bytes: int
    tiles: int
    seconds: float


def measure_costs(upscaler: Upscaler) -> Costs:
    """Time the stages of small runs and keep the best of each; it takes a quarter of a second or so."""
    _stage_seconds(upscaler, WARM_UP)
    started = time.perf_counter()
    best = _stage_seconds(upscaler, PROBE)
    while time.perf_counter() - started < PATIENCE:
        best = {stage: min(best[stage], seconds) for stage, seconds in _stage_seconds(upscaler, PROBE).items()}
    encode, decode, finish = (best[stage] / PROBE**2 for stage in ("encode", "decode", "project"))
    return Costs(encode, decode, finish, *_pixel_bytes(upscaler))


@exactly()
def _pixel_bytes(upscaler: Upscaler) -> tuple[int, int]:
    """Bytes of features and of a latent map, per LR pixel."""
    model, device, side = upscaler.model, torch.device(upscaler.device.value), WARM_UP
    features = model.encode(torch.zeros(1, 3, side, side, device=device))
    noise = torch.zeros(1, model.layout.noise, side, side, device=device)
    latent = model.lift(torch.zeros(1, model.layout.code, device=device), noise, torch.zeros(1, device=device))
    return features.nbytes // side**2, (noise if model.layout.noise else latent).nbytes // side**2


def _stage_seconds(upscaler: Upscaler, side: int) -> dict[str, float]:
    """Of one sample of a random image, in one tile; noise takes every round of the projection."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    request = SuperResolutionRequest(normalize(pixels), samples=SampleSpec(count=1), tiles=TileSpec(side))
    run = upscaler.steps(request)
    next(run)
    seconds: dict[str, float] = {}
    before = time.perf_counter()
    for step in run:
        if isinstance(step, Progress):
            now = time.perf_counter()
            seconds[step.stage] = now - before
            before = now
    return seconds


def forecast_run(
    upscaler: Upscaler,
    costs: Costs,
    frame: Frame,
    *,
    pixel_bytes: int,
    samples: int,
    scale: int,
    faithful: bool = False,
    passes: int | None = None,
    tiles: TileSpec | None = None,
) -> Forecast:
    """Forecast a run of a frame.

    Parameters
    ----------
    upscaler
        What will run.
    costs
        What `measure_costs` found for it.
    frame
        What part of the image.
    pixel_bytes
        Bytes of one stored pixel with all its channels.
    samples
        Of the whole run.
    scale
        Of the results.
    faithful
        Whether the faithful image is made too.
    passes
        How often the image is decoded for all that together; None: once an image. A self-ensemble takes eight, and
        encodes the image anew for all but the first.
    tiles
        None means automatic.
    """
    plan = upscaler.plan(frame, tiles or upscaler.automatic_tiles(frame))
    read, decoded = (sum(map(_pixels, regions)) for regions in _regions(upscaler, frame, plan))
    region = frame.region.scaled(scale)
    made = sum(_pixels(one.read) for one in plan_windows(frame))
    image = region.height * region.width * pixel_bytes
    images = samples + faithful
    passes = images if passes is None else passes
    encodings = 1 + passes - images
    return Forecast(
        size=(region.height, region.width),
        samples=samples,
        result_bytes=(images + 1) * image,
        peak_bytes=(images + 1) * image + _working_bytes(upscaler, costs, frame, plan, several=images > 1),
        tiles=len(plan),
        seconds=read * encodings * costs.encode + decoded * passes * costs.decode + images * made * costs.finish,
    )


def _regions(upscaler: Upscaler, frame: Frame, plan: list[Tile]) -> tuple[list[Region], list[Region]]:
    """What of each tile is encoded, and what is decoded on average of all layers."""
    context = round(CONTEXT_DECODED * upscaler.model.halo)
    decoded = [tile.write.padded(context, frame.size).intersect(tile.read) for tile in plan]
    return [tile.read for tile in plan], decoded


def _working_bytes(upscaler: Upscaler, costs: Costs, frame: Frame, plan: list[Tile], *, several: bool) -> int:
    """What a run of one image or several holds besides its results, at its worst moment."""
    model = upscaler.model
    whole = math.prod(frame.size)
    reads = [_pixels(tile.read) for tile in plan]
    windows = plan_windows(frame)
    detail = 3 * FLOAT * model.scale**2  # a pixel
    rolling = detail * max(_pixels(turn.held) for turn in plan_turns(plan, windows, frame.window))
    finishing = FINISHING_COPIES * detail * max(_pixels(window.read) for window in windows)
    features = costs.features * (sum(reads) if several else max(reads))
    held = 3 * FLOAT * whole + costs.latent * whole + features + rolling
    return held + max(upscaler.decode_bytes(max(reads)), finishing) + RETAINED


def _pixels(region: Region) -> int:
    return region.height * region.width
