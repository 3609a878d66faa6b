"""How the panel's dials turn a recipe into the next one, and what to call it. No Qt, no torch."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.explore.mix import Mix
from napari_refvae.explore.recipes import Composition, Draw, Fade, LatentRecipe, Painting, Variation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.explore.recipes import Recipe

__all__ = [
    "balanced",
    "can_roll",
    "described",
    "dials_of",
    "gives_back",
    "percent",
    "quickly",
    "rolled",
    "short_name",
    "turned",
    "with_mix",
    "without_reference",
]

NOTHING = "no reference"
SHOWN = 0.005
"""Weights below this are not spoken of."""


def balanced(weights: Sequence[float], moved: int) -> tuple[float, ...]:
    """Weights that come to at most 1: the one that was moved stays, the others shrink in proportion.

    Parameters
    ----------
    weights
        From 0 to 1 each.
    moved
        Which one the user moved last.
    """
    others = sum(weights) - weights[moved]
    room = 1 - weights[moved]
    if others <= room:
        return tuple(weights)
    return tuple(weight if index == moved else weight * room / others for index, weight in enumerate(weights))


def dials_of(recipe: Recipe) -> Draw:
    """The draw whose numbers the dials show: that at the bottom of a recipe."""
    match recipe:
        case LatentRecipe():
            return recipe.draw
        case Composition():
            return dials_of(recipe.base)
        case Fade():
            return dials_of(recipe.of)
    return Draw()


def turned(recipe: Recipe, **changes: float) -> Recipe:
    """The same with another temperature, strength or vividness of all that is in it."""
    return recipe.with_draw(**changes)


def quickly(recipe: Recipe, vividness: float) -> Recipe | None:
    """What is much like a recipe at some vividness, without a pass of the network for each; None at 1, where it is it.

    (1 - t) faithful + t vivid, in pixels; see `Fade`.
    """
    return None if vividness == 1 else Fade(turned(recipe, vividness=1.0), vividness)


def with_mix(recipe: Recipe, mix: Mix) -> Recipe:
    """The same with another blend at its bottom; a composition or fade becomes a plain draw of that blend."""
    if isinstance(recipe, Draw):
        return replace(recipe, mix=mix)
    if isinstance(recipe, Painting):
        return replace(recipe, base=replace(recipe.base, mix=mix))
    if isinstance(recipe, Variation):
        of = with_mix(recipe.of, mix)
        assert isinstance(of, LatentRecipe)  # as what it came from
        return replace(recipe, of=of)
    return replace(dials_of(recipe), mix=mix)


def without_reference(recipe: Recipe, index: int) -> Recipe:
    """The same after a reference was taken out: its weight goes, and those behind it move up.

    What was painted with it is as the weights say again; labels of references behind it move up too.
    """
    match recipe:
        case Draw():
            return replace(recipe, mix=_without(recipe.mix, index))
        case Painting():
            return _painted_without(recipe, index)
        case Variation():
            of = without_reference(recipe.of, index)
            assert isinstance(of, LatentRecipe)  # as what it came from
            return replace(recipe, of=of)
        case Composition():
            parts = tuple((without_reference(part, index), mask) for part, mask in recipe.parts)
            return replace(recipe, base=without_reference(recipe.base, index), parts=parts)
        case Fade():
            return replace(recipe, of=without_reference(recipe.of, index))
    return recipe


def can_roll(recipe: Recipe) -> bool:
    """Whether another seed makes sense: a composition has several."""
    return isinstance(recipe, LatentRecipe)


def rolled(recipe: Recipe, seed: int) -> Recipe:
    """The same with another seed; of a variation, with another seed of what is varied about it."""
    return replace(recipe, seed=seed) if isinstance(recipe, Variation) else recipe.with_draw(seed=seed)


def described(recipe: Recipe, names: Sequence[str]) -> str:
    """A recipe in words, such as ``60 % brick, 40 % grass; seed 4``."""
    match recipe:
        case Draw():
            return f"{_blend(recipe.mix, names)}; seed {recipe.seed}"
        case Painting():
            return f"painted on {described(recipe.base, names)}"
        case Variation():
            lock = ", part locked" if recipe.locked is not None else ""
            return f"{percent(recipe.amount)} off{lock}, seed {recipe.seed} (from: {described(recipe.of, names)})"
        case Composition():
            return f"composed of {len(recipe.parts) + 1} samples"
        case Fade():
            return f"{percent(recipe.amount)} of {described(recipe.of, names)}"
    return type(recipe).__name__


def short_name(recipe: Recipe, names: Sequence[str]) -> str:
    """What a sample is called in layers and files, such as ``brick+grass`` or ``brick varied``."""
    match recipe:
        case Draw():
            used = [_name(index, names) for index, weight in recipe.mix.used.items() if weight >= SHOWN]
            return "+".join(used) or "none"
        case Painting():
            return "painted"
        case Variation():
            below = short_name(recipe.of, names)
            return below if below.endswith("varied") else f"{below} varied".removeprefix("none ")
        case Composition():
            return "composed"
    return "faded"


def gives_back(lr_psnr: float) -> str:
    """How well a sample gives the input back, as a sentence."""
    return f"It gives the input back {f'to {lr_psnr:.0f} dB' if math.isfinite(lr_psnr) else 'exactly'}."


def percent(part: float) -> str:
    """A part of 1, such as ``60 %``; it does not break at the end of a line."""
    return f"{100 * part:.0f}\N{NO-BREAK SPACE}%"


def _without(mix: Mix, index: int) -> Mix:
    return Mix(mix.weights[:index] + mix.weights[index + 1 :])


def _painted_without(painting: Painting, index: int) -> Painting:
    """Labels stay numbered from 1 without a gap, as the panel paints them."""
    labels, mixes = np.zeros_like(painting.labels), dict[int, Mix]()
    for label, mix in painting.mixes.items():
        if set(mix.used) != {index}:
            number = len(mixes) + 1
            labels[painting.labels == label] = number
            mixes[number] = _without(mix, index)
    base = replace(painting.base, mix=_without(painting.base.mix, index))
    return replace(painting, labels=labels, mixes=mixes, base=base)


def _blend(mix: Mix, names: Sequence[str]) -> str:
    used = {index: weight for index, weight in mix.used.items() if weight >= SHOWN}
    parts = [f"{percent(weight)} {_name(index, names)}" for index, weight in used.items()]
    if list(used.values()) == [1.0]:
        return _name(next(iter(used)), names)
    return ", ".join(parts) or NOTHING


def _name(index: int, names: Sequence[str]) -> str:
    return names[index] if index < len(names) else f"reference {index + 1}"
