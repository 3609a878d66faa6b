"""One image, its references and a network, ready to make recipes into samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.engine.frame import DOWNSAMPLING_REACH, Frame, check_scale, plan_frame
from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore.blending import blend, ingredients
from napari_refvae.explore.latents import LatentMaker
from napari_refvae.explore.scene import Scenes
from napari_refvae.inputs import as_range, as_region
from napari_refvae.loading import load_upscaler
from napari_refvae.planning import RunSettings, plan_run
from napari_refvae.provenance import describe_run, pixel_hash
from napari_refvae.spec import PriorReference, Progress, TileSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_refvae.explore.recipes import Recipe
    from napari_refvae.explore.scene import Scene
    from napari_refvae.inputs import ImageLike, Picture, RangeLike, ReferenceLike, RegionLike, TileLike
    from napari_refvae.loading import LoadedModel
    from napari_refvae.regions import Region
    from napari_refvae.spec import Consistency, IntensityRange, Reference, SelfEnsemble

    Steps = Generator[Progress, None, "Sample"]

__all__ = ["FORMAT", "Sample", "Session"]

FORMAT = "napari-refvae-exploration/1"


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One sample that a session made.

    Attributes
    ----------
    sr
        ``(s*h, s*w)`` or ``(s*h, s*w, C)`` in the input's dtype and kind, s being the scale.
    recipe
        What made it.
    region
        The part of the input that it shows.
    scale
        HR pixels per LR pixel and axis.
    lr_psnr
        How well it gives the input back, in dB; see `napari_refvae.SuperResolutionResult`.
    provenance
        JSON-ready: model, input and references with their hashes, the recipe, the sample's hash.
    """

    sr: NDArray[Any]
    recipe: Recipe
    region: Region
    scale: int
    lr_psnr: float
    provenance: dict[str, Any] = field(repr=False)


class Session:
    """Makes recipes of one image into samples.

    The input is encoded and each reference read once; what was decoded last is kept. A `Draw` of one reference gives
    bit for bit what `napari_refvae.upscale` gives. To be used by one thread at a time.

    Parameters
    ----------
    image, references, model, device, precision, tile, intensity_range, consistency, self_ensemble
        As of `napari_refvae.upscale`. Mixes weigh the references in this order.

    Attributes
    ----------
    references
        As they are read; their ``name`` tells them apart.
    size
        Of the image.
    scale
        The model's.

    Raises
    ------
    RefVAEError
        One of its kinds, as `napari_refvae.upscale`.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_refvae.explore import Draw, Session
    >>> session = Session(np.full((8, 6), 100, np.uint8))
    >>> session.decode(Draw(seed=3)).sr.shape
    (64, 48)
    """

    def __init__(
        self,
        image: ImageLike | Picture,
        references: ReferenceLike | Sequence[ReferenceLike] = (),
        *,
        model: str | Path | LoadedModel = "compact",
        device: str = "auto",
        precision: str = "auto",
        tile: TileLike = "auto",
        intensity_range: RangeLike = None,
        consistency: Consistency | None = "bicubic",
        self_ensemble: SelfEnsemble = "auto",
    ) -> None:
        settings = RunSettings(
            model=model,
            consistency=consistency,
            precision=precision,
            device=device,
            tile=tile,
            intensity_range=as_range(intensity_range),
            self_ensemble=self_ensemble,
        )
        self._run = plan_run(image, references, settings)
        self._request = self._run.request
        self.references = self._request.references
        self._placed = load_upscaler(self._run.model, device, precision)
        self.size = self._request.image.size
        self.scale = self._placed.model.scale
        self._maker: LatentMaker | None = None
        self._scenes = Scenes(self._placed, self._request)

    def decode(
        self,
        recipe: Recipe,
        region: RegionLike = None,
        *,
        scale: int | None = None,
        context: int | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Sample:
        """Make a recipe into a sample.

        Parameters
        ----------
        recipe
            How it is made.
        region
            Only this part, as in `napari_refvae.upscale`.
        scale
            2, 4 or 8; the model's by default. See `napari_refvae.explore.scales` for any size.
        context
            LR pixels around the region that are looked at, at least 2. By default as many as it takes for the region
            to come out as in the whole image; fewer are faster, for previews.
        on_progress
            Called between tiles.

        Raises
        ------
        RefVAEError
            One of its kinds.
        """
        run = self.steps(recipe, region, scale=scale, context=context)
        while True:
            try:
                step = next(run)
            except StopIteration as stop:
                sample: Sample = stop.value
                return sample
            if on_progress is not None:
                on_progress(step)

    def steps(
        self, recipe: Recipe, region: RegionLike = None, *, scale: int | None = None, context: int | None = None
    ) -> Steps:
        """Like `decode`, as a generator, which may be closed at any yield."""
        recipe.check(self.size, len(self.references))
        chosen = check_scale(scale, self.scale)
        frame = self._frame(as_region(region), context)
        tiles = self._request.tiles or self._placed.automatic_tiles(frame)
        if context is not None:
            tiles = TileSpec(tiles.size, min(context, self._placed.model.halo))
        while True:
            try:
                scene = self._scenes.scene(frame, tiles)
                return (yield from self._attempt(recipe, scene, chosen))
            except (RuntimeError, MemoryError) as error:
                self._scenes.forget()
                tiles = self._placed.smaller_tiles(tiles, frame, error)

    def bicubic(self, region: RegionLike = None, *, scale: int | None = None) -> NDArray[Any]:
        """The bicubic up-sampling, like a sample."""
        frame = self._frame(as_region(region), None)
        scene = self._scenes.scene(frame, self._request.tiles or TileSpec(max(self.size)))
        return self._with_missing(scene.finisher(check_scale(scale, self.scale)).bicubic(), frame)

    def _with_missing(self, image: NDArray[Any], frame: Frame) -> NDArray[Any]:
        """Put the input's NaN and infinite values, which were filled for the network, back where they were."""
        if self._run.missing is not None:
            self._run.missing.within(frame.region).put_back(image)
        return image

    def _frame(self, region: Region | None, context: int | None) -> Frame:
        if region is not None:
            region.check_within(self.size)
        frame = plan_frame(self.size, region, self._request.consistency)
        if context is None:
            return frame
        if isinstance(context, bool) or not isinstance(context, int) or context < DOWNSAMPLING_REACH:
            raise InvalidSpecError(f"context must be an integer of at least {DOWNSAMPLING_REACH}; got {context!r}")
        return Frame(self.size, frame.region, frame.region.padded(context, self.size))

    def _attempt(self, recipe: Recipe, scene: Scene, scale: int) -> Steps:
        """Encode what is not encoded, decode what is not decoded, blend, project, store."""
        wanted = [one for one in ingredients(recipe) if not scene.knows(one)]
        pieces, done = len(scene.plan), 0
        passes = sum(len(scene.symmetries(one)) for one in wanted)
        total = (0 if scene.features else pieces) + passes * pieces + 1
        for tile in scene.encode():
            done += 1
            yield Progress(done, total, "encode", tile=tile, tiles=pieces)
        for number, one in enumerate(wanted):
            for tile in scene.decode(one, self.latents.make(one)):
                done += 1
                yield Progress(done, total, "decode", number, len(wanted), tile, pieces)
        finisher = scene.finisher(scale)
        out = finisher.empty()
        lr_psnr = finisher.finish(blend(recipe, scene), out)
        self._scenes.trim()
        self._with_missing(out, scene.frame)
        yield Progress(total, total, "project", tiles=pieces)
        record = self._record(recipe, scene, scale, out)
        return Sample(out, recipe, scene.frame.region, scale, lr_psnr, record)

    @property
    def rgb(self) -> NDArray[np.float32]:
        """The input as the network sees it: ``(h, w, 3)``, 0 is black and 1 white."""
        return self._request.image.rgb

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the input, and so of the samples."""
        return np.dtype(self._request.image.pixels.dtype)

    @property
    def intensity_range(self) -> IntensityRange:
        """The stored values that mean black and white."""
        return self._request.image.pixels.range

    def effect(self, reference: Reference) -> float:
        """How far a reference moves the code from "no reference", in the prior's standard deviations (RMS)."""
        mean = self._placed.posterior(reference, self._request.image).mean
        return float(mean.square().mean().sqrt())

    @property
    def latents(self) -> LatentMaker:
        """Makes latent maps; the references are read when it is first asked for."""
        if self._maker is None:
            placed, image = self._placed, self._request.image
            posteriors = [placed.posterior(reference, image) for reference in self.references]
            prior = placed.posterior(PriorReference(), image)
            self._maker = LatentMaker(placed.model, self.size, posteriors, prior)
        return self._maker

    def _record(self, recipe: Recipe, scene: Scene, scale: int, sr: NDArray[Any]) -> dict[str, Any]:
        region, identity = scene.frame.region, self.identity
        settings = identity["settings"] | {
            "recipe": recipe.as_dict(),
            "region": [region.y, region.x, region.height, region.width],
        }
        overlap = self._placed.model.halo if scene.tiles.overlap is None else scene.tiles.overlap
        resolved = {
            "device": self._placed.device.value,
            "precision": self._placed.precision.value,
            "tile": {"size": scene.tiles.size, "overlap": overlap},
            "scale": scale,
        }
        return identity | {"settings": settings, "resolved": resolved, "samples": [{"sha256": pixel_hash(sr)}]}

    @property
    def identity(self) -> dict[str, Any]:
        """Software, model, input and references with their hashes: the part of a record that all samples share."""
        limits = self.intensity_range
        record = describe_run(
            model=self._run.identity,
            image=self._run.picture.source,
            references=self._run.sources,
            settings={
                "consistency": self._request.consistency,
                "intensity_range": [limits.low, limits.high],
                "self_ensemble": self._request.self_ensemble,
            },
            resolved={},
            samples=[],
        )
        return record | {"format": FORMAT}
