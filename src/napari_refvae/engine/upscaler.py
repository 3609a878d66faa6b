"""The engine: one generator that turns a request into a result, and yields where it may be stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.engine.device import exactly
from napari_refvae.engine.finishing import Finisher
from napari_refvae.engine.frame import check_scale, plan_frame
from napari_refvae.engine.latents import draw_noise, plan_latent_map
from napari_refvae.engine.matching import begin_matching, describe_matching
from napari_refvae.engine.placed import PlacedModel
from napari_refvae.engine.result import FinishedSample, SuperResolutionResult
from napari_refvae.engine.rolling import RollingDetail, plan_turns
from napari_refvae.engine.symmetry import choose_symmetries, faithful_spec
from napari_refvae.imageio.pixels import denormalize
from napari_refvae.spec import PriorReference, Progress, TileSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.engine.frame import Frame
    from napari_refvae.engine.latents import LatentMap
    from napari_refvae.engine.matching import Matcher
    from napari_refvae.engine.symmetry import Symmetry
    from napari_refvae.model.gaussian import DiagonalGaussian
    from napari_refvae.regions import Region
    from napari_refvae.spec import SampleSpec, SuperResolutionRequest

    Steps = Generator[Progress | FinishedSample, None, SuperResolutionResult]

__all__ = ["Upscaler", "drain"]


@dataclass(slots=True)
class _Run:
    """One request and what of it is finished, which outlives an attempt that ran out of memory."""

    request: SuperResolutionRequest
    frame: Frame
    finisher: Finisher
    posteriors: list[DiagonalGaussian]
    matchers: list[Matcher | None]
    bicubic: NDArray[Any]
    samples: NDArray[Any]
    faithful: NDArray[Any] | None
    interpolated: int = 0  # windows of the bicubic image
    lr_psnr: list[float] = field(default_factory=list)  # of the finished samples

    @property
    def images(self) -> list[int | None]:
        """All samples; None is the faithful image, which comes last."""
        last: list[int | None] = [] if self.faithful is None else [None]
        return [*range(self.request.total), *last]

    @property
    def open(self) -> list[int | None]:
        """Images that are not finished."""
        return self.images[len(self.lr_psnr) :]

    def spec(self, image: int | None) -> SampleSpec:
        """How an image is drawn."""
        spec = self.request.samples
        return faithful_spec(spec) if image is None else spec

    def array(self, image: int | None) -> NDArray[Any]:
        """Where an image is stored."""
        if image is not None:
            return self.samples[image]
        assert self.faithful is not None
        return self.faithful

    def seed(self, index: int) -> int:
        """Of one sample."""
        return self.request.samples.seed + index

    def reference(self, index: int) -> int:
        """Which of the references guides a sample."""
        return index // self.request.samples.count

    def finish(self, image: int | None, lr_psnr: float) -> Iterator[FinishedSample]:
        """Take note that an image is stored; gives it if it is a sample."""
        if image is not None:
            self.lr_psnr.append(lr_psnr)
            name = self.request.references[self.reference(image)].name
            yield FinishedSample(image, self.samples[image], name, self.seed(image), lr_psnr)


class Upscaler(PlacedModel):
    """Runs a model on a device; see `PlacedModel` for its parameters."""

    def steps(self, request: SuperResolutionRequest) -> Steps:
        """Encode the input and each reference once, then decode, project and store one sample after the other.

        Yields `Progress` after each piece of work and each sample, as a `FinishedSample`, once it is stored. Closing
        the generator stops the run. If memory runs out, what is not finished starts over with tiles of half the
        size.

        Raises
        ------
        InvalidSpecError
            If the model cannot give the scale.
        OutOfMemoryError
            If not even the smallest tile fits.
        DeviceError
            If the device fails.
        ModelError
            If the model makes values that are not finite.
        """
        scale = check_scale(request.scale, self.model.scale)
        context = "bicubic" if request.matching else request.consistency  # the gate sees further than D
        frame = plan_frame(request.image.size, request.region, context)
        tiles = request.tiles or self.automatic_tiles(frame)
        run: _Run | None = None
        while True:
            try:
                run = run or self._begin(request, frame, scale)
                yield from self._attempt(run, tiles)
                return self._result(run, tiles)
            except (RuntimeError, MemoryError) as error:
                tiles = self.smaller_tiles(tiles, frame, error)

    def _begin(self, request: SuperResolutionRequest, frame: Frame, scale: int) -> _Run:
        finisher = Finisher(request, frame, self.model.scale, scale, self.torch_device)
        bicubic = finisher.empty()
        return _Run(
            request,
            frame,
            finisher,
            posteriors=[self.posterior(reference, request.image) for reference in request.references],
            matchers=begin_matching(request, self.model.scale, self.torch_device),
            bicubic=bicubic,
            samples=np.empty((request.total, *bicubic.shape), bicubic.dtype),
            faithful=np.empty_like(bicubic) if request.faithful else None,
        )

    def _attempt(self, run: _Run, tiles: TileSpec) -> Generator[Progress | FinishedSample, None, None]:
        """Finish what is open, with tiles of one size."""
        plan, windows = self.plan(run.frame, tiles), run.finisher.windows
        pieces = {image: len(plan) * len(self._symmetries(run, image)) + len(windows) for image in run.images}
        total = len(windows) + sum(pieces.values())
        done = total - len(windows) - sum(pieces[image] for image in run.open) + run.interpolated
        say = partial(Progress, total=len(plan) + total, samples=run.request.total, tiles=len(plan))
        yield say(done, stage="interpolate")
        for window in windows[run.interpolated :]:
            run.finisher.interpolate(window, run.bicubic)
            run.interpolated += 1
            done += 1
            yield say(done, stage="interpolate")
        features: dict[int, Tensor] = {}
        if len(run.open) > 1:  # a single image's are made as they are needed, and let go
            for number, tile in enumerate(plan):
                features[number] = self.encode_tile(run.request.image, tile)
                done += 1
                yield say(done, stage="encode", tile=number)
        turns = plan_turns(plan, windows, run.frame.window)
        room = RollingDetail(self, turns, max((self._symmetries(run, image) for image in run.images), key=len))
        for image in run.open:
            for piece in self._make(run, image, features, room):
                if isinstance(piece, FinishedSample):
                    yield piece
                else:
                    done += 1
                    yield say(done, sample=None if piece["stage"] == "encode" else image, **piece)

    def _make(
        self, run: _Run, image: int | None, features: dict[int, Tensor], room: RollingDetail
    ) -> Iterator[dict[str, Any] | FinishedSample]:
        """Decode and finish one image, a row of tiles at a time; says what was done."""
        latent, symmetries = self._latent(run, image), self._symmetries(run, image)
        finishing = run.finisher.begin(run.array(image))
        for turn, detail in room.take_turns():
            for number, tile in turn.tiles:
                if (known := features.get(number)) is None:
                    known = self.encode_tile(run.request.image, tile)
                    yield {"stage": "encode", "tile": number}
                for _ in self.decode_tile(run.request.image, known, latent, tile, turn.held, detail, symmetries):
                    yield {"stage": "decode", "tile": number}
            for window in turn.windows:
                finishing.add(window, *self._matched(run, image, window.read, detail, turn.held))
                if finishing.is_whole:
                    yield from run.finish(image, finishing.lr_psnr)
                yield {"stage": "project"}

    def _matched(
        self, run: _Run, image: int | None, window: Region, detail: Tensor, held: Region
    ) -> tuple[Tensor, Region]:
        """The detail of what is held, or, where a reference is matched, of the window with what was copied."""
        matcher = None if image is None else run.matchers[run.reference(image)]
        if matcher is None:
            return detail, held
        part = detail[..., *window.relative_to(held).scaled(self.model.scale).slices].float()
        return matcher.blended(window, part, run.request.samples), window

    def _symmetries(self, run: _Run, image: int | None) -> tuple[Symmetry, ...]:
        return choose_symmetries(run.request.self_ensemble, run.spec(image), self.model.layout)

    @exactly()
    def _latent(self, run: _Run, sample: int | None) -> Tensor | LatentMap:
        """The latent map of the whole image; for the faithful image without reference, randomness and vividness."""
        if sample is None:
            posterior, seed = self.posterior(PriorReference(), run.request.image), 0
        else:
            posterior, seed = run.posteriors[run.reference(sample)], run.seed(sample)
        noise = draw_noise(self.model.layout, run.frame.size, seed)
        return plan_latent_map(self.model, posterior, noise, run.spec(sample))

    def _result(self, run: _Run, tiles: TileSpec) -> SuperResolutionResult:
        image, region = run.request.image, run.frame.region.slices
        alpha = None if image.alpha is None else image.alpha[region]
        record = {
            "device": self.device.value,
            "precision": self.precision.value,
            "tile": {"size": tiles.size, "overlap": self.model.halo if tiles.overlap is None else tiles.overlap},
            "self_ensemble": {
                "samples" if image == 0 else "faithful": len(self._symmetries(run, image)) > 1
                for image in run.images
                if not image
            },
        }
        if run.request.matching:
            record["matching"] = describe_matching(run.matchers)
        samples = range(run.request.total)
        return SuperResolutionResult(
            sr=run.samples,
            lr=denormalize(image.rgb[region], alpha, image.pixels, image.bounds),
            bicubic=run.bicubic,
            references=tuple(run.request.references[run.reference(index)].name for index in samples),
            seeds=tuple(run.seed(index) for index in samples),
            lr_psnr=tuple(run.lr_psnr),
            provenance=record,
            scale=run.finisher.scale,
            faithful=run.faithful,
        )


def drain(run: Steps, on_progress: Callable[[Progress], None] | None = None) -> SuperResolutionResult:
    """Run a generator of steps to its end and return its result; finished samples are in it."""
    while True:
        try:
            step = next(run)
        except StopIteration as stop:
            result: SuperResolutionResult = stop.value
            return result
        if on_progress is not None and isinstance(step, Progress):
            on_progress(step)
