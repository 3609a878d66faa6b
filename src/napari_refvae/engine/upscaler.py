"""The engine: one generator that turns a request into a result, and yields where it may be stopped."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_refvae.engine.device import (
    PRECISIONS,
    choose_device,
    choose_precision,
    exactly,
    free_memory,
    is_out_of_memory,
)
from napari_refvae.engine.finishing import Finisher
from napari_refvae.engine.frame import check_scale, plan_frame
from napari_refvae.engine.latents import draw_noise, make_latent_map, prior
from napari_refvae.engine.result import FinishedSample, SuperResolutionResult
from napari_refvae.engine.tensors import image_to_tensor
from napari_refvae.engine.tiling import SMALLEST_TILE, automatic_tiles, plan_tiles
from napari_refvae.errors import DeviceError, OutOfMemoryError
from napari_refvae.imageio.pixels import denormalize
from napari_refvae.model.gaussian import DiagonalGaussian
from napari_refvae.spec import ImageReference, PriorReference, Progress, SelfReference, TileSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.engine.frame import Frame
    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.regions import Region, Tile
    from napari_refvae.spec import NormalizedImage, Reference, SuperResolutionRequest

    Steps = Generator[Progress | FinishedSample, None, SuperResolutionResult]

__all__ = ["Upscaler", "drain"]


@dataclass(slots=True)
class _Run:
    """One request and what of it is finished, which outlives an attempt that ran out of memory."""

    request: SuperResolutionRequest
    frame: Frame
    finisher: Finisher
    posteriors: list[DiagonalGaussian]
    bicubic: NDArray[Any]
    samples: NDArray[Any]
    faithful: NDArray[Any] | None
    lr_psnr: list[float] = field(default_factory=list)  # of the finished samples

    @property
    def open(self) -> list[int | None]:
        """Samples that are not finished; None is the faithful image, which comes last."""
        last: list[int | None] = [] if self.faithful is None else [None]
        return [*range(len(self.lr_psnr), self.request.total), *last]

    def seed(self, index: int) -> int:
        """Of one sample."""
        return self.request.samples.seed + index

    def reference(self, index: int) -> int:
        """Which of the references guides a sample."""
        return index // self.request.samples.count

    def finished(self, index: int) -> FinishedSample:
        """A sample whose pixels and LR-PSNR are there."""
        name = self.request.references[self.reference(index)].name
        return FinishedSample(index, self.samples[index], name, self.seed(index), self.lr_psnr[index])


class Upscaler:
    """Runs a model on a device.

    Parameters
    ----------
    model
        A network behind the three doors, with trained weights.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    precision
        ``auto``, ``float32`` or ``bfloat16``. The projection is float32 always.

    Attributes
    ----------
    device, precision
        What was chosen, each with its reason.

    Raises
    ------
    DeviceError
        If the device is not there.
    """

    def __init__(self, model: ReferenceVAE, *, device: str = "auto", precision: str = "auto") -> None:
        self.device = choose_device(device)
        self._torch_device = torch.device(self.device.value)
        model = copy.deepcopy(model).eval().requires_grad_(False).to(self._torch_device)  # the caller's stays as it is
        self.model = model.to(memory_format=torch.channels_last)
        self.precision = choose_precision(precision, self._torch_device, self.model)

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
        frame = plan_frame(request.image.size, request.region, request.consistency)
        tiles = request.tiles or self.automatic_tiles(frame)
        run: _Run | None = None
        while True:
            try:
                run = run or self._begin(request, frame, scale)
                yield from self._attempt(run, tiles)
                return self._result(run, tiles)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    hint = "report this" if self.device.value == "cpu" else "try device='cpu'"
                    raise DeviceError(f"{self.device.value} failed ({error}); {hint}") from error
                tiles = self._smaller(tiles, frame, error)

    def plan(self, frame: Frame, tiles: TileSpec) -> list[Tile]:
        """The tiles of a frame's window."""
        return plan_tiles(frame.window, frame.size, tiles, self.model.halo, self.model.alignment)

    def automatic_tiles(self, frame: Frame) -> TileSpec:
        """The largest tiles for which there is memory now."""
        size = frame.window.height, frame.window.width
        return automatic_tiles(size, self.model.halo, self.model.bytes_per_pixel, free_memory(self._torch_device))

    def _begin(self, request: SuperResolutionRequest, frame: Frame, scale: int) -> _Run:
        finisher = Finisher(request, frame, self.model.scale, scale, self._torch_device)
        bicubic = finisher.bicubic()
        return _Run(
            request,
            frame,
            finisher,
            posteriors=[self._posterior(reference, request.image) for reference in request.references],
            bicubic=bicubic,
            samples=np.empty((request.total, *bicubic.shape), bicubic.dtype),
            faithful=np.empty_like(bicubic) if request.faithful else None,
        )

    def _attempt(self, run: _Run, tiles: TileSpec) -> Generator[Progress | FinishedSample, None, None]:
        """Finish what is open, with tiles of one size."""
        plan = self.plan(run.frame, tiles)
        pieces = len(plan) + 1  # of one image: its tiles, and what follows them
        images = run.request.total + run.request.faithful
        done = (images - len(run.open)) * pieces
        say = partial(Progress, total=len(plan) + images * pieces, samples=run.request.total, tiles=len(plan))
        yield say(done, stage="encode")
        features = []
        for number, tile in enumerate(plan):
            features.append(self._encode(run.request.image, tile))
            done += 1
            yield say(done, stage="encode", tile=number)
        window = run.frame.window.scaled(self.model.scale)
        detail = torch.empty(1, 3, window.height, window.width, device=self._torch_device)
        for sample in run.open:
            latent = self._latent(run, sample)
            for number, tile in enumerate(plan):
                self._decode(features[number], latent, tile, window, detail)
                done += 1
                yield say(done, stage="decode", sample=sample, tile=number)
            self._finish(run, sample, detail)
            done += 1
            if sample is not None:
                yield run.finished(sample)
            yield say(done, stage="project", sample=sample)

    def _encode(self, image: NormalizedImage, tile: Tile) -> Tensor:
        lr = image_to_tensor(image.rgb[tile.read.slices], self._torch_device)
        with self._inference():
            return self.model.encode(lr.contiguous(memory_format=torch.channels_last))

    def _decode(self, features: Tensor, latent: Tensor, tile: Tile, window: Region, detail: Tensor) -> None:
        """Write a tile's detail to its place in the window's."""
        scale = self.model.scale
        with self._inference():
            part = latent[..., *tile.read.slices].contiguous(memory_format=torch.channels_last)
            fresh = self.model.decode(features, part)
            inner = tile.write.relative_to(tile.read).scaled(scale).slices
            detail[..., *tile.write.scaled(scale).relative_to(window).slices] = fresh[..., *inner]

    def _finish(self, run: _Run, sample: int | None, detail: Tensor) -> None:
        if sample is not None:
            run.lr_psnr.append(run.finisher.finish(detail, run.samples[sample]))
        elif run.faithful is not None:
            run.finisher.finish(detail, run.faithful)

    @exactly()
    def _latent(self, run: _Run, sample: int | None) -> Tensor:
        """The latent map of the whole image; for the faithful image without reference, randomness and vividness."""
        spec, layout = run.request.samples, self.model.layout
        if sample is None:
            posterior, seed = self._prior(), 0
            spec = replace(spec, temperature=0.0, vividness=0.0)
        else:
            posterior, seed = run.posteriors[run.reference(sample)], run.seed(sample)
        noise = draw_noise(layout, run.frame.size, seed)
        return make_latent_map(self.model, posterior, noise, spec)

    def _prior(self) -> DiagonalGaussian:
        return DiagonalGaussian(*(tensor.to(self._torch_device) for tensor in prior(self.model.layout)))

    def _posterior(self, reference: Reference, image: NormalizedImage) -> DiagonalGaussian:
        match reference:
            case PriorReference():
                return self._prior()
            case SelfReference():
                pixels = image.rgb
            case ImageReference():
                pixels = reference.image
        with self._inference():
            found = self.model.posterior(image_to_tensor(pixels, self._torch_device))
        return DiagonalGaussian(found.mean.float(), found.log_variance.float())

    def _result(self, run: _Run, tiles: TileSpec) -> SuperResolutionResult:
        image, region = run.request.image, run.frame.region.slices
        alpha = None if image.alpha is None else image.alpha[region]
        record = {
            "device": self.device.value,
            "precision": self.precision.value,
            "tile": {"size": tiles.size, "overlap": self.model.halo if tiles.overlap is None else tiles.overlap},
        }
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

    def _smaller(self, tiles: TileSpec, frame: Frame, error: BaseException) -> TileSpec:
        half = min(tiles.size, max(frame.window.height, frame.window.width)) // 2
        if half < SMALLEST_TILE:
            raise OutOfMemoryError(
                f"{self.device.value} ran out of memory even with tiles of {tiles.size} LR pixels; "
                "close other programs, take fewer samples or upscale a region"
            ) from error
        return TileSpec(half, tiles.overlap)

    @contextmanager
    def _inference(self) -> Iterator[None]:
        """The network's precision."""
        dtype = PRECISIONS[self.precision.value]
        with exactly(), torch.autocast(self._torch_device.type, dtype, enabled=dtype is not torch.float32):
            yield


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
