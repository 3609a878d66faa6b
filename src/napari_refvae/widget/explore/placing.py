"""Pixels of any size as a layer over an image: where the image lies, shown as the image is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from napari.utils.transforms import Affine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.widget.results.geometry import Geometry
    from napari_refvae.widget.results.layers import InputImage

__all__ = ["layer_over"]


def layer_over(origin: InputImage, pixels: NDArray[Any], name: str, **keywords: Any) -> Image:
    """A layer that covers exactly the image's part of the world; of a stack it lies at the image's plane.

    Parameters
    ----------
    origin
        The image; a whole plane.
    pixels
        ``(H, W)`` or ``(H, W, C)`` of any size.
    name, keywords
        Of the layer.
    """
    geometry = _resampled(origin.geometry, origin.pixels.shape, pixels.shape)
    placed = geometry.as_keywords() if origin.stack is None else origin.stack.around(geometry)
    lifted = pixels if origin.stack is None else origin.stack.lifted(pixels)
    return Image(lifted, name=name, **origin.look | {"rgb": pixels.ndim == 3} | placed | keywords)


def _resampled(geometry: Geometry, before: tuple[int, ...], now: tuple[int, ...]) -> Geometry:
    """The geometry of the same field of view on a grid of another size; pixel centres move."""
    factors = np.array(now[:2]) / np.array(before[:2])
    linear = Affine(scale=geometry.scale, rotate=geometry.rotate, shear=geometry.shear).linear_matrix
    shift = linear @ ((1 / factors - 1) / 2)
    return replace(geometry, scale=geometry.scale / factors, translate=geometry.translate + shift)
