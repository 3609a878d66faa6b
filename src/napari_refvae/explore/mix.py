"""What recipes are made of: blends, and checked numbers, masks and planes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidSpecError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Mix", "as_mask", "as_number", "check_labels", "check_mix", "check_size", "frozen"]

ROUNDING = 1e-6
"""By how much weights may exceed a sum of 1: those of sliders are sums of floats."""


@dataclass(frozen=True, slots=True)
class Mix:
    """A blend of a session's references.

    The code of a blend is drawn from N(sum w_i mean_i, (sum w_i std_i + w_0)^2), where w_0 is what the weights lack
    to 1: "no reference". One weight of 1 is that reference alone, none at all is the prior; both exactly.

    Attributes
    ----------
    weights
        Of each reference in the session's order, from 0 to 1, at most 1 together. Those left out are 0.

    Raises
    ------
    InvalidSpecError
        If they are not such.
    """

    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        weights = tuple(as_number("a weight", weight, 0, 1) for weight in self.weights)
        if sum(weights) > 1 + ROUNDING:
            raise InvalidSpecError(
                f"the weights of a blend must come to at most 1; got {sum(weights):g}: divide them by their sum"
            )
        object.__setattr__(self, "weights", weights)

    @classmethod
    def of(cls, index: int) -> Mix:
        """One reference alone, by its number from 0."""
        return cls((0.0,) * index + (1.0,))

    @property
    def used(self) -> dict[int, float]:
        """Weights that are not 0, by the number of their reference."""
        return {index: weight for index, weight in enumerate(self.weights) if weight}


def as_number(name: str, value: Any, low: float, high: float = math.inf) -> float:
    """A finite number within bounds, as Python's float; InvalidSpecError if it is none."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        domain = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise InvalidSpecError(f"{name} must be a finite number {domain}; got {value!r}")
    return float(value)


def as_mask(name: str, mask: Any) -> NDArray[np.bool_]:
    """A copy of a mask ``(h, w)``, read-only; InvalidSpecError if it is none."""
    mask = np.array(mask)
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise InvalidSpecError(f"{name} must be bools (h, w); got {mask.dtype} of shape {mask.shape}")
    return frozen(mask)


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """The array itself, now read-only."""
    array.setflags(write=False)
    return array


def check_size(name: str, array: NDArray[Any], size: tuple[int, int]) -> None:
    """Refuse a plane of another size with an InvalidSpecError."""
    if array.shape != size:
        raise InvalidSpecError(
            f"{name} must have the image's {size[0]} x {size[1]} pixels; got {array.shape[0]} x {array.shape[1]}"
        )


def check_labels(name: str, labels: Iterable[Any]) -> None:
    """Refuse labels that do not fit into 32 bits, as which they are kept, with an InvalidSpecError."""
    bounds = np.iinfo(np.int32)
    for label in labels:
        if not bounds.min <= int(label) <= bounds.max:
            raise InvalidSpecError(f"{name} must lie within {bounds.min}..{bounds.max}; got {label}: number them anew")


def check_mix(mix: Mix, references: int) -> None:
    """Refuse a blend of more references than there are with an InvalidSpecError."""
    if len(mix.weights) > references:
        raise InvalidSpecError(
            f"expected weights for at most {references} references, as the session has; got {len(mix.weights)}"
        )
