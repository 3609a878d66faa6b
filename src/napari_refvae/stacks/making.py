"""Making a piece: the engine, told what belongs to the whole plane."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from napari_refvae.engine.device import exactly
from napari_refvae.engine.latents import LatentNoise, make_latent_map
from napari_refvae.engine.upscaler import Upscaler, drain
from napari_refvae.errors import ModelError
from napari_refvae.imageio.missing import fill_part
from napari_refvae.imageio.pixels import normalize
from napari_refvae.loading import load_model
from napari_refvae.model.gaussian import DiagonalGaussian
from napari_refvae.spec import SuperResolutionRequest
from napari_refvae.stacks.pieces import MadePiece

if TYPE_CHECKING:
    from napari_refvae.loading import LoadedModel
    from napari_refvae.spec import NormalizedImage, Reference
    from napari_refvae.stacks.pieces import Code, Making, Piece

__all__ = ["PieceMaker", "load_maker", "make_elsewhere"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _PieceRequest(SuperResolutionRequest):
    """A run of one sample of a window, with what it cannot know of the plane."""

    piece: Piece


class PieceMaker(Upscaler):
    """Makes pieces on a device; see `napari_refvae.engine.placed.PlacedModel` for its parameters."""

    def make(self, piece: Piece, making: Making) -> MadePiece:
        """Make one piece. Errors are those of `Upscaler.steps`."""
        pixels, missing = fill_part(piece.pixels)
        image = normalize(pixels, making.intensity_range)
        request = _PieceRequest(
            image=image if piece.bounds is None else replace(image, bounds=piece.bounds),
            samples=replace(making.samples, count=1),
            tiles=making.tiles,
            consistency=making.consistency,
            self_ensemble=making.self_ensemble,
            region=piece.region,
            scale=making.scale,
            piece=piece,
        )
        result = drain(self.steps(request))
        if missing is not None:
            missing.within(piece.region).put_back(result.sr)
        return MadePiece(result.sr[0], result.lr_psnr[0])

    def read(self, reference: Reference, image: NormalizedImage) -> Code:
        """The code of a reference; ``image`` is the plane, which it may be itself."""
        found = self.posterior(reference, image)
        return found.mean.cpu().numpy(), found.log_variance.cpu().numpy()

    @exactly()
    def _latent(self, run: Any, sample: int | None) -> torch.Tensor:
        """The window's part of the plane's latent map."""
        piece: Piece = run.request.piece
        posterior = DiagonalGaussian(*(torch.tensor(part, device=self.torch_device) for part in piece.code))
        code, field = (torch.from_numpy(part) for part in piece.noise)
        if self.model.layout.noise:  # then a map is made pixel by pixel
            return make_latent_map(self.model, posterior, LatentNoise(code, field), run.spec(sample))
        whole = torch.empty(1, 0, *piece.size)  # it only tells the size
        latent = make_latent_map(self.model, posterior, LatentNoise(code, whole), run.spec(sample))
        return latent[..., *piece.window.slices]


@lru_cache(maxsize=2)
def load_maker(model: LoadedModel, device: str, precision: str) -> PieceMaker:
    """A model on a device; the last two stay there.

    Raises
    ------
    DeviceError, InvalidSpecError
        If the device is not there, or the precision is none.
    """
    return PieceMaker(model.network, device=device, precision=precision)


def make_elsewhere(piece: Piece, making: Making) -> MadePiece:
    """Make a piece in a process that knows nothing of the run.

    Raises
    ------
    ModelError
        If the model there is another one.
    """
    model = load_model(making.model)
    if model.info.identity != making.identity:
        raise ModelError(
            f"expected model {making.identity[:12]} ({making.model}) on every worker; one has "
            f"{model.info.identity[:12]}: install the same version there, or name a file that all of them see"
        )
    return load_maker(model, making.device, making.precision).make(piece, making)
