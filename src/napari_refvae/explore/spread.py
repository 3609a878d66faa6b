"""A spread worth looking at: of many draws, the few that differ most, and how many each of them stands for.

Two draws are far apart if their structure or their texture differs. Structure: luma, averaged over blocks of 4 x 4
pixels, so that it counts where an edge lies. Texture: the logarithm of the mean gradient magnitude in every cell of
8 x 8 pixels, at full, half and quarter resolution, so that it counts how rough a place is and not where each grain
lies. Both weigh the same over all pairs of draws. No weights are needed, so nothing is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore.recipes import Draw
from napari_refvae.imageio.missing import fill_missing
from napari_refvae.imageio.pixels import normalize
from napari_refvae.regions import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from numpy.typing import NDArray

    from napari_refvae.explore.session import Session
    from napari_refvae.spec import IntensityRange

__all__ = ["Pick", "busiest_region", "distances", "farthest", "pick_spread", "spread_steps"]

BLOCK = 4
CELL = 8
OCTAVES = 3
DARK = 1e-3
"""Added to gradients of a range of 1 before the logarithm: below it, a cell is flat."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
PROBE = 24
"""LR pixels a side of what is drawn many times."""

CONTEXT = 6
"""LR pixels around it that are looked at."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One of the draws that differ most.

    Attributes
    ----------
    recipe
        What makes it; decode it to see all of it.
    share
        Of all draws, the part that is nearer to this one than to any other pick; all shares sum to 1.
    distance
        To the nearest pick before it, in units of the mean distance of two draws; infinite for the first.
    """

    recipe: Draw
    share: float
    distance: float


def pick_spread(
    session: Session,
    draw: Draw | None = None,
    *,
    count: int = 64,
    picks: int = 6,
    region: Region | None = None,
    on_draw: Callable[[int], None] | None = None,
) -> list[Pick]:
    """Draw many, and pick the few that differ most.

    Only a small region is drawn that often, with little context, since it is the differences that matter.

    Parameters
    ----------
    session
        Where to draw.
    draw
        The blend and settings; draw n of the many has seed ``draw.seed + n``.
    count
        How many to draw, at least as many as picks.
    picks
        How many to pick, at least 1.
    region
        What to draw of the image; by default the busiest square of 24 LR pixels a side.
    on_draw
        Called after each draw with its number, from 1; it may raise to stop.

    Returns
    -------
    list[Pick]
        First the most typical draw, then each time the one that is farthest from all picked before.

    Raises
    ------
    InvalidSpecError
        If the numbers make no sense.
    """
    run = spread_steps(session, draw, count=count, picks=picks, region=region)
    while True:
        try:
            number = next(run)
        except StopIteration as stop:
            picked: list[Pick] = stop.value
            return picked
        if on_draw is not None:
            on_draw(number)


def spread_steps(
    session: Session, draw: Draw | None = None, *, count: int = 64, picks: int = 6, region: Region | None = None
) -> Generator[int, None, list[Pick]]:
    """Like `pick_spread`, as a generator: yields the number of each draw, and may be closed there."""
    if not 1 <= picks <= count:
        raise InvalidSpecError(f"expected at least as many draws as picks, and a pick; got {count} and {picks}")
    base = draw or Draw()
    recipes = [base.with_draw(seed=base.seed + number) for number in range(count)]
    seen = region or busiest_region(session.rgb @ LUMA, PROBE)
    samples = []
    for number, recipe in enumerate(recipes, start=1):
        samples.append(session.decode(recipe, seen, context=CONTEXT).sr)
        yield number
    return _picked(recipes, distances(samples, session.intensity_range), picks)


def _picked(recipes: Sequence[Draw], between: NDArray[np.float64], picks: int) -> list[Pick]:
    """The draws that differ most, by the distances of all."""
    count = len(recipes)
    chosen = farthest(between, picks)
    nearest = between[:, chosen].argmin(axis=1)
    typical = between.sum() / max(1, count * (count - 1)) or 1.0
    return [
        Pick(
            recipes[index],
            float(np.mean(nearest == place)),
            float(between[index, chosen[:place]].min() / typical) if place else np.inf,
        )
        for place, index in enumerate(chosen)
    ]


def farthest(between: NDArray[np.floating[Any]], picks: int) -> list[int]:
    """Farthest-point selection (Gonzalez, 1985) from ``(N, N)`` distances, beginning with the medoid.

    Of all choices of that many, none covers the rest with less than half the radius of this one.
    """
    chosen = [int(between.sum(axis=1).argmin())]
    reached = between[chosen[0]].copy()
    for _ in range(picks - 1):
        reached[chosen] = -1  # equal draws are picked too, but each once
        chosen.append(int(reached.argmax()))
        reached = np.minimum(reached, between[chosen[-1]])
    return chosen


def distances(samples: Sequence[NDArray[Any]], intensity_range: IntensityRange | None = None) -> NDArray[np.float64]:
    """Perceptual distances between samples of one size, ``(N, N)``; see the module."""
    lumas = [_luma(sample, intensity_range) for sample in samples]
    structure = np.stack([_averaged(luma, BLOCK).ravel() for luma in lumas])
    texture = np.stack([np.concatenate(_roughness(luma)) for luma in lumas])
    squared = sum(_squared_distances(features) for features in (structure, texture))
    return np.sqrt(squared)


def busiest_region(luma: NDArray[np.float32], side: int) -> Region:
    """The square of at most ``side`` pixels where neighbours of ``(h, w)`` differ most."""
    height, width = (min(side, length) for length in luma.shape)
    activity = np.zeros(luma.shape)
    activity[1:] += np.abs(np.diff(luma, axis=0))
    activity[:, 1:] += np.abs(np.diff(luma, axis=1))
    summed = np.pad(activity.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    boxes = summed[height:, width:] - summed[:-height, width:] - summed[height:, :-width] + summed[:-height, :-width]
    y, x = np.unravel_index(boxes.argmax(), boxes.shape)
    return Region(int(y), int(x), height, width)


def _luma(sample: NDArray[Any], intensity_range: IntensityRange | None) -> NDArray[np.float32]:
    return np.asarray(normalize(fill_missing(sample)[0], intensity_range).rgb @ LUMA)


def _roughness(luma: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Log gradient magnitude a cell, octave by octave."""
    found = []
    for octave in range(OCTAVES):
        across = np.abs(np.diff(luma, axis=0, append=luma[-1:])) + np.abs(np.diff(luma, axis=1, append=luma[:, -1:]))
        found.append(np.log(_averaged(across, max(1, CELL >> octave)) + DARK).ravel())
        luma = _averaged(luma, 2)
    return found


def _averaged(plane: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """Means over blocks; what is left at the end is left out."""
    height, width = (max(1, length // block) for length in plane.shape)
    tall, wide = min(block, plane.shape[0]), min(block, plane.shape[1])
    cut = plane[: height * tall, : width * wide].reshape(height, tall, width, wide)
    return np.asarray(cut.mean(axis=(1, 3)))


def _squared_distances(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of all pairs of rows, divided by the mean over all pairs of different rows."""
    centred = (features - features.mean(axis=0)).astype(np.float64)
    norms = (centred**2).sum(axis=1)
    squared = np.maximum(norms[:, None] + norms[None] - 2 * centred @ centred.T, 0)
    np.fill_diagonal(squared, 0)
    mean = squared.sum() / max(1, len(features) * (len(features) - 1))
    return np.asarray(squared / mean) if mean > 0 else squared
