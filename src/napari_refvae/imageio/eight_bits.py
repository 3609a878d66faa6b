"""Images as training and evaluation take them: RGB of 8 bits, whatever they are stored as.

Where nobody can declare a range, as for a folder of files, those of more than 8 bits are used from their darkest to
their brightest value: in the range of their dtype, a micrograph of 12 bits would have 17 grey levels left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.imageio.measuring import measure_range
from napari_refvae.imageio.pixels import as_reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.spec import IntensityRange

__all__ = ["as_8_bit", "deep_range"]


def deep_range(stored: NDArray[Any]) -> IntensityRange | None:
    """The darkest and the brightest value of an image of more than 8 bits; None for others, used as they are.

    Raises
    ------
    InvalidInputError
        If no value is finite.
    """
    return measure_range([stored]) if stored.dtype.itemsize > 1 else None


def as_8_bit(stored: NDArray[Any], intensity_range: IntensityRange | None = None) -> NDArray[np.uint8]:
    """``(H, W, 3)`` uint8 of an image of any kind, between the values that mean black and white.

    By default those are the dtype's own.

    Raises
    ------
    InvalidInputError
        As `napari_refvae.imageio.pixels.as_reference`.
    """
    if intensity_range is None and stored.dtype == np.uint8 and stored.shape[2:] == (3,):
        return stored
    return np.rint(as_reference(stored, intensity_range) * 255).astype(np.uint8)
