"""What all recipes have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from napari_refvae.explore.recipes import Draw

__all__ = ["LatentRecipe", "Recipe"]


class Recipe(ABC):
    """How one sample is made; the base of all kinds."""

    __slots__ = ("_digest",)

    @abstractmethod
    def with_draw(self, **changes: float) -> Self:
        """The same with another ``temperature``, ``strength``, ``vividness`` or ``seed`` of every draw in it."""

    @abstractmethod
    def check(self, size: tuple[int, int], references: int) -> None:
        """Refuse masks that are not of the image's ``size``, and references beyond the session's.

        Raises
        ------
        InvalidSpecError
            If there are such.
        """

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `napari_refvae.explore.recording.recipe_from_dict` reads it back."""
        from napari_refvae.explore.recording import recipe_to_dict

        return recipe_to_dict(self)

    @property
    def digest(self) -> bytes:
        """SHA-256 of what it says. Taken once: previews look for the same recipe many times a frame."""
        known: bytes | None = getattr(self, "_digest", None)
        if known is None:
            from napari_refvae.explore.recording import recipe_digest

            known = recipe_digest(self)
            object.__setattr__(self, "_digest", known)
        return known

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Recipe) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


class LatentRecipe(Recipe):
    """A recipe that makes a latent map."""

    __slots__ = ()

    @property
    @abstractmethod
    def draw(self) -> Draw:
        """The draw at its bottom, whose temperature, strength and vividness hold for all of it."""
