"""The last step: planes to stored values, and what those values mean when they are read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.imageio.pixels import denormalize, normalize

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.spec import NormalizedImage, PixelFormat

__all__ = ["store_planes"]

NARROW = frozenset(("uint8", "uint16", "int8", "int16"))
"""Dtypes whose values float32 holds exactly: rounded to them, planes need no second reading."""

LEVELS_BAND, BAND = 32, 256
"""Rows that are stored at a time, of narrow dtypes and of all others."""


def store_planes(planes: Tensor, alpha: Tensor | None, image: NormalizedImage) -> NDArray[Any]:
    """Round planes to the input's dtype and kind.

    Parameters
    ----------
    planes
        ``(3, H, W)`` float32, normalised; premultiplied if there is alpha. Overwritten by what is read again.
    alpha
        ``(H, W)``, or None.
    image
        Whose format it is.

    Returns
    -------
    NDArray
        ``(H, W[, C])`` as `napari_refvae.imageio.pixels.denormalize` makes it; the planes are then what
        `napari_refvae.imageio.pixels.normalize` reads of that.
    """
    if alpha is None and image.pixels.dtype in NARROW:
        return _store_levels(planes, image.pixels)
    return _store_bands(planes, alpha, image)


def _store_levels(planes: Tensor, pixels: PixelFormat) -> NDArray[Any]:
    """In place of several float64 copies, one of a few rows at a time, which stays in the processor's cache.

    On the CPU wherever the planes are: some devices (MPS) have no float64.
    """
    grey = pixels.kind == "grey"
    stored = np.empty((*planes.shape[1:], 1 if grey else 3), pixels.dtype)
    for top in range(0, planes.shape[1], LEVELS_BAND):
        band = slice(top, top + LEVELS_BAND)
        levels = planes[:, band].cpu().to(torch.float64)
        levels = _round_levels(levels.mean(dim=0, keepdim=True) if grey else levels, pixels)
        for channel, plane in enumerate(levels.numpy()):
            stored[band, :, channel] = plane
        planes[:, band] = levels.sub_(pixels.range.low).div_(pixels.range.span).to(torch.float32)
    return stored.reshape(*planes.shape[1:], *pixels.tail)


def _round_levels(planes: Tensor, pixels: PixelFormat) -> Tensor:
    """Normalised values in stored units, rounded and clipped; in place."""
    limits = np.iinfo(pixels.dtype)
    return planes.mul_(pixels.range.span).add_(pixels.range.low).round_().clamp_(int(limits.min), int(limits.max))


def _store_bands(planes: Tensor, alpha: Tensor | None, image: NormalizedImage) -> NDArray[Any]:
    pixels, height = image.pixels, planes.shape[1]
    stored = np.empty((*planes.shape[1:], *pixels.tail), pixels.dtype)
    for top in range(0, height, BAND):
        band = slice(top, top + BAND)
        opacity = None if alpha is None else alpha[band].cpu().numpy()
        stored[band] = denormalize(image_from_tensor(planes[:, band]), opacity, pixels, image.bounds)
        planes[:, band] = image_to_tensor(normalize(stored[band], pixels.range).rgb, planes.device)[0]
    return stored
