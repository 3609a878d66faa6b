"""One image, its references and a network, ready to make recipes into samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.engine.frame import DOWNSAMPLING_REACH, Frame, check_scale, plan_frame
from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore.blending import blend, ingredients
from napari_refvae.explore.fitting import check_size_between, fitted, put_back_missing
from napari_refvae.explore.latents import LatentMaker
from napari_refvae.explore.records import Order, check_identity, order_of, resolved, sample_record, session_record
from napari_refvae.explore.sample import Sample, drained
from napari_refvae.explore.scene import Scenes
from napari_refvae.inputs import as_range, as_region
from napari_refvae.loading import load_upscaler
from napari_refvae.planning import RunSettings, plan_run
from napari_refvae.spec import PriorReference, Progress, TileSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_refvae.explore.recipes import Recipe
    from napari_refvae.explore.sample import Steps
    from napari_refvae.explore.scene import Scene
    from napari_refvae.inputs import ImageLike, Picture, RangeLike, ReferenceLike, RegionLike, TileLike
    from napari_refvae.loading import LoadedModel
    from napari_refvae.regions import Region
    from napari_refvae.spec import Consistency, IntensityRange, Reference, SelfEnsemble

__all__ = ["Session"]


class Session:
    """Makes recipes of one image into samples.

    The input is encoded and each reference read once; what was decoded last is kept. A `Draw` of one reference gives
    bit for bit what `napari_refvae.upscale` gives. To be used by one thread at a time.

    Parameters
    ----------
    image
        ``(h, w)`` grey, ``(h, w, 3)`` RGB or ``(h, w, 4)`` RGBA of any integer or float dtype; the path of such an
        image; or a napari image layer. NaN and infinite values return in all samples.
    references
        None, one or several, of any size: arrays, paths, layers, ``"self"`` or ``"none"``. Mixes weigh them in this
        order; what their weights lack to 1 is "no reference".
    model
        Name, file, or what `napari_refvae.load_model` returned.
    device
        ``"auto"``, ``"cpu"``, ``"cuda:N"`` or ``"mps"``.
    precision
        ``"auto"``, ``"float32"`` or ``"bfloat16"``.
    tile
        ``"auto"`` (from free memory), the side of a tile in LR pixels, a `TileSpec`, or None for no tiles.
    intensity_range
        The stored values that mean black and white, ``(low, high)``; by default a layer's contrast limits,
        otherwise the dtype's range, 0..1 for floats.
    consistency
        ``"bicubic"``: every sample, reduced by antialiased bicubic down-sampling, gives the input back. None: off.
    self_ensemble
        Whether details are averaged over the input's eight flips and turns, at eight times the cost. ``"auto"``: where
        vividness is 0.

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
        size: tuple[int, int] | None = None,
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
            2, 4 or 8; the model's by default.
        size
            Height and width of what comes out, in place of a scale: any, from the input's size to the model's. It is
            the sample's own down-sampling, projected anew; see `napari_refvae.explore.fitting`.
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
        return drained(self.steps(recipe, region, scale=scale, size=size, context=context), on_progress)

    def steps(
        self,
        recipe: Recipe,
        region: RegionLike = None,
        *,
        scale: int | None = None,
        size: tuple[int, int] | None = None,
        context: int | None = None,
    ) -> Steps:
        """Like `decode`, as a generator, which may be closed at any yield."""
        return (yield from self._make(Order(recipe, as_region(region), scale, context, size)))

    def replay(self, record: Mapping[str, Any], on_progress: Callable[[Progress], None] | None = None) -> Sample:
        """Make the sample of a record again, with the tiles that it was made with: to the same pixels on its device.

        Parameters
        ----------
        record
            `Sample.provenance` of a session like this; `napari_refvae.explore.reopen` begins its own.
        on_progress
            Called between tiles.

        Raises
        ------
        RefVAEError
            One of its kinds; InvalidInputError if the record is another session's.
        """
        check_identity(record, self.identity)
        return drained(self._make(order_of(record)), on_progress)

    def _make(self, order: Order) -> Steps:
        order.recipe.check(self.size, len(self.references))
        chosen, frame = check_scale(order.scale, self.scale), self._frame(order.region, order.context)
        if order.size is not None:
            check_size_between(order.size, self.size, (self.scale * self.size[0], self.scale * self.size[1]))
        tiles = order.tiles or self._request.tiles or self._placed.automatic_tiles(frame)
        if order.context is not None:
            tiles = TileSpec(tiles.size, min(order.context, self._placed.model.halo))
        while True:
            try:
                scene = self._scenes.scene(frame, tiles)
                return (yield from self._attempt(order, scene, chosen))
            except (RuntimeError, MemoryError) as error:
                self._scenes.forget()
                tiles = self._placed.smaller_tiles(tiles, frame, error)

    def bicubic(self, region: RegionLike = None, *, scale: int | None = None) -> NDArray[Any]:
        """The bicubic up-sampling, like a sample."""
        frame = self._frame(as_region(region), None)
        scene = self._scenes.scene(frame, self._request.tiles or TileSpec(max(self.size)))
        made = scene.finisher(check_scale(scale, self.scale)).bicubic()
        self._put_back_missing(made, frame)
        return made

    def _put_back_missing(self, image: NDArray[Any], frame: Frame) -> None:
        """Put the input's NaN and infinite values, which were filled for the network, back where they were."""
        if self._run.missing is not None:
            put_back_missing(image, self._run.missing.within(frame.region))

    def _frame(self, region: Region | None, context: int | None) -> Frame:
        if region is not None:
            region.check_within(self.size)
        frame = plan_frame(self.size, region, self._request.consistency)
        if context is None:
            return frame
        if isinstance(context, bool) or not isinstance(context, int) or context < DOWNSAMPLING_REACH:
            raise InvalidSpecError(f"context must be an integer of at least {DOWNSAMPLING_REACH}; got {context!r}")
        return Frame(self.size, frame.region, frame.region.padded(context, self.size))

    def _attempt(self, order: Order, scene: Scene, scale: int) -> Steps:
        """Encode what is not encoded, decode what is not decoded, blend, project, store."""
        wanted = [one for one in ingredients(order.recipe) if not scene.knows(one)]
        pieces, done = len(scene.plan), 0
        passes = sum(len(scene.symmetries(one)) for one in wanted)
        total = (0 if scene.features else pieces) + passes * pieces + 1
        for tile in scene.encode():
            done += 1
            yield Progress(done, total, "encode", tile=tile, tiles=pieces)
        for number, one in enumerate(wanted):
            for tile in scene.decode(one, self.latents):
                done += 1
                yield Progress(done, total, "decode", number, len(wanted), tile, pieces)
        made = self._finished(order, scene, scale)
        self._scenes.trim()
        yield Progress(total, total, "project", tiles=pieces)
        return made

    def _finished(self, order: Order, scene: Scene, scale: int) -> Sample:
        """The sample whose ingredients the scene knows."""
        finisher = scene.finisher(scale)
        out = finisher.empty()
        lr_psnr = finisher.finish(blend(order.recipe, scene), out)
        if order.size is not None:
            consistent = self._request.consistency is not None
            out, lr_psnr = fitted(out, self._request.image, order.size, consistent=consistent)
        self._put_back_missing(out, scene.frame)
        chosen = resolved(self._placed, scene.tiles, scale)
        record = sample_record(self.identity, order, scene.frame.region, chosen, out)
        return Sample(out, order.recipe, scene.frame.region, scale, lr_psnr, record)

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

    @property
    def has_vividness(self) -> bool:
        """Whether the network has such a dial; if not, `Draw.vividness` changes nothing."""
        return self._placed.model.layout.vividness

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

    @property
    def identity(self) -> dict[str, Any]:
        """Software, model, input and references with their hashes: the part of a record that all samples share."""
        return session_record(self._run)
