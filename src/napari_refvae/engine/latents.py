"""From references and seeds to latent maps. A latent map belongs to the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_refvae.model.gaussian import DiagonalGaussian

if TYPE_CHECKING:
    from torch import Tensor

    from napari_refvae.model.doors import LatentLayout, ReferenceVAE
    from napari_refvae.spec import SampleSpec

__all__ = ["LatentNoise", "draw_noise", "make_latent_map", "prior"]


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
    device = posterior.mean.device
    code = posterior.toward_prior(spec.strength).sample(noise.code.to(device), spec.temperature)
    field = spec.temperature * noise.field.to(device)
    return model.lift(code, field, torch.full((1,), float(spec.vividness), device=device))
