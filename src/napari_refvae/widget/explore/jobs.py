"""Work that takes longer than a frame, as generators for a worker: progress, results one by one, and an end.

Each takes the desk for one sample at a time, so that previews come in between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.explore.trust import CALIBRATION, trust_map
from napari_refvae.widget.form.estimates import progress_text

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from numpy.typing import NDArray

    from napari_refvae.explore.recipes import Draw, Recipe
    from napari_refvae.explore.sample import Sample
    from napari_refvae.explore.spread import Pick
    from napari_refvae.explore.suggest import Suggestion
    from napari_refvae.inputs import ReferenceLike
    from napari_refvae.spec import Progress
    from napari_refvae.widget.explore.desk import Desk
    from napari_refvae.widget.explore.subject import Subject

    Steps = Generator["Advance | Sample", None, Any]

__all__ = ["Advance", "Trust", "make_samples", "make_sized", "measure_trust", "pick_samples", "rank_references"]


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a job is, from 0 to 1, and what it does."""

    done: float
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """What several draws say together, in stored units, ``(H, W)`` float32 each; of colours the mean over channels.

    Attributes
    ----------
    spread
        Standard deviation over the draws.
    half_width
        Half the interval that holds the truth as often as ``coverage`` says.
    """

    spread: NDArray[np.float32]
    half_width: NDArray[np.float32]
    coverage: float
    draws: int


def make_samples(
    desk: Desk, subject: Subject, recipes: Sequence[Recipe], scales: Sequence[int | None] = (None,)
) -> Steps:
    """Whole samples of recipes at scales (None: the model's), each yielded as it is made; returns how many."""
    wanted = [(recipe, scale) for recipe in recipes for scale in scales]
    for number, (recipe, scale) in enumerate(wanted):
        with desk.at(subject) as session:
            run = session.steps(recipe, scale=scale)
            sample = yield from _within(run, number, len(wanted))
        yield sample
    return len(wanted)


def make_sized(desk: Desk, subject: Subject, recipe: Recipe, size: tuple[int, int]) -> Generator[Advance, None, Sample]:
    """One whole sample of a height and width; returns it."""
    with desk.at(subject) as session:
        return (yield from _within(session.steps(recipe, size=size), 0, 1))


def pick_samples(desk: Desk, subject: Subject, draw: Draw, count: int, picks: int) -> Steps:
    """Of many draws the most different, as whole samples; returns the list of `Pick`."""
    from napari_refvae.explore.spread import spread_steps

    with desk.at(subject) as session:
        run = spread_steps(session, draw, count=count, picks=picks)
    while True:
        with desk.at(subject):
            try:
                number = next(run)
            except StopIteration as stop:
                picked: list[Pick] = stop.value
                break
        yield Advance(number / count, f"Drawing {number} of {count} ...")
    yield from make_samples(desk, subject, [pick.recipe for pick in picked])
    return picked


def measure_trust(desk: Desk, subject: Subject, draw: Draw, draws: int, coverage: float) -> Steps:
    """Draws that differ by chance alone, as the calibration's did, and what they say together; returns `Trust`."""
    samples = []
    for number in range(draws):
        recipe = draw.with_draw(seed=draw.seed + number, temperature=1.0, vividness=1.0)
        with desk.at(subject) as session:
            sample = yield from _within(session.steps(recipe), number, draws)
        samples.append(sample.sr)
    found = trust_map(samples, coverage, CALIBRATION, subject.origin.intensity_range)
    return Trust(_plane(found.spread), _plane((found.high - found.low) / 2), coverage, draws)


def rank_references(
    desk: Desk, subject: Subject, candidates: Iterable[ReferenceLike]
) -> Generator[Advance, None, list[tuple[int, Suggestion]]]:
    """Rank images as references, the most alike first; those that cannot be used are left out if others can.

    Returns
    -------
    list of (int, Suggestion)
        Each with its number among the candidates: several may have one name.
    """
    from napari_refvae.errors import InvalidInputError
    from napari_refvae.explore.suggest import suggest

    items, refused = list(candidates), None
    found: list[tuple[int, Suggestion]] = []
    for number, item in enumerate(items):
        yield Advance(number / len(items), f"Looking at reference {number + 1} of {len(items)} ...")
        try:
            with desk.at(subject) as session:
                found += [(number, one) for one in suggest(session, [item])]
        except InvalidInputError as error:
            refused = error
    if refused is not None and not found:
        raise refused
    return sorted(found, key=lambda one: -one[1].similarity)


def _within(run: Generator[Progress, None, Sample], number: int, count: int) -> Generator[Advance, None, Sample]:
    """One sample's progress as part of that of all samples."""
    while True:
        try:
            step = next(run)
        except StopIteration as stop:
            sample: Sample = stop.value
            return sample
        named = replace(step, sample=number, samples=count)
        yield Advance((number + step.done / max(1, step.total)) / count, progress_text(named, None))


def _plane(values: NDArray[Any]) -> NDArray[np.float32]:
    """The mean over colours, without alpha; 0 where the input has no value, and so no draw differs."""
    return np.nan_to_num(np.asarray(values if values.ndim == 2 else values[..., :3].mean(axis=2), np.float32))
