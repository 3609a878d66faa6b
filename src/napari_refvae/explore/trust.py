"""Where the detail is invention: spread over samples, and an interval that holds the truth as often as it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError, InvalidSpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_refvae.spec import IntensityRange

__all__ = [
    "CALIBRATED_MODEL",
    "CALIBRATION",
    "FEWEST",
    "Calibration",
    "TrustMap",
    "half_width",
    "least_spread",
    "trust_map",
]

Calibration = tuple[tuple[float, float], ...]

CALIBRATION: Calibration = (
    (0.5, 2.65),
    (0.6, 3.32),
    (0.7, 4.29),
    (0.8, 6.01),
    (0.9, 9.17),
    (0.95, 13.04),
    (0.99, 25.1),
)
"""Which part of all values errs by less than so many spreads of 8 samples, on photographs that `compact` never saw.

Of draws at temperature and vividness 1: with less of either the interval is too narrow. More samples make it a little
wider than it needs to be, fewer too narrow (3 samples: by 90 % it holds some 83 %). Measured by
``benchmarks/calibration.py``, which prints it anew. A table and no factor on a normal distribution: errors have far
heavier tails, since what a network does not know to be possible it does not draw either.
"""

CALIBRATED_MODEL = "compact"
"""The model that it was measured with; for another one, measure its own."""

LEVELS = 255
"""Of the stored values that it was measured on."""

FEWEST = 3
"""Samples below which a standard deviation says too little."""


@dataclass(frozen=True, slots=True, eq=False)
class TrustMap:
    """What several samples say together; float32, in stored units, each of a sample's shape.

    Attributes
    ----------
    mean
        Of the samples.
    spread
        Standard deviation over the samples: the larger, the more of the detail is invention.
    low, high
        Between which the truth lies with a probability of ``coverage`` a value, as measured on photographs.
    coverage
        That probability.
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    coverage: float


def trust_map(
    samples: Sequence[NDArray[Any]] | NDArray[Any],
    coverage: float = 0.9,
    calibration: Calibration = CALIBRATION,
    intensity_range: IntensityRange | None = None,
) -> TrustMap:
    """Measure the spread of samples that differ by chance alone.

    Parameters
    ----------
    samples
        At least 3 of one image, ``(N, s*h, s*w[, C])``: draws with different seeds, temperature 1 and vividness 1.
        Where they hold NaN or infinite values, mean and interval do, too, and the spread is NaN.
    coverage
        Of the interval; within what the calibration covers.
    calibration
        Pairs of a coverage and half the interval in spreads, both rising; the package's was measured with its own
        model.
    intensity_range
        The session's, if it was declared one; otherwise black is 0 and white the dtype's maximum, 1 for floats.

    Raises
    ------
    InvalidInputError
        If there are fewer samples, or their shapes differ.
    InvalidSpecError
        If the coverage is not calibrated.
    """
    shapes = {sample.shape for sample in samples}
    if len(samples) < FEWEST or len(shapes) != 1:
        raise InvalidInputError(
            f"expected at least {FEWEST} samples of one shape; got {len(samples)} of {sorted(shapes)}"
        )
    mean, spread = _moments(samples)
    half = np.float32(half_width(coverage, calibration)) * np.maximum(
        spread, least_spread(samples[0].dtype, intensity_range)
    )
    half[np.isnan(half)] = 0
    return TrustMap(mean, spread, mean - half, mean + half, coverage)


def half_width(coverage: float, calibration: Calibration = CALIBRATION) -> float:
    """Half the interval in spreads, between those that were measured linearly.

    Raises
    ------
    InvalidSpecError
        If the coverage lies outside them.
    """
    covered, widths = zip(*calibration, strict=True)
    if not covered[0] <= coverage <= covered[-1]:
        raise InvalidSpecError(f"coverage must be calibrated: from {covered[0]:g} to {covered[-1]:g}; got {coverage!r}")
    return float(np.interp(coverage, covered, widths))


def least_spread(dtype: np.dtype[Any], intensity_range: IntensityRange | None = None) -> np.float32:
    """What rounding to the calibration's 8 bits alone spreads values by: no interval is narrower than that.

    Of any dtype in proportion to its range, so that an image and its copy with more bits are trusted alike.
    """
    if intensity_range is not None:
        span = intensity_range.span
    else:
        span = float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 1.0
    return np.float32(12**-0.5 * span / LEVELS)


def _moments(samples: Sequence[NDArray[Any]] | NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation (with N - 1), sample by sample: one array in float64 besides (Welford)."""
    mean, squares = np.zeros(samples[0].shape), np.zeros(samples[0].shape)
    with np.errstate(invalid="ignore"):
        for count, sample in enumerate(samples, start=1):
            difference = sample - mean
            mean += difference / count
            squares += difference * (sample - mean)
        holes = ~np.isfinite(mean)
        mean[holes] = sum(
            sample[holes] for sample in samples
        )  # the common value, as infinity plus infinity is infinity
    return mean.astype(np.float32), np.sqrt(squares / (len(samples) - 1)).astype(np.float32)
