"""Values as colours: residuals on a diverging scale, spread on a sequential one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Legend",
    "coloured",
    "residual_legend",
    "residual_picture",
    "spread_legend",
    "spread_limit",
    "spread_picture",
]

Anchors = tuple[tuple[int, int, int], ...]

DIVERGING: Anchors = (
    (18, 36, 92),
    (40, 96, 178),
    (136, 184, 224),
    (246, 246, 244),
    (238, 164, 128),
    (196, 56, 44),
    (96, 10, 30),
)
"""Blue for darker, near-white for equal, red for brighter; evenly spaced."""

SEQUENTIAL: Anchors = (
    (0, 0, 4),
    (28, 16, 68),
    (79, 18, 123),
    (129, 37, 129),
    (181, 54, 122),
    (229, 80, 100),
    (251, 135, 97),
    (254, 194, 135),
    (252, 253, 191),
)
"""Nine values of magma (matplotlib, CC0), whose lightness rises evenly."""


@dataclass(frozen=True, slots=True)
class Legend:
    """A bar of colours, and what its low end, its middle and its high end stand for."""

    anchors: Anchors
    labels: tuple[str, str, str]


def residual_picture(residual: NDArray[Any], gain: float = 5.0, span: float = 255.0) -> NDArray[np.uint8]:
    """Differences, enlarged: blue where darker, near-white where equal, red where brighter.

    Parameters
    ----------
    residual
        ``(H, W)`` or ``(H, W, C)``; channels are averaged.
    gain
        Enlargement; the paper's figure 5 has 5. The strongest colours stand for ``span / (2 gain)`` and
        more, so equal gains can be compared between pictures.
    span
        Difference of white and black, in the residual's units.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` uint8.
    """
    return coloured(0.5 + gain * _plane(residual) / span, DIVERGING)


def residual_legend(gain: float = 5.0, span: float = 255.0) -> Legend:
    """What the colours of `residual_picture` mean."""
    limit = f"{span / (2 * gain):.3g}"
    return Legend(DIVERGING, (f"-{limit}", "0", f"+{limit}"))


def spread_picture(spread: NDArray[Any], limit: float) -> NDArray[np.uint8]:
    """How far samples differ: black where not at all, over purple to light yellow at ``limit`` and more.

    Parameters
    ----------
    spread
        ``(H, W)`` or ``(H, W, C)``, not negative; channels are averaged.
    limit
        What the lightest colour stands for, in the spread's units.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` uint8.

    Raises
    ------
    InvalidInputError
        If ``limit`` is not positive.
    """
    if not limit > 0:
        raise InvalidInputError(f"expected a positive limit for the spread's colours; got {limit}")
    return coloured(_plane(spread) / limit, SEQUENTIAL)


def spread_limit(spread: NDArray[Any]) -> float:
    """A round limit for `spread_picture` that all but the strongest 0.5% of the spread keep to."""
    return float(max(1.0, 5 * math.ceil(np.percentile(_plane(spread), 99.5) / 5)))


def spread_legend(limit: float) -> Legend:
    """What the colours of `spread_picture` mean."""
    return Legend(SEQUENTIAL, ("0", f"{limit / 2:.3g}", f"{limit:.3g}"))


def coloured(values: NDArray[np.float64], anchors: Anchors) -> NDArray[np.uint8]:
    """0 becomes the first anchor, 1 the last, with straight lines in RGB between: ``(...)`` to ``(..., 3)``."""
    table = np.array(anchors, np.float64)
    positions = np.linspace(0, 1, len(table))
    channels = [np.interp(values, positions, table[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def _plane(values: NDArray[Any]) -> NDArray[np.float64]:
    plane = np.asarray(values, np.float64)
    if plane.ndim not in (2, 3) or not plane.size:
        raise InvalidInputError(f"expected a map of shape (H, W) or (H, W, C); got {plane.shape}")
    return plane if plane.ndim == 2 else plane.mean(axis=2)
