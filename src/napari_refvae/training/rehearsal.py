"""A model as it is used, in training's hands: faithful answers and samples of whole pictures.

Training lies beside the engine and does not know it, so the few lines from an input to an answer are here again,
without tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_refvae.metrics import low_resolution, modulo_crop
from napari_refvae.resampling import project, upsample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.model.doors import ReferenceVAE

__all__ = ["Rehearsal", "as_pixels", "middle"]


class Rehearsal:
    """A model and one input, encoded once.

    Parameters
    ----------
    model
        On any device.
    original
        ``(H, W, 3)`` uint8; it is cropped to multiples of the scale, and its down-sampling is the input.
    """

    def __init__(self, model: ReferenceVAE, original: NDArray[np.uint8]) -> None:
        self.model, self.device = model, next(model.parameters()).device
        self.original = modulo_crop(original, model.scale)
        self.small = low_resolution(self.original, model.scale)
        self.lr = as_tensor(self.small, self.device)
        self.base = upsample(self.lr, model.scale)
        self.features = model.encode(self.lr)

    def faithful(self) -> NDArray[np.uint8]:
        """The answer at vividness 0 and temperature 0, without a reference."""
        layout = self.model.layout
        code, noise = torch.zeros(1, layout.code), torch.zeros(1, layout.noise, *self.lr.shape[-2:])
        return self._decoded(code, noise, 0.0)

    def samples(self, count: int, references: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
        """Samples at vividness 1: number k has seed k and the k-th reference, or none if there are none."""
        return [
            self._sample(seed, references[seed % len(references)] if len(references) else None) for seed in range(count)
        ]

    def _sample(self, seed: int, reference: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
        layout, generator = self.model.layout, torch.Generator().manual_seed(seed)
        code = torch.randn(1, layout.code, generator=generator)
        noise = torch.randn(1, layout.noise, *self.lr.shape[-2:], generator=generator)
        if reference is not None:
            code = self.model.posterior(as_tensor(reference, self.device)).sample(code.to(self.device))
        return self._decoded(code, noise, 1.0)

    def _decoded(self, code: Tensor, noise: Tensor, vividness: float) -> NDArray[np.uint8]:
        level = torch.full((1,), vividness, device=self.device)
        latent = self.model.lift(code.to(self.lr), noise.to(self.lr), level)
        detail = self.model.decode(self.features, latent).float()
        return as_pixels(project(self.base + detail, self.lr, self.model.scale, bounds=(0, 1)))


def as_tensor(image: NDArray[np.uint8], device: torch.device) -> Tensor:
    """``(H, W, 3)`` uint8 to ``(1, 3, H, W)`` in 0..1."""
    pixels = torch.from_numpy(np.require(image, requirements=["C", "W"])).to(device)  # torch warns of read-only arrays
    return pixels.permute(2, 0, 1)[None].to(torch.float32) / 255


def as_pixels(image: Tensor) -> NDArray[np.uint8]:
    """``(1, 3, H, W)`` to ``(H, W, 3)`` uint8."""
    pixels: NDArray[np.uint8] = (
        image[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).to("cpu", torch.uint8).contiguous().numpy()
    )
    return pixels


def middle(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The middle of an image, at most ``side`` pixels a side."""
    height, width = image.shape[:2]
    y, x = max(0, (height - side) // 2), max(0, (width - side) // 2)
    return image[y : y + side, x : x + side]
