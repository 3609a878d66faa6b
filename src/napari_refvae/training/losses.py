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
    "local_best",
    "perceptual",
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


def perceptual(sr: Features, hr: Features) -> Tensor:
    """Distance of channel-normalised features, mean over pixels and summed over layers, an example.

    The form of LPIPS (Zhang et al., 2018) without learned weights: ``P * b`` rows against ``b`` to ``(b,)``, the
    mean over samples.
    """
    return torch.stack([_distance_maps(a, b).mean(dim=(0, 2, 3)) for a, b in zip(sr, hr, strict=True)]).sum(dim=0)


def local_best(sr: Features, hr: Features) -> Tensor:
    """Like `perceptual`, but of the sample that is nearest at each place: rewards covering the truth, ``(b,)``."""
    maps = [_distance_maps(a, b).amin(dim=0).mean(dim=(1, 2)) for a, b in zip(sr, hr, strict=True)]
    return torch.stack(maps).sum(dim=0)


def _distance_maps(sr: Tensor, hr: Tensor) -> Tensor:
    """``(P * b, C, H, W)`` against ``(b, C, H, W)`` to ``(P, b, H, W)``."""
    a, b = (x.float() * torch.rsqrt(x.float().square().sum(dim=1, keepdim=True) + 1e-6) for x in (sr, hr))
    return (a.unflatten(0, (-1, len(b))) - b).square().sum(dim=2)


def style(sr: Features, reference: Features) -> Tensor:
    """Distance of channel means and standard deviations, summed over layers, an example: ``(b,)``.

    Equation 7 as it must be meant, against the reference; each layer is measured in units of the
    reference's mean deviation, so that no layer outweighs the others. Mean over samples.
    """
    layers = []
    for a, b in zip(sr, reference, strict=True):
        (var_a, mean_a), (var_b, mean_b) = (torch.var_mean(x.float(), dim=(2, 3), correction=0) for x in (a, b))
        std_a, std_b = (var_a + 1e-5).sqrt().unflatten(0, (-1, len(b))), (var_b + 1e-5).sqrt()
        unit = std_b.mean(dim=1, keepdim=True)
        distance = (mean_a.unflatten(0, (-1, len(b))) - mean_b).abs() + (std_a - std_b).abs()
        layers.append((distance / unit).mean(dim=(0, 2)))
    return torch.stack(layers).sum(dim=0)


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
