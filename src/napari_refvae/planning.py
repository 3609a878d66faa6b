"""From what callers ask for to one run that can be made, or recognised as made already."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from napari_refvae.engine.result import FinishedSample
from napari_refvae.errors import memory_errors
from napari_refvae.imageio.measuring import measure_range
from napari_refvae.imageio.missing import fill_missing
from napari_refvae.imageio.pixels import normalize
from napari_refvae.inputs import as_tiles, read_picture, read_references
from napari_refvae.loading import load_model, load_upscaler
from napari_refvae.provenance import describe_run, pixel_hash
from napari_refvae.spec import SampleSpec, SuperResolutionRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_refvae.engine.result import SuperResolutionResult
    from napari_refvae.engine.upscaler import Steps
    from napari_refvae.imageio.missing import Missing
    from napari_refvae.inputs import ImageLike, Picture, ReferenceLike, TileLike
    from napari_refvae.loading import LoadedModel
    from napari_refvae.provenance import Source
    from napari_refvae.regions import Region
    from napari_refvae.spec import Consistency, IntensityRange, SelfEnsemble

__all__ = ["PlannedRun", "RunSettings", "plan_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How to make a run, whatever the image and the references. The fields are the arguments of `api.upscale`."""

    samples: SampleSpec = field(default_factory=SampleSpec)
    scale: int | None = None
    region: Region | None = None
    faithful: bool = False
    self_ensemble: SelfEnsemble = "auto"
    matching: bool = False
    model: str | Path | LoadedModel = "compact"
    consistency: Consistency | None = "bicubic"
    precision: str = "auto"
    device: str = "auto"
    tile: TileLike = "auto"
    intensity_range: IntensityRange | None = None
    measured: bool = False
    """Whether black and white are the least and the greatest value instead, of each image and each reference."""


@dataclass(frozen=True, slots=True, eq=False)
class PlannedRun:
    """One run, with all that it needs read and checked, and nothing computed.

    Attributes
    ----------
    picture
        The input as it came.
    request
        The run, for the engine.
    sources
        Where each reference came from.
    model, device, precision
        What makes it.
    missing
        NaN and infinite values of the input, which are filled in the request; None if there are none.
    """

    picture: Picture
    request: SuperResolutionRequest
    sources: tuple[Source, ...]
    model: LoadedModel
    device: str
    precision: str
    missing: Missing | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked for, JSON-ready."""
        request = self.request
        region, limits = request.region, request.image.pixels.range
        asked = asdict(request.samples) | {
            "consistency": request.consistency,
            "intensity_range": [limits.low, limits.high],
            "region": None if region is None else [region.y, region.x, region.height, region.width],
            "scale": request.scale,
            "faithful": request.faithful,
            "self_ensemble": request.self_ensemble,
        }
        return asked | ({"matching": True} if request.matching else {})  # records from before it have none

    @property
    def identity(self) -> dict[str, Any]:
        """The model, by its name and by its content."""
        return {"name": self.model.name, "preset": self.model.info.preset, "sha256": self.model.info.identity}

    def steps(self) -> Steps:
        """Make it: see `api.steps`."""
        with memory_errors():
            return (yield from self._steps())

    def _steps(self) -> Steps:
        upscaler = load_upscaler(self.model, self.device, self.precision)
        region, missing = self.request.region, self.missing
        if missing is not None and region is not None:
            missing = missing.within(region)
        run = upscaler.steps(self.request)
        result = yield from (run if missing is None else _with_missing(run, missing))
        pixels = self.picture.pixels
        lr = pixels if region is None else pixels[region.slices].copy()
        return replace(result, lr=lr, provenance=self._record(result), tags=self.picture.tags)

    def _record(self, result: SuperResolutionResult) -> dict[str, Any]:
        record = describe_run(
            model=self.identity,
            image=self.picture.source,
            references=self.sources,
            settings=self.settings,
            resolved={**result.provenance, "scale": result.scale},
            samples=[
                {"reference": index // self.request.samples.count, "seed": seed, "sha256": pixel_hash(sample)}
                for index, (seed, sample) in enumerate(zip(result.seeds, result.sr, strict=True))
            ],
            faithful=None if result.faithful is None else {"sha256": pixel_hash(result.faithful)},
        )
        if self.missing is not None:
            record["input"]["missing"] = self.missing.record
        return record


@memory_errors()
def plan_run(
    image: ImageLike | Picture, references: ReferenceLike | Sequence[ReferenceLike], settings: RunSettings
) -> PlannedRun:
    """Read and check all that a run needs, and load its model.

    NaN and infinite values of the image are filled; the run puts them back into what it makes.

    Raises
    ------
    RefVAEError
        As `api.upscale`, but for what the engine alone finds: scale, device, precision.
    """
    picture = read_picture(image)
    guides = read_references(references, settings.intensity_range, picture.pixels.dtype, measured=settings.measured)
    limits = measure_range([picture.pixels]) if settings.measured else settings.intensity_range
    pixels, missing = fill_missing(picture.pixels)
    request = SuperResolutionRequest(
        image=normalize(pixels, limits or picture.intensity_range),
        references=tuple(guide.reference for guide in guides),
        samples=settings.samples,
        tiles=as_tiles(settings.tile, pixels.shape),
        consistency=settings.consistency,
        region=settings.region,
        scale=settings.scale,
        faithful=bool(settings.faithful),
        self_ensemble=settings.self_ensemble,
        matching=settings.matching,
    )
    sources = tuple(guide.source for guide in guides)
    return PlannedRun(
        picture, request, sources, load_model(settings.model), settings.device, settings.precision, missing
    )


def _with_missing(run: Steps, missing: Missing) -> Steps:
    """The steps of a run whose input was filled, with the missing values in all that it makes."""
    with closing(run):
        while True:
            try:
                step = next(run)
            except StopIteration as stop:
                result: SuperResolutionResult = stop.value
                break
            if isinstance(step, FinishedSample):
                missing.put_back(step.sr)  # a view: the result holds it too
            yield step
    for image in (result.bicubic, result.faithful):
        if image is not None:
            missing.put_back(image)
    return result
