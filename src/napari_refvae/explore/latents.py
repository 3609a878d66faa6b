"""From recipes to latent maps. They belong to the whole image; of it, what is looked at is made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import torch

from napari_refvae.engine.device import exactly
from napari_refvae.engine.latents import LatentMap, LatentNoise, draw_noise, make_latent_map
from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore.masks import grown, reach, softened
from napari_refvae.explore.recipes import Draw, Painting, Variation
from napari_refvae.model.gaussian import DiagonalGaussian
from napari_refvae.regions import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import EllipsisType

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.explore.mix import Mix
    from napari_refvae.explore.recipes import LatentRecipe
    from napari_refvae.model.doors import ReferenceVAE

__all__ = ["LatentMaker", "LatentPart", "blended"]

LOCK_SOFTNESS = 1.0
"""LR pixels over which the noise goes over from a locked region to the free one; the border lies in the free one."""

KEPT_SEEDS = 4
"""Noise fields that are kept: those that a slider's positions share."""


def blended(posteriors: Sequence[DiagonalGaussian], mix: Mix, prior: DiagonalGaussian) -> DiagonalGaussian:
    """The code's distribution of a blend: means and standard deviations in proportion; see `Mix`."""
    used = mix.used
    if not used:
        return prior
    if list(used.values()) == [1.0]:
        return posteriors[next(iter(used))]
    rest = max(0.0, 1 - sum(used.values()))
    means, stds = rest * prior.mean, rest * prior.std
    for index, weight in used.items():
        means = means + weight * posteriors[index].mean
        stds = stds + weight * posteriors[index].std
    return DiagonalGaussian(means, 2 * stds.log())


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Where one global code holds: a mask ``(h, w)`` (None: everywhere), its blend, its standard normal numbers."""

    mask: NDArray[np.bool_] | None
    mix: Mix
    code: Tensor

    def within(self, region: NDArray[np.bool_]) -> _Layer:
        return _Layer(region if self.mask is None else self.mask & region, self.mix, self.code)

    @property
    def is_empty(self) -> bool:
        return self.mask is not None and not self.mask.any()


class LatentPart(LatentMap):
    """A region of a latent map, indexed as the whole map is: ``map[..., rows, columns]``, within the region."""

    def __init__(self, values: Tensor, region: Region) -> None:
        self._values, self._region = values, region

    def __getitem__(self, index: tuple[EllipsisType, slice, slice]) -> Tensor:
        _, rows, columns = index
        top, left = self._region.y, self._region.x
        return self._values[..., rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]


class LatentMaker:
    """Makes the latent maps of one image's recipes.

    Parameters
    ----------
    model
        A network on its device.
    size
        Of the image.
    posteriors
        Of the session's references, on the device.
    prior
        Of the code without a reference, there too.
    """

    def __init__(
        self,
        model: ReferenceVAE,
        size: tuple[int, int],
        posteriors: Sequence[DiagonalGaussian],
        prior: DiagonalGaussian,
    ) -> None:
        self._model = model
        self._size = size
        self._posteriors = posteriors
        self._prior = prior
        draw: Callable[[int], LatentNoise] = partial(draw_noise, model.layout, size)
        self._noise = lru_cache(maxsize=KEPT_SEEDS)(draw)

    @exactly()
    def make(self, recipe: LatentRecipe, region: Region | None = None) -> Tensor:
        """The recipe's latent map ``(1, Z, h, w)``, float32 on the device; of a region that part of it, bit for bit.

        Regions of the recipe are lifted one by one, with the same noise, and summed with masks that sum to 1. What
        lies further from the region than their borders reach is not looked at.
        """
        wanted = region or Region(0, 0, *self._size)
        seen = wanted.padded(_margin(recipe), self._size)
        layers, inner = self._layers(recipe, seen), wanted.relative_to(seen)
        field = self._field(recipe, seen)[..., *inner.slices]
        first = self._lifted(layers[0], field, recipe.draw, wanted)
        if len(layers) == 1:
            return first
        softness, total = _softness(recipe), torch.zeros_like(first)
        for layer in layers:
            assert layer.mask is not None
            weights = torch.from_numpy(softened(layer.mask, softness)[inner.slices]).to(total.device)
            total += weights * self._lifted(layer, field, recipe.draw, wanted)
        return total

    def part(self, recipe: LatentRecipe, region: Region) -> LatentPart:
        """The same to be read by the whole image's coordinates."""
        return LatentPart(self.make(recipe, region), region)

    def _lifted(self, layer: _Layer, field: Tensor, draw: Draw, wanted: Region) -> Tensor:
        posterior = blended(self._posteriors, layer.mix, self._prior)
        if self._model.layout.noise:
            return make_latent_map(self._model, posterior, LatentNoise(layer.code, field), draw.spec)
        # Without noise a map is not made pixel by pixel: it is stretched over the whole image.
        whole = LatentNoise(layer.code, self._noise(draw.seed).field)
        return make_latent_map(self._model, posterior, whole, draw.spec)[..., *wanted.slices]

    def _layers(self, recipe: LatentRecipe, seen: Region) -> list[_Layer]:
        """The recipe's regions, which cover every pixel that is seen once."""
        match recipe:
            case Draw():
                return [_Layer(None, recipe.mix, self._noise(recipe.seed).code)]
            case Painting():
                return self._painted(recipe, seen)
            case Variation():
                return self._varied(recipe, seen)
        raise InvalidSpecError(f"expected a recipe that makes a latent map; got {type(recipe).__name__}")

    def _painted(self, recipe: Painting, seen: Region) -> list[_Layer]:
        code, labels = self._noise(recipe.base.seed).code, recipe.labels[seen.slices]
        painted = [_Layer(labels == label, mix, code) for label, mix in recipe.mixes.items()]
        painted = [layer for layer in painted if not layer.is_empty]
        rest = _Layer(None, recipe.base.mix, code)
        for layer in painted:
            assert layer.mask is not None
            rest = rest.within(~layer.mask)
        return painted if rest.is_empty else [rest, *painted]

    def _varied(self, recipe: Variation, seen: Region) -> list[_Layer]:
        layers = self._layers(recipe.of, seen)
        if not recipe.amount:
            return layers
        keep, fresh = math.sqrt(1 - recipe.amount**2), self._noise(recipe.seed).code
        varied = [_Layer(layer.mask, layer.mix, keep * layer.code + recipe.amount * fresh) for layer in layers]
        if recipe.locked is None:
            return varied
        kept = grown(recipe.locked[seen.slices], reach(_softness(recipe)))
        parts = [*(layer.within(kept) for layer in layers), *(layer.within(~kept) for layer in varied)]
        return [layer for layer in parts if not layer.is_empty]

    def _field(self, recipe: LatentRecipe, seen: Region) -> Tensor:
        """The standard normal noise of the recipe where it is seen: ``(1, noise, h, w)``."""
        if not isinstance(recipe, Variation):
            return self._noise(recipe.draw.seed).field[..., *seen.slices]
        field = self._field(recipe.of, seen)
        if not recipe.amount:
            return field
        amount = torch.tensor(recipe.amount)
        if recipe.locked is not None:
            kept = grown(recipe.locked[seen.slices], reach(LOCK_SOFTNESS))
            amount = amount * (1 - torch.from_numpy(softened(kept, LOCK_SOFTNESS)))
        return (1 - amount.square()).sqrt() * field + amount * self._noise(recipe.seed).field[..., *seen.slices]


def _margin(recipe: LatentRecipe) -> int:
    """LR pixels around a region that say what it is: a lock grows by its border's reach, and the border spreads."""
    return 2 * max(reach(LOCK_SOFTNESS), reach(_softness(recipe)))


def _softness(recipe: LatentRecipe) -> float:
    """Of the borders between regions: the painting's, if there is one."""
    match recipe:
        case Painting():
            return recipe.softness
        case Variation():
            return _softness(recipe.of)
    return LOCK_SOFTNESS
