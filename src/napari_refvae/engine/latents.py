"""From references and seeds to latent maps. A latent map belongs to the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_refvae.model.gaussian import DiagonalGaussian

if TYPE_CHECKING:
    from types import EllipsisType

    from torch import Tensor

    from napari_refvae.model.doors import LatentLayout, ReferenceVAE
    from napari_refvae.spec import SampleSpec

__all__ = ["LatentMap", "LatentNoise", "draw_noise", "make_latent_map", "plan_latent_map", "prior"]


@dataclass(frozen=True, slots=True)
class LatentNoise:
    """The standard normal numbers of one sample: ``code (1, code)`` and ``field (1, noise, h, w)``."""

    code: Tensor
    field: Tensor


def draw_noise(layout: LatentLayout, size: tuple[int, int], seed: int) -> LatentNoise:
    """Draw a sample's random numbers on the CPU: the same whatever the device, the batch, the tiles or the order."""
    state = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
    generator = torch.Generator().manual_seed(state & (2**63 - 1))
    code = torch.randn(1, layout.code, generator=generator)
    return LatentNoise(code, torch.randn(1, layout.noise, *size, generator=generator))


def prior(layout: LatentLayout) -> DiagonalGaussian:
    """The distribution of the global code without a reference: N(0, I)."""
    return DiagonalGaussian(torch.zeros(1, layout.code), torch.zeros(1, layout.code))


def make_latent_map(model: ReferenceVAE, posterior: DiagonalGaussian, noise: LatentNoise, spec: SampleSpec) -> Tensor:
    """One sample's latent map ``(1, Z, h, w)``, float32 on the posterior's device.

    The code is drawn between the prior (strength 0) and the posterior (strength 1); temperature scales
    every random part.
    """
    return _lifted(model, _code(posterior, noise, spec), noise.field, spec)


def plan_latent_map(
    model: ReferenceVAE, posterior: DiagonalGaussian, noise: LatentNoise, spec: SampleSpec
) -> Tensor | LatentMap:
    """`make_latent_map` for large images: where a map is made pixel by pixel, each part of it when it is read."""
    if not model.layout.noise:
        return make_latent_map(model, posterior, noise, spec)
    return LatentMap(model, _code(posterior, noise, spec), noise.field, spec)


class LatentMap:
    """One sample's latent map of a whole image, which is not held: only its noise is.

    Indexed like a tensor ``(1, Z, h, w)`` by what is read: ``map[..., rows, columns]``.
    """

    def __init__(self, model: ReferenceVAE, code: Tensor, field: Tensor, spec: SampleSpec) -> None:
        self._model, self._code, self._field, self._spec = model, code, field, spec

    def __getitem__(self, index: tuple[EllipsisType, slice, slice]) -> Tensor:
        return _lifted(self._model, self._code, self._field[index], self._spec)


def _code(posterior: DiagonalGaussian, noise: LatentNoise, spec: SampleSpec) -> Tensor:
    device = posterior.mean.device
    return posterior.toward_prior(spec.strength).sample(noise.code.to(device), spec.temperature)


def _lifted(model: ReferenceVAE, code: Tensor, field: Tensor, spec: SampleSpec) -> Tensor:
    field = spec.temperature * field.to(code.device)
    return model.lift(code, field, torch.full((1,), float(spec.vividness), device=code.device))
