"""The loss terms: pure functions of tensors, mean-reduced; weights live in the config.

``e`` below stands for one value an example, ``(B,)``, so that the caller can weigh examples.
Samples are ``(P, B, 3, H, W)``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from napari_refvae.resampling import downsample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_refvae.model.gaussian import DiagonalGaussian

__all__ = [
    "code_kl",
    "content_features",
    "distance_maps",
    "field_kl",
    "grid",
    "hinge_discriminator",
    "hinge_generator",
    "local_best",
    "low_resolution",
    "minimax_discriminator",
    "minimax_generator",
    "perceptual",
    "pixel",
    "spectrum",
    "spread",
    "style",
    "style_direction",
    "total_variation",
]

Features = list["Tensor"]

FAINT = 0.05
"""Differences of samples below this share of their references' count as small, not as wrong: gradients stay bounded."""

BAND = 8
"""Frequencies a side of the bands that `spectrum` compares, of those that a patch resolves."""

FAINTEST = 255.0**-2
"""Power a pixel, of images in 0..1, below which bands count as empty: one grey level."""

FINE = 5
"""Pixels a side of the mean that is taken away to see the finest detail alone."""


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


def low_resolution(sr: Tensor, lr: Tensor, scale: int) -> Tensor:
    """L1 distance after down-sampling by D, an example (third term of equation 6): ``(P, B, C, H, W)`` to ``(P, B)``.

    The published program down-samples without antialiasing here, which sees a quarter of the pixels.
    """
    small = downsample(sr.flatten(0, -4), scale).unflatten(0, sr.shape[:-3])
    return pixel(small, lr)


def content_features(sr: Features, hr: Features) -> Tensor:
    """L1 distance of the deepest features (first term of equation 6), an example: ``P * b`` rows to ``(b,)``."""
    a, b = sr[-1].float(), hr[-1].float()
    return (a.unflatten(0, (-1, len(b))) - b).abs().mean(dim=(0, 2, 3, 4))


def perceptual(sr: Features, hr: Features, channels: Features | None = None) -> Tensor:
    """Distance of channel-normalised features, mean over pixels and summed over layers, an example.

    The form of LPIPS (Zhang et al., 2018), and with its learned weights as ``channels`` LPIPS itself: ``P * b`` rows
    against ``b`` to ``(b,)``, the mean over samples.
    """
    return torch.stack([maps.mean(dim=(0, 2, 3)) for maps in distance_maps(sr, hr, channels)]).sum(dim=0)


def local_best(sr: Features, hr: Features, channels: Features | None = None) -> Tensor:
    """Like `perceptual`, but of the sample that is nearest at each place: rewards covering the truth, ``(b,)``."""
    return torch.stack([maps.amin(dim=0).mean(dim=(1, 2)) for maps in distance_maps(sr, hr, channels)]).sum(dim=0)


def distance_maps(sr: Features, hr: Features, channels: Features | None = None) -> list[Tensor]:
    """Squared distance of channel-normalised features at each place.

    A layer: ``(P * b, C, H, W)`` against ``(b, C, H, W)``, weighted by ``(C,)``, to ``(P, b, H, W)``.
    """
    weights: Sequence[Tensor | None] = channels or [None] * len(hr)
    return [_distance_map(a, b, weight) for a, b, weight in zip(sr, hr, weights, strict=True)]


def _distance_map(sr: Tensor, hr: Tensor, weight: Tensor | None) -> Tensor:
    a, b = (x.float() * torch.rsqrt(x.float().square().sum(dim=1, keepdim=True) + 1e-6) for x in (sr, hr))
    squared = (a.unflatten(0, (-1, len(b))) - b).square()
    return squared.sum(dim=2) if weight is None else (squared * weight[:, None, None]).sum(dim=2)


def style(sr: Features, reference: Features, which: Tensor | None = None) -> Tensor:
    """Distance of channel means and standard deviations, summed over layers, a sample: ``(P, b)``.

    Equation 7 as it must be meant, against the reference; each layer is measured in units of the
    reference's mean deviation, so that no layer outweighs the others. ``which (P, b)`` says whose reference each
    sample was drawn with; by default its own example's.
    """
    layers = []
    for a, b in zip(sr, reference, strict=True):
        (mean_a, std_a), (mean_b, std_b) = _statistics(a), _statistics(b)
        unit = std_b.mean(dim=1, keepdim=True)
        if which is not None:
            mean_b, std_b, unit = mean_b[which], std_b[which], unit[which]
        distance = (mean_a.unflatten(0, (-1, len(b))) - mean_b).abs() + (std_a.unflatten(0, (-1, len(b))) - std_b).abs()
        layers.append((distance / unit).mean(dim=-1))
    return torch.stack(layers).sum(dim=0)


def style_direction(sr: Features, reference: Features, which: Tensor) -> Tensor:
    """How far samples of one input differ otherwise than the references that they were drawn with: ``(b,)``, 0 to 2.

    One minus the cosine between a sample's feature statistics, less the mean of its example's samples, and its
    reference's, less the mean of those references: what the samples share, the input's own content, cancels. The
    form of the directional loss of StyleGAN-NADA (Gal et al., 2021), with statistics in CLIP's place. Ours, not the
    paper's. ``which (P, b)`` says whose reference each sample was drawn with.
    """
    made, wanted = [], []
    for a, b in zip(sr, reference, strict=True):
        ours, theirs = torch.cat(_statistics(a), dim=1), torch.cat(_statistics(b), dim=1)
        unit = _statistics(b)[1].mean()
        made.append((ours / unit).unflatten(0, (-1, len(b))))
        wanted.append((theirs / unit)[which])
    (ours, theirs) = (torch.cat(parts, dim=-1) for parts in (made, wanted))
    ours, theirs = ours - ours.mean(dim=0), theirs - theirs.mean(dim=0)
    length = theirs.norm(dim=-1).clamp(min=1e-6)
    along = (ours * theirs).sum(dim=-1) / length
    return (1 - along / torch.maximum(ours.norm(dim=-1), FAINT * length)).mean(dim=0)


def _statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Means and standard deviations of channels: ``(N, C, H, W)`` to twice ``(N, C)``."""
    variance, mean = torch.var_mean(features.float(), dim=(2, 3), correction=0)
    return mean, (variance + 1e-5).sqrt()


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


def minimax_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Cross-entropy of the discriminator, ``-log D(real) - log(1 - D(fake))`` of logits (Goodfellow et al., 2014)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def minimax_generator(fake: Tensor) -> Tensor:
    """Equation 5, ``log(1 - D(fake))`` of logits, an example: ``(B, 1, h, w)`` to ``(B,)``."""
    return -F.softplus(fake).mean(dim=(1, 2, 3))


def grid(samples: Tensor, period: int) -> Tensor:
    """How much the finest detail repeats with the period of the LR grid: ``(P, B, C, H, W)`` to ``(B,)``.

    The autocorrelation of the high-pass filtered mean of the channels at one and two periods, less that of the
    neighbouring lags, along both axes; mean of the absolute values. Photographs have hardly any; networks that
    up-sample like to weave. Ours, not the paper's.
    """
    grey = samples.float().mean(dim=2).flatten(0, 1)[:, None]
    fine = grey[..., FINE // 2 : -(FINE // 2), FINE // 2 : -(FINE // 2)] - F.avg_pool2d(grey, FINE, stride=1)
    energy = fine.square().mean(dim=(1, 2, 3)) + 1e-6
    excess = torch.stack([_excess(fine, lag, axis) for axis in (2, 3) for lag in (period, 2 * period)])
    return (excess / energy).abs().mean(dim=0).unflatten(0, samples.shape[:2]).mean(dim=0)


def _excess(image: Tensor, lag: int, axis: int) -> Tensor:
    """Autocovariance at a lag, above the mean of its neighbours': ``(N, 1, H, W)`` to ``(N,)``."""
    before, at, after = (_autocovariance(image, lag + shift, axis) for shift in (-1, 0, 1))
    return at - 0.5 * (before + after)


def _autocovariance(image: Tensor, lag: int, axis: int) -> Tensor:
    size = image.shape[axis] - lag
    return (image.narrow(axis, lag, size) * image.narrow(axis, 0, size)).mean(dim=(1, 2, 3))


def spectrum(samples: Tensor, hr: Tensor, scale: int) -> Tensor:
    """How far the samples' power in bands of frequency and direction is from the target's: ``(b,)``, in nepers.

    Mean absolute difference of log-powers over the bands that the input cannot show, samples ``(P, b, 3, H, W)``
    averaged before the logarithm. Blind to phases: it asks for texture as strong as the target's in each direction, not
    at the same places, and so penalises hatching and blur alike. After Durall et al., 2020, who compare rings;
    ours, not the paper's.
    """
    ours = _band_powers(samples.flatten(0, 1)).unflatten(0, samples.shape[:2]).mean(dim=0)
    apart = ((ours + FAINTEST).log() - (_band_powers(hr) + FAINTEST).log()).abs()
    bands, size = (apart.shape[-2], apart.shape[-1]), (hr.shape[-2], hr.shape[-1])
    hidden = _hidden_bands(bands, size, scale).to(apart)
    return (apart * hidden).sum(dim=(-2, -1)) / hidden.sum()


def _band_powers(image: Tensor) -> Tensor:
    """Power of the channels' mean in bands: ``(N, C, H, W)`` to ``(N, H // BAND, W // 2 // BAND)``, a pixel."""
    height, width = image.shape[-2:]
    taper = torch.outer(*(torch.hann_window(side, device=image.device) for side in (height, width)))
    grey = image.float().mean(dim=1)
    grey = (grey - grey.mean(dim=(-2, -1), keepdim=True)) * taper
    power = torch.fft.rfft2(grey).abs().square() / taper.square().sum()
    return F.avg_pool2d(power[:, None, :, : width // 2], BAND)[:, 0]


def _hidden_bands(bands: tuple[int, int], size: tuple[int, int], scale: int) -> Tensor:
    """Which bands lie wholly beyond what an image ``scale`` times smaller can show, as 0 and 1: ``bands``."""
    rows = torch.arange(bands[0]) * BAND
    rows = torch.minimum(rows, size[0] - rows - BAND).clamp(min=0) / size[0]  # the second half are negative ones
    columns = torch.arange(bands[1]) * BAND / size[1]
    return torch.maximum(rows[:, None], columns[None]) >= 0.5 / scale
