"""The loss terms: pure functions of tensors, mean-reduced; weights live in the config.

``e`` below stands for one value an example, ``(B,)``, so that the caller can weigh examples.
Samples are ``(P, B, 3, H, W)``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from napari_refvae.model.gaussian import DiagonalGaussian

__all__ = [
    "code_kl",
    "field_kl",
    "hinge_discriminator",
    "hinge_generator",
    "pixel",
    "spread",
    "style",
    "total_variation",
]

Features = list["Tensor"]


def pixel(sr: Tensor, hr: Tensor) -> Tensor:
    """L1 distance an example (second term of equation 6): ``(..., B, C, H, W)`` to ``(..., B)``."""
    return (sr - hr).abs().mean(dim=(-3, -2, -1))


def spread(samples: Tensor) -> Tensor:
    """Mean absolute spread of P samples, unbiased for a Gaussian: ``(P, B, C, H, W)`` to ``(B,)``.

    rcGAN's ``sqrt(pi / (2 P (P - 1))) sum_i |x_i - mean|`` (Bendel et al., 2023).
    """
    count = samples.shape[0]
    deviation = (samples - samples.mean(dim=0)).abs().mean(dim=(-3, -2, -1)).sum(dim=0)
    return math.sqrt(math.pi / (2 * count * (count - 1))) * deviation


def field_kl(posterior: DiagonalGaussian) -> Tensor:
    """KL of the spatial noise field from N(0, 1), a dimension."""
    return posterior.kl().mean()


def code_kl(posterior: DiagonalGaussian, present: Tensor, free_bits: float) -> Tensor:
    """KL of the global code from N(0, 1), a dimension, above ``free_bits`` nats; absent references do not count."""
    weights = present.to(torch.float32)
    mean = (posterior.kl() * weights[:, None]).sum(dim=0) / weights.sum().clamp(min=1)
    return (mean - free_bits).clamp(min=0).mean()


def style(sr: Features, reference: Features) -> Tensor:
    """Distance of channel means and standard deviations, summed over layers, an example: ``(B,)``.

    Equation 7 as it must be meant, against the reference.
    """
    total = torch.zeros(sr[0].shape[0], device=sr[0].device)
    for a, b in zip(sr, reference, strict=True):
        (var_a, mean_a), (var_b, mean_b) = (torch.var_mean(x.float(), dim=(2, 3), correction=0) for x in (a, b))
        deviation = (var_a + 1e-5).sqrt() - (var_b + 1e-5).sqrt()
        total = total + (mean_a - mean_b).abs().mean(dim=1) + deviation.abs().mean(dim=1)
    return total


def total_variation(image: Tensor, beta: float = 1.0) -> Tensor:
    """Mean over pixels of squared forward differences to the power ``beta`` (equation 8), an example."""
    rows = (image[..., 1:, :-1] - image[..., :-1, :-1]).square()
    columns = (image[..., :-1, 1:] - image[..., :-1, :-1]).square()
    return (rows + columns).pow(beta).mean(dim=(-3, -2, -1))


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the discriminator (Lim and Ye, 2017)."""
    return (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """Hinge loss of the generator, an example: ``(B, 1, h, w)`` to ``(B,)``."""
    return -fake.mean(dim=(1, 2, 3))
