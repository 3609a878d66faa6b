"""Where the detail is invention: spread over samples, and an interval that holds the truth as often as it says."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError, InvalidSpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["CALIBRATION", "FEWEST", "TrustMap", "half_width", "trust_map"]

CALIBRATION = 1.0
"""By how much the samples' spread understates the error of their mean; see ``benchmarks/calibration.py``."""

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
    samples: Sequence[NDArray[Any]] | NDArray[Any], coverage: float = 0.9, calibration: float = CALIBRATION
) -> TrustMap:
    """Measure the spread of samples that differ by chance alone.

    Parameters
    ----------
    samples
        At least 3 of one image, ``(N, s*h, s*w[, C])``: draws with different seeds and temperature 1.
    coverage
        Of the interval, strictly between 0 and 1.
    calibration
        Factor on the interval; the package's was measured with its own model.

    Raises
    ------
    InvalidInputError
        If there are fewer samples, or their shapes differ.
    InvalidSpecError
        If the coverage is no such number.
    """
    if not 0 < coverage < 1:
        raise InvalidSpecError(f"coverage must lie strictly between 0 and 1; got {coverage!r}")
    shapes = {sample.shape for sample in samples}
    if len(samples) < FEWEST or len(shapes) != 1:
        raise InvalidInputError(
            f"expected at least {FEWEST} samples of one shape; got {len(samples)} of {sorted(shapes)}"
        )
    mean, spread = _moments(samples)
    half = np.float32(half_width(len(samples), coverage, calibration)) * spread
    return TrustMap(mean, spread, mean - half, mean + half, coverage)


def half_width(count: int, coverage: float, calibration: float = CALIBRATION) -> float:
    """Half the interval in units of the spread of ``count`` samples.

    A normal error's quantile; the mean of few samples is itself uncertain, by sqrt(1 + 1/N).
    """
    return calibration * NormalDist().inv_cdf(0.5 + coverage / 2) * float(np.sqrt(1 + 1 / count))


def _moments(samples: Sequence[NDArray[Any]] | NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation (with N - 1), sample by sample: one array in float64 besides (Welford)."""
    mean, squares = np.zeros(samples[0].shape), np.zeros(samples[0].shape)
    for count, sample in enumerate(samples, start=1):
        difference = sample - mean
        mean += difference / count
        squares += difference * (sample - mean)
    return mean.astype(np.float32), np.sqrt(squares / (len(samples) - 1)).astype(np.float32)
