"""Regions with soft borders, on the input's pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["grown", "reach", "softened"]

TRUNCATED = 3.0
"""Standard deviations at which a border's Gaussian ends, so that beyond it not one bit changes."""


def reach(softness: float) -> int:
    """LR pixels by which a border of that softness spreads to both sides."""
    return int(TRUNCATED * softness + 0.5)


def softened(mask: NDArray[np.bool_], softness: float) -> NDArray[np.float32]:
    """Smooth a mask by a Gaussian, to 0..1.

    It is linear, so masks that cover every pixel once sum to 1 everywhere; and it is exactly 0 or 1 wherever the mask
    is constant within `reach`.
    """
    width = reach(softness)
    weights = mask.astype(np.float64)
    if width:
        taps = np.exp(-0.5 * (np.arange(-width, width + 1) / softness) ** 2)
        taps /= taps.sum()
        for axis in (0, 1):
            weights = _convolved(weights, taps, axis)
    return np.clip(weights, 0, 1).astype(np.float32)


def grown(mask: NDArray[np.bool_], distance: int) -> NDArray[np.bool_]:
    """A mask and all pixels within a square ``distance`` of it."""
    ones = np.ones(2 * distance + 1)
    return np.asarray(_convolved(_convolved(mask.astype(np.float64), ones, 0), ones, 1) > 0.5)


def _convolved(values: NDArray[np.float64], taps: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Along one axis; the border's values go on beyond it."""
    width, length = len(taps) // 2, values.shape[axis]
    ends: list[tuple[int, int]] = [(0, 0), (0, 0)]
    ends[axis] = (width, width)
    padded = np.pad(values, ends, mode="edge")
    total = np.zeros_like(values)
    for start, tap in enumerate(taps):
        total += tap * padded.take(np.arange(start, start + length), axis)
    return total
