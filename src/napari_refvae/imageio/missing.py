"""NaN and infinity in an image: filled for the network, and put back into what it makes.

A network spreads one NaN over all that it can see. So such values are filled from their neighbourhood
before a run; afterwards each returns, as it was, over the whole block of result pixels that its input pixel
covers. Values are masked one by one: a NaN in the red of a pixel leaves its green alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.regions import Region

__all__ = ["Missing", "fill_missing", "fill_part"]


@dataclass(frozen=True, slots=True, eq=False)
class Missing:
    """The NaN and infinite values of an image.

    Attributes
    ----------
    shape
        Of the image: ``(H, W)`` or ``(H, W, C)``.
    index
        Where they are: an array of rows, one of columns and, with channels, one of those, each n long.
    values
        What they are, n long, in the image's dtype.
    """

    shape: tuple[int, ...]
    index: tuple[NDArray[np.intp], ...]
    values: NDArray[Any]

    @property
    def count(self) -> int:
        """How many."""
        return len(self.values)

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        total = int(np.prod(self.shape))
        return (
            f"{self.count} of {total} values of the image are NaN or infinite: they were filled from their "
            "neighbours for the network and are kept as they are in the result"
        )

    @property
    def record(self) -> dict[str, int]:
        """How many are NaN, and how many infinite: for a run's provenance, as JSON."""
        nan = int(np.count_nonzero(np.isnan(self.values)))
        return {"nan": nan, "infinite": self.count - nan}

    def within(self, region: Region) -> Missing:
        """Those inside a region, which may hold none; rows and columns are counted from its corner."""
        rows, columns = self.index[0] - region.y, self.index[1] - region.x
        inside = (rows >= 0) & (rows < region.height) & (columns >= 0) & (columns < region.width)
        index = tuple(axis[inside] for axis in (rows, columns, *self.index[2:]))
        return Missing((region.height, region.width, *self.shape[2:]), index, self.values[inside])

    def put_back(self, result: NDArray[Any]) -> None:
        """Write the values over the blocks that their pixels cover in a result, in place.

        Parameters
        ----------
        result
            ``(..., s*H, s*W)`` or ``(..., s*H, s*W, C)`` of floats for a whole s: an image, or several.

        Raises
        ------
        InvalidInputError
            If it is no such enlargement of the image.
        """
        scale = self._scale(result.shape)
        rows, columns, *channels = self.index
        for y in range(scale):
            for x in range(scale):
                index: tuple[Any, ...] = (..., rows * scale + y, columns * scale + x, *channels)
                result[index] = self.values

    def _scale(self, shape: tuple[int, ...]) -> int:
        found = shape[-len(self.shape) :]
        scale = found[0] // self.shape[0]
        if scale < 1 or found != (scale * self.shape[0], scale * self.shape[1], *self.shape[2:]):
            raise InvalidInputError(f"expected a whole enlargement of an image of shape {self.shape}; got {shape}")
        return scale


def fill_missing(array: NDArray[Any]) -> tuple[NDArray[Any], Missing | None]:
    """Fill NaN and infinite values from their neighbourhood.

    Each takes the mean of the finite values of its channel in the smallest aligned block (2, 4, 8, ... pixels
    wide) that holds any: never beyond the least and the greatest of them.

    Parameters
    ----------
    array
        ``(H, W)`` or ``(H, W, C)``. Not changed.

    Returns
    -------
    filled
        Of the same shape and dtype; the array itself if nothing is missing.
    missing
        What was filled, or None.

    Raises
    ------
    InvalidInputError
        If a channel holds no finite value at all.
    """
    if array.dtype.kind != "f" or array.ndim not in (2, 3) or not array.size:
        return array, None
    known = np.isfinite(array)
    if known.all():
        return array, None
    planes, known_planes = (item.reshape(*array.shape[:2], -1) for item in (array, known))
    if not known_planes.any(axis=(0, 1)).all():
        raise InvalidInputError(
            "expected finite values in every channel of the image; got a channel of only NaN or infinite values: "
            "check how the image was made, or drop the channel"
        )
    least, greatest = array.min(where=known, initial=np.inf), array.max(where=known, initial=-np.inf)
    filled = _filled(np.where(known_planes, planes, 0).astype(np.float64), known_planes)
    return np.clip(filled, least, greatest).astype(array.dtype).reshape(array.shape), _missing(array, known)


def fill_part(array: NDArray[Any]) -> tuple[NDArray[Any], Missing | None]:
    """As `fill_missing`, of a part of an image, whose channels may hold no finite value.

    Such a channel takes the middle of the others' values; nothing of it is seen in the result.
    """
    if array.dtype.kind != "f" or array.ndim not in (2, 3) or not array.size:
        return array, None
    known = np.isfinite(array)
    empty = ~known.any(axis=(0, 1))
    if not empty.any():
        return fill_missing(array)
    low, high = (float(of(array[known])) if known.any() else 0.0 for of in (np.min, np.max))
    seeded = array.copy()
    seeded[0, 0] = np.where(empty, low + (high - low) / 2, seeded[0, 0])
    return fill_missing(seeded)[0], _missing(array, known)


def _missing(array: NDArray[Any], known: NDArray[np.bool_]) -> Missing:
    index = np.nonzero(~known)
    return Missing(array.shape, index, array[index].astype(array.dtype.newbyteorder("=")))


def _filled(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill ``(H, W, C)`` where nothing is known, from an image of half the size that is filled the same way."""
    if known.all():
        return values
    coarse = _filled(*_halved(values, known))
    return np.where(known, values, coarse.repeat(2, axis=0).repeat(2, axis=1)[: len(values), : values.shape[1]])


def _halved(values: NDArray[np.float64], known: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Means of the known values of 2 x 2 blocks, and where there are any."""
    height, width, channels = values.shape
    even = ((0, height % 2), (0, width % 2), (0, 0))
    blocks = (height + 1) // 2, 2, (width + 1) // 2, 2, channels
    weights = np.pad(known, even).reshape(blocks).astype(np.float64)
    total = weights.sum(axis=(1, 3), keepdims=True)
    weights /= np.maximum(total, 1)  # first, so that sums of huge values stay finite
    means = (np.pad(values, even).reshape(blocks) * weights).sum(axis=(1, 3))
    return means, total[:, 0, :, 0] > 0
