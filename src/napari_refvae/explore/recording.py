"""Recipes as JSON-ready dictionaries, and back. Masks and labels are deflated."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.explore.mix import Mix
from napari_refvae.explore.recipes import Composition, Draw, Fade, LatentRecipe, Painting, Recipe, Variation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["recipe_digest", "recipe_from_dict", "recipe_to_dict"]

LARGEST_PLANE = 2**31
"""Bytes; a file that claims more is damaged."""


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """A recipe as JSON holds it; its kind is under ``recipe``."""
    return _entry(recipe, _pack)


def recipe_digest(recipe: Recipe) -> bytes:
    """SHA-256 of what a recipe says; of masks and labels their own, since to deflate them takes far longer."""
    return hashlib.sha256(repr(_entry(recipe, _hashed)).encode()).digest()


def _entry(recipe: Recipe, pack: Callable[[NDArray[Any]], dict[str, Any]]) -> dict[str, Any]:
    match recipe:
        case Draw():
            return {
                "recipe": "draw",
                "mix": list(recipe.mix.weights),
                "seed": recipe.seed,
                "temperature": recipe.temperature,
                "strength": recipe.strength,
                "vividness": recipe.vividness,
            }
        case Painting():
            return {
                "recipe": "painting",
                "labels": pack(recipe.labels.astype("<i4")),
                "mixes": {str(label): list(mix.weights) for label, mix in recipe.mixes.items()},
                "softness": recipe.softness,
                "base": _entry(recipe.base, pack),
            }
        case Variation():
            locked = None if recipe.locked is None else pack(recipe.locked)
            numbers = {"seed": recipe.seed, "amount": recipe.amount}
            return {"recipe": "variation", "of": _entry(recipe.of, pack), **numbers, "locked": locked}
        case Composition():
            parts = [{"of": _entry(part, pack), "mask": pack(mask)} for part, mask in recipe.parts]
            base = _entry(recipe.base, pack)
            return {"recipe": "composition", "base": base, "parts": parts, "feather": recipe.feather}
        case Fade():
            return {"recipe": "fade", "of": _entry(recipe.of, pack), "amount": recipe.amount}
    raise InvalidSpecError(f"expected a recipe; got {type(recipe).__name__}")


def recipe_from_dict(entry: Mapping[str, Any]) -> Recipe:
    """Read what `recipe_to_dict` made.

    Raises
    ------
    InvalidInputError
        If it is damaged or of another kind.
    InvalidSpecError
        If a number lies outside its domain.
    """
    try:
        return _recipe(entry)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError, binascii.Error, zlib.error) as error:
        if isinstance(error, InvalidInputError | InvalidSpecError):
            raise
        raise InvalidInputError(
            f"expected a recipe; what was read is damaged ({error!r}): use an unedited one"
        ) from error


def _recipe(entry: Mapping[str, Any]) -> Recipe:
    match entry["recipe"]:
        case "draw":
            return _draw(entry)
        case "painting":
            mixes = {int(label): Mix(tuple(weights)) for label, weights in entry["mixes"].items()}
            return Painting(_unpack(entry["labels"], "<i4"), mixes, entry["softness"], _draw(entry["base"]))
        case "variation":
            of = _recipe(entry["of"])
            if not isinstance(of, LatentRecipe):
                raise InvalidInputError(
                    f"expected something that makes a latent map to vary; got {entry['of']['recipe']}"
                )
            locked = None if entry["locked"] is None else _unpack(entry["locked"], "?")
            return Variation(of, entry["seed"], entry["amount"], locked)
        case "composition":
            parts = tuple((_recipe(part["of"]), _unpack(part["mask"], "?")) for part in entry["parts"])
            return Composition(_recipe(entry["base"]), parts, entry["feather"])
        case "fade":
            return Fade(_recipe(entry["of"]), entry["amount"])
    raise InvalidInputError(f"expected a recipe of a known kind; got {entry['recipe']!r}: update the package")


def _draw(entry: Mapping[str, Any]) -> Draw:
    numbers = {name: entry[name] for name in ("seed", "temperature", "strength", "vividness")}
    return Draw(Mix(tuple(entry["mix"])), **numbers)


def _pack(plane: NDArray[Any]) -> dict[str, Any]:
    packed = zlib.compress(np.ascontiguousarray(plane).tobytes(), 6)
    return {"shape": list(plane.shape), "deflated": base64.b64encode(packed).decode("ascii")}


def _hashed(plane: NDArray[Any]) -> dict[str, Any]:
    return {"shape": plane.shape, "sha256": hashlib.sha256(np.ascontiguousarray(plane).data).hexdigest()}


def _unpack(entry: Mapping[str, Any], dtype: str) -> NDArray[Any]:
    shape = tuple(int(side) for side in entry["shape"])
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not 0 <= size <= LARGEST_PLANE:
        raise InvalidInputError(f"expected a plane of pixels; got one of shape {shape}")
    stored = zlib.decompressobj().decompress(
        base64.b64decode(entry["deflated"], validate=True), size + 1
    )  # never more than it says
    return np.frombuffer(stored, dtype).reshape(shape)
