"""Maps over a run's samples: what each adds to an image, and where they differ. numpy only, a band of rows at a time.

Samples may fill gigabytes; whole-image intermediates in float64 would be many times as large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_refvae.errors import InvalidInputError, InvalidSpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_refvae.engine.result import SuperResolutionResult

    Baseline = Literal["bicubic", "mean", "truth"]

__all__ = ["FinishedMap", "MapSpec", "baseline", "finished_maps", "residual_map", "spread_map"]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601 weights: a map of a colour image shows its luma."""

BAND = 256  # rows


@dataclass(frozen=True, slots=True)
class MapSpec:
    """Which maps a run adds to the viewer.

    Attributes
    ----------
    against
        What residual maps subtract from a sample: the ``bicubic`` up-sampling, the ``mean`` of the samples, or the
        ground ``truth``; None for no residual maps.
    gain
        A residual of ``1/(2 gain)`` of the intensity range has the strongest colour; the paper's figures have 5.
    spread
        Whether to add the map of the standard deviation over the samples.
    """

    against: Baseline | None = "bicubic"
    gain: float = 5.0
    spread: bool = True

    def __post_init__(self) -> None:
        if self.against not in ("bicubic", "mean", "truth", None):
            raise InvalidSpecError(f"residuals are against 'bicubic', 'mean', 'truth' or None; got {self.against!r}")
        if not self.gain > 0:
            raise InvalidSpecError(f"the gain of residual maps must be positive; got {self.gain!r}")

    def held_bytes(self, size: tuple[int, int], samples: int) -> int:
        """Bytes that the maps of so many samples of a size hold, as float32 layers."""
        count = (samples if self.against is not None else 0) + (self.spread and samples > 1)
        return count * size[0] * size[1] * np.dtype(np.float32).itemsize

    def check_truth(self, given: bool) -> None:
        """Refuse residuals against a ground truth that is not given: before a run, which may take minutes.

        Raises
        ------
        InvalidInputError
            If they are to be against it.
        """
        if self.against == "truth" and not given:
            raise InvalidInputError(
                "expected a ground truth to take residuals against; got none: choose its layer, or 'bicubic'"
            )


@dataclass(frozen=True, slots=True, eq=False)
class FinishedMap:
    """A map of a run, ready to be shown.

    Attributes
    ----------
    kind
        ``residual`` of a sample, or ``spread`` over all.
    values
        ``(H, W)``, in stored units.
    index
        The sample's, or None.
    """

    kind: Literal["residual", "spread"]
    values: NDArray[np.float32]
    index: int | None = None


def finished_maps(
    result: SuperResolutionResult, spec: MapSpec, truth: NDArray[Any] | None = None
) -> Iterator[FinishedMap]:
    """All maps of a run, one by one; none of the spread over a single sample.

    Raises
    ------
    InvalidInputError
        If residuals are to be against the ground truth, and there is none.
    """
    if spec.against is not None:
        base = baseline(result, spec.against, truth)
        for index, sample in enumerate(result.sr):
            yield FinishedMap("residual", residual_map(sample, base), index)
    if spec.spread and len(result) > 1:
        yield FinishedMap("spread", spread_map(result.sr))


def baseline(result: SuperResolutionResult, against: Baseline, truth: NDArray[Any] | None = None) -> NDArray[Any]:
    """The image that residual maps subtract: ``(H, W)`` or ``(H, W, C)``, in stored units.

    Raises
    ------
    InvalidInputError
        If it is to be the ground truth, and there is none.
    """
    MapSpec(against).check_truth(truth is not None)
    if against == "bicubic":
        return result.bicubic
    if against == "mean":
        return _banded(result.sr, lambda band: band.mean(axis=0, dtype=np.float32))
    assert truth is not None  # as checked
    return truth


def residual_map(sample: NDArray[Any], base: NDArray[Any]) -> NDArray[np.float32]:
    """Sample minus baseline, in stored units: ``(H, W)`` float32; of colours the luma, without alpha.

    Raises
    ------
    InvalidInputError
        If the shapes differ.
    """
    if sample.shape != base.shape:
        raise InvalidInputError(f"expected an image of shape {sample.shape} to subtract; got {base.shape}")
    both = np.empty(sample.shape[:2], np.float32)
    for rows in _bands(len(sample)):
        both[rows] = _plane(sample[rows].astype(np.float32) - base[rows].astype(np.float32))
    return both


def spread_map(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Standard deviation over the samples, in stored units: ``(N, H, W[, C])`` to ``(H, W)`` float32.

    Of colours the mean over channels, without alpha, as in the package's figures.
    """

    def spread(band: NDArray[Any]) -> NDArray[np.float32]:
        colours = band[..., :3] if band.ndim == 4 else band
        deviation = colours.std(axis=0, dtype=np.float32)
        return deviation.mean(axis=2) if deviation.ndim == 3 else deviation

    return _banded(samples, spread)


def _banded(samples: NDArray[Any], reduce: Any) -> NDArray[np.float32]:
    """Reduce ``(N, H, ...)`` over its samples, rows by rows."""
    return np.concatenate([reduce(samples[:, rows]) for rows in _bands(samples.shape[1])])


def _bands(height: int) -> Iterator[slice]:
    return (slice(start, start + BAND) for start in range(0, height, BAND))


def _plane(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    return difference if difference.ndim == 2 else difference[..., :3] @ LUMA
