"""Compositions and fades: details of several recipes, blended in pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from napari_refvae.engine.device import exactly
from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore.masks import reach, softened
from napari_refvae.explore.recipes import FAITHFUL, Composition, Fade, LatentRecipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.explore.recipes import Recipe
    from napari_refvae.explore.scene import Scene

__all__ = ["blend", "ingredients"]


def ingredients(recipe: Recipe) -> list[LatentRecipe]:
    """The recipes whose details a sample is blended of, each once."""
    match recipe:
        case LatentRecipe():
            return [recipe]
        case Fade():
            found = ([FAITHFUL] if recipe.amount < 1 else []) + (ingredients(recipe.of) if recipe.amount else [])
        case Composition():
            found = [one for part, _ in _shown(recipe) for one in ingredients(part)]
        case _:
            raise InvalidSpecError(f"expected a recipe; got {type(recipe).__name__}")
    return list(dict.fromkeys(found))


@exactly()
def blend(recipe: Recipe, scene: Scene) -> Tensor:
    """The detail of a recipe whose `ingredients` the scene knows; it may be used up.

    Blending details is blending images, since all of them are added to one interpolation.
    """
    if isinstance(recipe, LatentRecipe):
        return scene.detail(recipe).clone()
    if isinstance(recipe, Fade):
        return _faded(recipe, scene)
    assert isinstance(recipe, Composition)
    details = (_part(part, mask, recipe.feather, scene) for part, mask in _shown(recipe))
    total = next(details)
    for detail in details:
        total += detail
    return total


def _faded(recipe: Fade, scene: Scene) -> Tensor:
    if not recipe.amount:
        return scene.detail(FAITHFUL).clone()
    sample = blend(recipe.of, scene)
    return sample if recipe.amount == 1 else sample.mul_(recipe.amount) + (1 - recipe.amount) * scene.detail(FAITHFUL)


def _part(recipe: Recipe, mask: NDArray[np.bool_] | None, feather: float, scene: Scene) -> Tensor:
    """The recipe's detail, weighted by its mask with soft borders."""
    detail = blend(recipe, scene)
    if mask is None:
        return detail
    window = scene.frame.window
    seen = window.padded(reach(feather), scene.frame.size)  # beyond it, nothing changes what the window shows
    soft = softened(mask[seen.slices], feather)[window.relative_to(seen).slices]
    weights = torch.from_numpy(soft).to(detail.device)
    scale = detail.shape[-1] // weights.shape[-1]
    return detail.mul_(_enlarged(weights, scale, hard=not feather))


def _shown(recipe: Composition) -> list[tuple[Recipe, NDArray[np.bool_] | None]]:
    """What shows of each part and where (None: everywhere), the base first; every pixel once.

    What is hidden all over is left out.
    """
    shown: list[tuple[Recipe, NDArray[np.bool_] | None]] = []
    covered: NDArray[np.bool_] | None = None
    for part, mask in reversed(recipe.parts):
        visible = mask if covered is None else mask & ~covered
        covered = mask if covered is None else covered | mask
        if visible.any():
            shown.append((part, visible))
    if covered is None:
        shown.append((recipe.base, None))
    elif not covered.all():
        shown.append((recipe.base, ~covered))
    return shown[::-1]


def _enlarged(weights: Tensor, scale: int, *, hard: bool) -> Tensor:
    """``(h, w)`` to ``(scale*h, scale*w)``; exact where weights are constant."""
    plane = weights[None, None]
    if hard:
        return plane.repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    return F.interpolate(plane, scale_factor=scale, mode="bilinear")
