"""Black and white as the data has them, for those who ask for that instead of declaring a range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.spec import IntensityRange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["measure_range"]


def measure_range(planes: Iterable[NDArray[Any]]) -> IntensityRange:
    """The least and the greatest finite value of an image, or of all planes of a stack.

    Measure a stack once, and not plane by plane: with a range of its own each plane would be treated differently, and
    the result would flicker. Nothing measures unasked; see `napari_refvae.imageio.pixels` for what holds then.

    Parameters
    ----------
    planes
        Each ``(H, W)`` or ``(H, W, C)`` of numbers, taken one after the other; a fourth channel is alpha and does not
        count.

    Returns
    -------
    IntensityRange
        Of width 1 if all values are the same.

    Raises
    ------
    InvalidInputError
        If no value is finite.
    """
    low, high = np.inf, -np.inf
    for plane in planes:
        colour = plane[..., :3] if plane.ndim == 3 else plane
        finite = colour[np.isfinite(colour)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:
        raise InvalidInputError("expected an image with finite values to measure; got none: declare a range")
    return IntensityRange(low, high if low < high else np.nextafter(low + 1, np.inf))
