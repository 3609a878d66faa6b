"""The engine: one generator that turns a request into a result, and yields where it may be stopped."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass
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
from napari_refvae.engine.latents import draw_noise, make_latent_map, prior
from napari_refvae.engine.result import SuperResolutionResult
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.engine.tiling import SMALLEST_TILE, automatic_tiles, plan_tiles
from napari_refvae.errors import DeviceError, ModelError, OutOfMemoryError
from napari_refvae.imageio.pixels import denormalize, normalize
from napari_refvae.metrics import lr_psnr_normalized
from napari_refvae.model.gaussian import DiagonalGaussian
from napari_refvae.resampling import project, upsample
from napari_refvae.spec import ImageReference, PriorReference, Progress, SelfReference, TileSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.spec import NormalizedImage, Reference, SuperResolutionRequest, Tile

__all__ = ["Upscaler", "drain"]


@dataclass(frozen=True, slots=True)
class _Encoded:
    """The input on the device, and the features of each of its tiles."""

    lr: Tensor  # (1, 3, h, w)
    tiles: list[Tile]
    features: list[Tensor]


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

    def steps(self, request: SuperResolutionRequest) -> Generator[Progress, None, SuperResolutionResult]:
        """Encode the input and each reference once, then decode, project and store one sample after the other.

        Closing the generator stops the run. If memory runs out, the run starts over with tiles of half the
        size.

        Raises
        ------
        OutOfMemoryError
            If not even the smallest tile fits.
        DeviceError
            If the device fails.
        ModelError
            If the model makes values that are not finite.
        """
        tiles = request.tiles or self._automatic_tiles(request.image.size)
        while True:
            try:
                return (yield from self._attempt(request, tiles))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    hint = "report this" if self.device.value == "cpu" else "try device='cpu'"
                    raise DeviceError(f"{self.device.value} failed ({error}); {hint}") from error
                tiles = self._smaller(tiles, request.image.size, error)

    def _attempt(
        self, request: SuperResolutionRequest, tiles: TileSpec
    ) -> Generator[Progress, None, SuperResolutionResult]:
        image = request.image
        plan = plan_tiles(image.size, tiles, self.model.halo, self.model.alignment)
        total = len(plan) + request.total * (len(plan) + 1)
        done = 0
        with self._inference():
            posteriors = [self._posterior(reference, image) for reference in request.references]
        encoded = _Encoded(image_to_tensor(image.rgb, self._torch_device), plan, [])
        yield Progress(done, total, "encode")
        for tile in encoded.tiles:
            self._encode_tile(encoded, tile)
            done += 1
            yield Progress(done, total, "encode")
        bicubic, alpha = self._baseline(encoded.lr, image)
        stored = np.empty((request.total, *bicubic.shape), bicubic.dtype)
        for index in range(request.total):
            latent = self._latent(posteriors[index // request.samples.count], request, index)
            detail = torch.empty(1, 3, *bicubic.shape[:2], device=self._torch_device)
            for tile, features in zip(encoded.tiles, encoded.features, strict=True):
                self._decode_tile(detail, latent, tile, features)
                done += 1
                yield Progress(done, total, "decode")
            stored[index] = self._finish(detail, encoded.lr, alpha, request)
            done += 1
            yield Progress(done, total, "project")
        return self._result(request, tiles, stored, bicubic)

    def _encode_tile(self, encoded: _Encoded, tile: Tile) -> None:
        y, x = tile.read.slices
        with self._inference():
            lr = encoded.lr[..., y, x].contiguous(memory_format=torch.channels_last)
            encoded.features.append(self.model.encode(lr))

    def _decode_tile(self, detail: Tensor, latent: Tensor, tile: Tile, features: Tensor) -> None:
        scale = self.model.scale
        y, x = tile.read.slices
        with self._inference():
            part = latent[..., y, x].contiguous(memory_format=torch.channels_last)
            fresh = self.model.decode(features, part)
            inner_y, inner_x = tile.write.relative_to(tile.read).scaled(scale).slices
            outer_y, outer_x = tile.write.scaled(scale).slices
            detail[..., outer_y, outer_x] = fresh[..., inner_y, inner_x]

    @exactly()
    def _latent(self, posterior: DiagonalGaussian, request: SuperResolutionRequest, index: int) -> Tensor:
        noise = draw_noise(self.model.layout, request.image.size, request.samples.seed + index)
        return make_latent_map(self.model, posterior, noise, request.samples)

    def _posterior(self, reference: Reference, image: NormalizedImage) -> DiagonalGaussian:
        match reference:
            case PriorReference():
                return DiagonalGaussian(*(tensor.to(self._torch_device) for tensor in prior(self.model.layout)))
            case SelfReference():
                pixels = image.rgb
            case ImageReference():
                pixels = reference.image
        found = self.model.posterior(image_to_tensor(pixels, self._torch_device))
        return DiagonalGaussian(found.mean.float(), found.log_variance.float())

    @exactly()
    def _baseline(self, lr: Tensor, image: NormalizedImage) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """The bicubic up-sampling in the input's format, and the up-sampled alpha."""
        alpha = None
        if image.alpha is not None:
            small = image_to_tensor(image.alpha, self._torch_device)
            wide = project(upsample(small, self.model.scale), small, self.model.scale, bounds=(0, 1))
            alpha = image_from_tensor(wide)[..., 0]
        bicubic = image_from_tensor(upsample(lr, self.model.scale).clamp(*image.bounds))
        return denormalize(bicubic, alpha, image.pixels, image.bounds), alpha

    @exactly()
    def _finish(
        self, detail: Tensor, lr: Tensor, alpha: NDArray[np.float32] | None, request: SuperResolutionRequest
    ) -> NDArray[Any]:
        scale, image = self.model.scale, request.image
        sr = detail.add_(upsample(lr, scale))
        if not torch.isfinite(sr).all():
            raise ModelError(
                "the model made values that are not finite: its weights are damaged, or try precision='float32'"
            )
        if request.consistency is not None:
            sr = project(sr, lr, scale, bounds=image.bounds)
        return denormalize(image_from_tensor(sr.clamp(*image.bounds)), alpha, image.pixels, image.bounds)

    def _result(
        self, request: SuperResolutionRequest, tiles: TileSpec, stored: NDArray[Any], bicubic: NDArray[Any]
    ) -> SuperResolutionResult:
        image, samples = request.image, request.samples
        seeds = tuple(samples.seed + index for index in range(request.total))
        names = tuple(reference.name for reference in request.references for _ in range(samples.count))
        record = {
            "device": self.device.value,
            "precision": self.precision.value,
            "tile": {"size": tiles.size, "overlap": self.model.halo if tiles.overlap is None else tiles.overlap},
        }
        return SuperResolutionResult(
            sr=stored,
            lr=denormalize(image.rgb, image.alpha, image.pixels, image.bounds),
            bicubic=bicubic,
            references=names,
            seeds=seeds,
            lr_psnr=tuple(self._lr_psnr(sample, image) for sample in stored),
            provenance=record,
            scale=self.model.scale,
        )

    def _lr_psnr(self, sample: NDArray[Any], image: NormalizedImage) -> float:
        return lr_psnr_normalized(normalize(sample, image.pixels.range).rgb, image.rgb, self.model.scale)

    def _automatic_tiles(self, size: tuple[int, int]) -> TileSpec:
        free = free_memory(self._torch_device)
        return automatic_tiles(size, self.model.halo, self.model.bytes_per_pixel, free)

    def _smaller(self, tiles: TileSpec, size: tuple[int, int], error: BaseException) -> TileSpec:
        half = min(tiles.size, max(size)) // 2
        if half < SMALLEST_TILE:
            raise OutOfMemoryError(
                f"{self.device.value} ran out of memory even with tiles of {tiles.size} LR pixels; "
                "close other programs, take fewer samples or upscale a part of the image"
            ) from error
        return TileSpec(half, tiles.overlap)

    @contextmanager
    def _inference(self) -> Iterator[None]:
        """The network's precision."""
        dtype = PRECISIONS[self.precision.value]
        with exactly(), torch.autocast(self._torch_device.type, dtype, enabled=dtype is not torch.float32):
            yield


def drain(
    run: Generator[Progress, None, SuperResolutionResult], on_progress: Callable[[Progress], None] | None = None
) -> SuperResolutionResult:
    """Run a generator of steps to its end and return its result."""
    while True:
        try:
            progress = next(run)
        except StopIteration as stop:
            result: SuperResolutionResult = stop.value
            return result
        if on_progress is not None:
            on_progress(progress)
