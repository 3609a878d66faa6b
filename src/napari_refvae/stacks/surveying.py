"""What has to be known of a whole stack before its parts are made: read in bands, so that no plane has to fit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.pixels import normalize
from napari_refvae.regions import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_refvae.imageio.arrays import ArraySource
    from napari_refvae.spec import IntensityRange

__all__ = ["PlaneSurvey", "Survey", "read_bands", "survey_stack"]

BAND_PIXELS = 2**24
"""Read at a time; at least one row."""

BAND_ROWS = 1024
"""At most: a chunk of most zarr files."""


@dataclass(frozen=True, slots=True)
class PlaneSurvey:
    """What one plane of floats holds; integers need no survey.

    Attributes
    ----------
    low, high
        Least and greatest finite value, without alpha; ``low > high`` if there is none.
    missing
        How many values are NaN or infinite.
    empty
        Whether a channel holds no finite value at all.
    """

    low: float
    high: float
    missing: int = 0
    empty: bool = False

    def bounds(self, dtype: np.dtype[Any], declared: IntensityRange | None) -> tuple[float, float]:
        """What results of the plane may hold, normalised, as if it were one image; see `normalize`.

        Raises
        ------
        InvalidInputError
            If it holds values outside 0..1 and no range is declared, or a channel without finite values.
        """
        if self.empty:
            raise InvalidInputError(
                "expected finite values in every channel of the image; got a channel of only NaN or infinite values: "
                "check how the image was made, or drop the channel"
            )
        return normalize(np.array([[self.low, self.high]], dtype), declared).bounds


@dataclass(frozen=True, slots=True)
class Survey:
    """What a stack holds.

    Attributes
    ----------
    sha256
        Over the hashes of the planes, each of which is that of `napari_refvae.provenance.pixel_hash`.
    planes
        Of each plane, in order; empty for integers.
    """

    sha256: str
    planes: tuple[PlaneSurvey, ...] = ()

    @property
    def missing(self) -> int:
        """How many values are NaN or infinite."""
        return sum(plane.missing for plane in self.planes)


def survey_stack(source: ArraySource) -> Survey:
    """Read a stack once, in bands of rows."""
    layout, found = source.layout, []
    digest = hashlib.sha256(f"{layout.names}{layout.shape}".encode())
    for index in layout.planes():
        sha256, plane = _survey_plane(source, index)
        digest.update(sha256.encode())
        found.append(plane)
    return Survey(digest.hexdigest(), tuple(found) if source.dtype.kind == "f" else ())


def read_bands(source: ArraySource) -> Iterator[NDArray[Any]]:
    """The rows of all planes, a few at a time."""
    for index in source.layout.planes():
        yield from _bands(source, index)


def _survey_plane(source: ArraySource, index: tuple[int, ...]) -> tuple[str, PlaneSurvey]:
    little = source.dtype.newbyteorder("<")
    colours = (source.layout.axis(source.layout.colour).length,) if source.layout.colour else ()
    digest = hashlib.sha256(f"{(*source.layout.size, *colours)}{little.str}".encode())
    low, high, missing, seen = np.inf, -np.inf, 0, np.zeros(colours or (1,), bool)
    for band in _bands(source, index):
        digest.update(np.ascontiguousarray(band, little).tobytes())
        if band.dtype.kind == "f":
            known = np.isfinite(band)
            missing += int(np.count_nonzero(~known))
            seen |= known.reshape(-1, len(seen)).any(axis=0)
            colour, inside = (part[..., :3] if colours else part for part in (band, known))
            low = min(low, float(colour.min(where=inside, initial=np.inf)))
            high = max(high, float(colour.max(where=inside, initial=-np.inf)))
    return digest.hexdigest(), PlaneSurvey(low, high, missing, not seen.all())


def _bands(source: ArraySource, index: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    height, width = source.layout.size
    rows = max(1, min(BAND_ROWS, BAND_PIXELS // width))
    for top in range(0, height, rows):
        yield source.read(index, Region(top, 0, min(rows, height - top), width))
