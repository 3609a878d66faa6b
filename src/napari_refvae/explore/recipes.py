"""Recipes: frozen values that say how one sample is made. numpy only; a session turns them into pixels.

    Recipe
    |-- LatentRecipe     makes a latent map of the whole image
    |   |-- Draw             a blend of references and a seed
    |   |-- Painting         regions with blends of their own
    |   `-- Variation        something near another one, parts of it locked
    |-- Composition      regions of several recipes' samples, in one image
    `-- Fade             between the faithful image and a sample

Masks and labels lie on the input's pixels. Two recipes are equal if they say the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore.mix import Mix, as_mask, as_number, check_labels, check_mix, check_size, frozen
from napari_refvae.explore.recipe import LatentRecipe, Recipe
from napari_refvae.spec import SampleSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["FAITHFUL", "Composition", "Draw", "Fade", "LatentRecipe", "Painting", "Recipe", "Variation"]


@dataclass(frozen=True, slots=True, eq=False)
class Draw(LatentRecipe):
    """One random draw from a blend; with one reference alone, the sample that `napari_refvae.upscale` makes.

    Attributes
    ----------
    mix
        Of the references.
    seed, temperature, strength, vividness
        As of `napari_refvae.upscale`.

    Raises
    ------
    InvalidSpecError
        If one lies outside its domain.
    """

    mix: Mix = field(default_factory=Mix)
    seed: int = 0
    temperature: float = 1.0
    strength: float = 1.0
    vividness: float = 1.0

    def __post_init__(self) -> None:
        spec = self.spec
        for name in ("seed", "temperature", "strength", "vividness"):
            object.__setattr__(self, name, getattr(spec, name))

    @property
    def spec(self) -> SampleSpec:
        """The same numbers for the engine."""
        return SampleSpec(1, self.seed, self.temperature, self.strength, self.vividness)

    @property
    def draw(self) -> Draw:
        return self

    def with_draw(self, **changes: Any) -> Draw:
        return replace(self, **changes)

    def check(self, size: tuple[int, int], references: int) -> None:
        check_mix(self.mix, references)


@dataclass(frozen=True, slots=True, eq=False)
class Painting(LatentRecipe):
    """Regions with blends of their own, in one image with one field of noise.

    Attributes
    ----------
    labels
        ``(h, w)`` integers; 0, and every label without a blend, has the base's.
    mixes
        Label to blend.
    softness
        Standard deviation of the regions' borders, in LR pixels; 0 makes them hard.
    base
        What is painted on.

    Raises
    ------
    InvalidSpecError
        If labels are no plane of integers, or need more than 32 bits, 0 is given a blend, or the softness is negative.
    """

    labels: NDArray[Any]
    mixes: Mapping[int, Mix]
    softness: float = 1.0
    base: Draw = field(default_factory=Draw)

    def __post_init__(self) -> None:
        labels = np.array(self.labels)
        if labels.ndim != 2 or labels.dtype.kind not in "iub":
            raise InvalidSpecError(f"labels must be integers (h, w); got {labels.dtype} of shape {labels.shape}")
        mixes = {int(label): mix for label, mix in self.mixes.items()}
        check_labels("labels", (labels.min(), labels.max()) if labels.size else ())
        check_labels("labels that have a blend", mixes)
        if 0 in mixes:
            raise InvalidSpecError("label 0 means the base: set the base's blend instead")
        object.__setattr__(self, "labels", frozen(labels.astype(np.int32)))
        object.__setattr__(self, "mixes", MappingProxyType(dict(sorted(mixes.items()))))
        object.__setattr__(self, "softness", as_number("softness", self.softness, 0))

    @property
    def draw(self) -> Draw:
        return self.base

    def with_draw(self, **changes: Any) -> Painting:
        return replace(self, base=self.base.with_draw(**changes))

    def check(self, size: tuple[int, int], references: int) -> None:
        check_size("labels", self.labels, size)
        for mix in (self.base.mix, *self.mixes.values()):
            check_mix(mix, references)


@dataclass(frozen=True, slots=True, eq=False)
class Variation(LatentRecipe):
    """Something near another recipe: every random number e becomes sqrt(1 - a^2) e + a f, f being fresh.

    So the variance stays, whatever the amount a. 0 is the other recipe exactly, 1 a fresh draw with its settings.

    Attributes
    ----------
    of
        What is varied.
    seed
        Of the fresh numbers.
    amount
        From 0 to 1.
    locked
        ``(h, w)`` bool: where the latent map stays as it is. Pixels there change by what the network sees beyond the
        region only. None locks nothing.

    Raises
    ------
    InvalidSpecError
        If one lies outside its domain, or ``of`` makes no latent map: vary the parts of a composition instead.
    """

    of: LatentRecipe
    seed: int = 0
    amount: float = 0.3
    locked: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.of, LatentRecipe):
            raise InvalidSpecError(
                f"expected a draw, painting or variation to vary; got {type(self.of).__name__}: vary its parts"
            )
        object.__setattr__(self, "seed", SampleSpec(seed=self.seed).seed)
        object.__setattr__(self, "amount", as_number("amount", self.amount, 0, 1))
        if self.locked is not None:
            object.__setattr__(self, "locked", as_mask("locked", self.locked))

    @property
    def draw(self) -> Draw:
        return self.of.draw

    def with_draw(self, **changes: Any) -> Variation:
        return replace(self, of=self.of.with_draw(**changes))

    def check(self, size: tuple[int, int], references: int) -> None:
        self.of.check(size, references)
        if self.locked is not None:
            check_size("locked", self.locked, size)


@dataclass(frozen=True, slots=True, eq=False)
class Composition(Recipe):
    """Regions of several samples in one image: blended in pixels, then projected, so consistent all over.

    Attributes
    ----------
    base
        What shows where no part does.
    parts
        Each a recipe and where it shows, ``(h, w)`` bool; later ones lie over earlier ones.
    feather
        Standard deviation of the borders, in LR pixels; 0 makes them hard.

    Raises
    ------
    InvalidSpecError
        If a mask is no plane of bools, or the feather is negative.
    """

    base: Recipe
    parts: tuple[tuple[Recipe, NDArray[np.bool_]], ...]
    feather: float = 1.0

    def __post_init__(self) -> None:
        parts = tuple((recipe, as_mask("a part's mask", mask)) for recipe, mask in self.parts)
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "feather", as_number("feather", self.feather, 0))

    def with_draw(self, **changes: Any) -> Composition:
        parts = tuple((recipe.with_draw(**changes), mask) for recipe, mask in self.parts)
        return replace(self, base=self.base.with_draw(**changes), parts=parts)

    def check(self, size: tuple[int, int], references: int) -> None:
        self.base.check(size, references)
        for recipe, mask in self.parts:
            recipe.check(size, references)
            check_size("a part's mask", mask, size)


@dataclass(frozen=True, slots=True, eq=False)
class Fade(Recipe):
    """Between the faithful image and a sample: (1 - t) faithful + t sample in pixels, then projected.

    It costs no decoding once both are known. `Draw.vividness` goes the same way through the network.

    Attributes
    ----------
    of
        The sample at 1.
    amount
        t, from 0 (the faithful image) to 1.

    Raises
    ------
    InvalidSpecError
        If the amount is none.
    """

    of: Recipe
    amount: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", as_number("amount", self.amount, 0, 1))

    def with_draw(self, **changes: Any) -> Fade:
        return replace(self, of=self.of.with_draw(**changes))

    def check(self, size: tuple[int, int], references: int) -> None:
        self.of.check(size, references)


FAITHFUL = Draw(temperature=0.0, vividness=0.0)
"""The image nearest to the truth: no reference, nothing random, no vividness."""
