"""A network on a device, in a precision: its doors, opened a tile at a time."""

from __future__ import annotations

import copy
from collections import OrderedDict
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import torch

from napari_refvae.engine.device import (
    PRECISIONS,
    choose_device,
    choose_precision,
    exactly,
    free_memory,
    is_out_of_memory,
)
from napari_refvae.engine.latents import prior
from napari_refvae.engine.symmetry import IDENTITY, SYMMETRIES
from napari_refvae.engine.tensors import image_to_tensor
from napari_refvae.engine.tiling import SMALLEST_TILE, automatic_tiles, plan_tiles
from napari_refvae.errors import DeviceError, OutOfMemoryError
from napari_refvae.model.gaussian import DiagonalGaussian
from napari_refvae.spec import ImageReference, PriorReference, SelfReference, TileSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.engine.frame import Frame
    from napari_refvae.engine.latents import LatentMap
    from napari_refvae.engine.symmetry import Symmetry
    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.regions import Region, Tile
    from napari_refvae.spec import NormalizedImage, Reference

__all__ = ["PlacedModel"]

REMEMBERED = 12
"""References whose posteriors are kept: those who make many images pass the same ones each time."""

REMEMBERED_BYTES = 2**28
"""Of their pixels, which are kept with them."""


class PlacedModel:
    """A model on a device: what a run and an exploration share.

    Parameters
    ----------
    model
        A network behind its doors, with trained weights.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    precision
        ``auto``, ``float32`` or ``bfloat16``. The projection is float32 always.

    Attributes
    ----------
    device, precision
        What was chosen, each with its reason.
    torch_device
        The device as torch names it.

    Raises
    ------
    DeviceError
        If the device is not there.
    """

    def __init__(self, model: ReferenceVAE, *, device: str = "auto", precision: str = "auto") -> None:
        self.device = choose_device(device)
        self.torch_device = torch.device(self.device.value)
        model = copy.deepcopy(model).eval().requires_grad_(False).to(self.torch_device)  # the caller's stays as it is
        self.model = model.to(memory_format=torch.channels_last)
        self.precision = choose_precision(precision, self.torch_device, self.model)
        self._posteriors: OrderedDict[int, tuple[ImageReference, DiagonalGaussian]] = OrderedDict()
        self._bookkeeping = Lock()  # threads share a model

    def plan(self, frame: Frame, tiles: TileSpec) -> list[Tile]:
        """The tiles of a frame's window."""
        return plan_tiles(frame.window, frame.size, tiles, self.model.halo, self.model.alignment)

    def automatic_tiles(self, frame: Frame) -> TileSpec:
        """The largest tiles for which there is memory now."""
        size = frame.window.height, frame.window.width
        return automatic_tiles(size, self.model.halo, self.decode_bytes, free_memory(self.torch_device))

    def decode_bytes(self, pixels: int) -> int:
        """Peak working memory of decoding one sample of so many LR pixels, in this precision."""
        return self.model.decode_bytes(pixels, self.detail_dtype.itemsize)

    @property
    def detail_dtype(self) -> torch.dtype:
        """In which the network answers."""
        return PRECISIONS[self.precision.value]

    def smaller_tiles(self, tiles: TileSpec, frame: Frame, error: Exception) -> TileSpec:
        """What to try after an error of torch or numpy: tiles of half the size, if it says that memory ran out.

        Raises
        ------
        OutOfMemoryError
            If not even the smallest tile fits.
        DeviceError
            If the error says something else.
        """
        if not is_out_of_memory(error):
            hint = "report this" if self.device.value == "cpu" else "try device='cpu'"
            raise DeviceError(f"{self.device.value} failed ({error}); {hint}") from error
        half = min(tiles.size, max(frame.window.height, frame.window.width)) // 2
        if half < SMALLEST_TILE:
            raise OutOfMemoryError(
                f"{self.device.value} ran out of memory even with tiles of {tiles.size} LR pixels; "
                "close other programs, take fewer samples or upscale a region"
            ) from error
        return TileSpec(half, tiles.overlap)

    def posterior(self, reference: Reference, image: NormalizedImage) -> DiagonalGaussian:
        """Distribution of the global code, float32 on the device; that of the last few image references is kept."""
        match reference:
            case PriorReference():
                return DiagonalGaussian(*(tensor.to(self.torch_device) for tensor in prior(self.model.layout)))
            case SelfReference():
                return self._read(image.rgb)
            case ImageReference():
                return self._remembered(reference)

    def encode_tile(self, image: NormalizedImage, tile: Tile, symmetry: Symmetry = IDENTITY) -> Tensor:
        """Features of what a tile reads of the input, laid as the symmetry says."""
        lr = symmetry.applied(image_to_tensor(image.rgb[tile.read.slices], self.torch_device))
        with self._inference():
            return self.model.encode(lr.contiguous(memory_format=torch.channels_last))

    def canvas(self, window: Region, symmetries: Sequence[Symmetry] = SYMMETRIES) -> Tensor:
        """Room for the detail of a region: ``(1, 3, scale*h, scale*w)``, not yet filled.

        In float32 where a mean over symmetries is summed up, else as the network answers.
        """
        fine = window.scaled(self.model.scale)
        dtype = self.detail_dtype if len(symmetries) == 1 else torch.float32
        return torch.empty(1, 3, fine.height, fine.width, dtype=dtype, device=self.torch_device)

    def decode_tile(
        self,
        image: NormalizedImage,
        features: Tensor,
        latent: Tensor | LatentMap,
        tile: Tile,
        window: Region,
        detail: Tensor,
        symmetries: Sequence[Symmetry] = (IDENTITY,),
    ) -> Iterator[int]:
        """Write a tile's detail to its place in the window's, as the mean over symmetries; says which, one by one.

        Parameters
        ----------
        image
            The input, which is encoded anew for each other symmetry than `IDENTITY`.
        features
            Of what the tile reads, as `encode_tile` gives them.
        latent
            The whole image's map, which is turned along with the input.
        tile, window
            What to decode, of which region.
        detail
            Of that region; see `canvas`. The tile's part is whole after the last step.
        symmetries
            `IDENTITY` alone, or more for a self-ensemble.
        """
        kept, size = tile.write.relative_to(tile.read), (tile.read.height, tile.read.width)
        place = detail[..., *tile.write.relative_to(window).scaled(self.model.scale).slices]
        for number, symmetry in enumerate(symmetries):
            known = features if symmetry == IDENTITY else self.encode_tile(image, tile, symmetry)
            with self._inference():
                part = symmetry.applied(latent[..., *tile.read.slices]).contiguous(memory_format=torch.channels_last)
                fresh = symmetry.undone(self.model.decode(known, part, symmetry.moved(kept, size)))
                if number:
                    place.add_(fresh, alpha=1 / len(symmetries))
                else:
                    torch.mul(fresh, 1 / len(symmetries), out=place)
            yield number

    def _remembered(self, reference: ImageReference) -> DiagonalGaussian:
        """By identity: the entry holds the reference, so no other object can have its id."""
        with self._bookkeeping:
            known = self._posteriors.get(id(reference))
        entry = known or (reference, self._read(reference.image))
        with self._bookkeeping:
            self._posteriors[id(reference)] = entry
            self._posteriors.move_to_end(id(reference))  # the last used comes last
            while len(self._posteriors) > REMEMBERED or self._remembered_bytes() > REMEMBERED_BYTES:
                self._posteriors.popitem(last=False)
        return entry[1]

    def _remembered_bytes(self) -> int:
        return sum(reference.image.nbytes for reference, _ in self._posteriors.values())

    def _read(self, pixels: NDArray[np.float32]) -> DiagonalGaussian:
        with self._inference():
            found = self.model.posterior(image_to_tensor(pixels, self.torch_device))
        return DiagonalGaussian(found.mean.float(), found.log_variance.float())

    @contextmanager
    def _inference(self) -> Iterator[None]:
        """The network's precision."""
        dtype = PRECISIONS[self.precision.value]
        with exactly(), torch.autocast(self.torch_device.type, dtype, enabled=dtype is not torch.float32):
            yield
