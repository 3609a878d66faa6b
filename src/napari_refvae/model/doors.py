"""The interface that every network here has: four doors (encode, posterior, lift, decode) and a latent map.

The engine, the API, the command line, the widget and training know only this.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from napari_refvae.model.gaussian import DiagonalGaussian
    from napari_refvae.regions import Region

__all__ = ["LatentLayout", "ReferenceVAE"]


@dataclass(frozen=True, slots=True)
class LatentLayout:
    """What a latent map of a model is made of.

    ``code``: entries of the global code that a reference sets; ``noise``: channels of the spatial
    noise field on the LR grid, N(0, 1) a priori; ``vividness``: whether the model takes one scalar
    from 0 (faithful) to 1 (vivid).
    """

    code: int
    noise: int
    vividness: bool


class ReferenceVAE(nn.Module, ABC):
    """A conditional VAE for super-resolution whose latent is one map on the LR grid.

    The output of a model is detail only; the engine makes ``project(upsample(lr) + detail, lr)``.

    Attributes
    ----------
    scale
        HR pixels per LR pixel and axis.
    layout
        What a latent map is made of.
    halo
        How far, in LR pixels, an output pixel looks into the LR image and the latent map. A tile
        read with this much context gives the same pixels as the whole image.
    alignment
        A tile read from the image must begin at multiples of this many LR pixels along both axes, or the
        features' grid would shift against the whole image's; 1 for networks whose grid is the LR grid.
    """

    scale: int
    layout: LatentLayout
    halo: int
    alignment: int = 1

    @abstractmethod
    def encode(self, lr: Tensor) -> Tensor:
        """Features of the input: ``(B, 3, h, w)`` in 0..1 to ``(B, F, h, w)``. Once an image or tile."""

    @abstractmethod
    def posterior(self, reference: Tensor) -> DiagonalGaussian:
        """Distribution of the global code given a reference: ``(B, 3, H, W)`` in 0..1 to ``(B, code)``."""

    @abstractmethod
    def lift(self, code: Tensor, noise: Tensor, vividness: Tensor) -> Tensor:
        """Make the latent map of a whole image from what determines it.

        ``code (N, layout.code)``, ``noise (N, layout.noise, h, w)`` (its last two axes give the size
        even if it has no channels) and ``vividness (N,)`` to ``(N, Z, h, w)``.
        """

    @abstractmethod
    def decode(self, features: Tensor, latent: Tensor, part: Region | None = None) -> Tensor:
        """Detail of N samples: ``(1 or N, F, h, w)`` and ``(N, Z, h, w)`` to ``(N, 3, scale*h, scale*w)``.

        With a ``part`` of the ``h x w`` pixels, of this alone: ``(N, 3, scale*part.height, scale*part.width)``, the
        same values. What only the rest depends on is not computed.
        """

    @abstractmethod
    def decode_bytes(self, pixels: int, itemsize: int = 4) -> int:
        """Peak working memory of encoding and decoding one sample of so many LR pixels, in bytes.

        ``itemsize`` is that of a feature: 4 in float32, 2 in bfloat16.
        """
