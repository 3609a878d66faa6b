"""Gaussian blur of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["gaussian_blur"]


def gaussian_blur(image: Tensor, sigma: Tensor, radius: int, border: str = "reflect") -> Tensor:
    """Blur each image by its own Gaussian, all at once.

    Parameters
    ----------
    image
        ``(B, C, H, W)``, floating point.
    sigma
        ``(B,)`` standard deviations in pixels, above 0.
    radius
        Pixels from the middle at which every kernel ends; below ``H`` and ``W`` for the border ``reflect``.
    border
        How the image goes on beyond its border, in torch's words: ``reflect`` or ``replicate``.
    """
    count, channels, height, width = image.shape
    place = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    taps = torch.exp(-0.5 * (place / sigma[:, None]) ** 2)
    taps = (taps / taps.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)[:, None]  # (B * C, 1, taps)
    padded = F.pad(image, (radius,) * 4, mode=border)
    planes = padded.reshape(1, count * channels, height + 2 * radius, width + 2 * radius)
    rows = F.conv2d(planes, taps[..., None], groups=count * channels)
    return F.conv2d(rows, taps[:, :, None], groups=count * channels).reshape(image.shape)
