"""Small pictures of samples, for a history."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from napari_refvae.explore.scales import resized
from napari_refvae.imageio.missing import fill_missing
from napari_refvae.imageio.pixels import as_reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.spec import IntensityRange

__all__ = ["thumbnail"]


def thumbnail(image: NDArray[Any], side: int = 96, intensity_range: IntensityRange | None = None) -> bytes:
    """A PNG of 8 bits a channel.

    Parameters
    ----------
    image
        A sample of any kind and dtype.
    side
        Of the longer side, in pixels; smaller samples stay as they are.
    intensity_range
        The session's, if it was declared one.
    """
    filled = fill_missing(image)[0]
    height, width = filled.shape[:2]
    factor = min(1.0, side / max(height, width))
    small = resized(filled, (max(1, round(factor * height)), max(1, round(factor * width))), intensity_range)
    pixels = np.rint(255 * as_reference(small, intensity_range)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()
