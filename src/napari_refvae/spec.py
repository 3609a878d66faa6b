"""The values that travel: what is asked for, how it is cut, how far it is.

All frozen and validated where they are made. Arrays are ``(H, W, C)``, sizes ``(height, width)``,
lengths LR pixels unless said otherwise. numpy only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.regions import Region, Tile, TileSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Consistency",
    "ImageReference",
    "IntensityRange",
    "NormalizedImage",
    "PixelFormat",
    "PriorReference",
    "Progress",
    "Reference",
    "Region",
    "SampleSpec",
    "SelfEnsemble",
    "SelfReference",
    "SuperResolutionRequest",
    "Tile",
    "TileSpec",
]

PixelKind = Literal["grey", "rgb", "rgba"]
Consistency = Literal["bicubic"]
SelfEnsemble = bool | Literal["auto"]
Stage = Literal["interpolate", "encode", "decode", "project"]


@dataclass(frozen=True, slots=True)
class IntensityRange:
    """The two stored values that mean black and white. Declared, never guessed from a maximum."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InvalidSpecError(f"an intensity range needs finite low < high; got {self.low} and {self.high}")

    @property
    def span(self) -> float:
        """``high - low``."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How an image is stored: its kind, its dtype and what its values mean."""

    kind: PixelKind
    dtype: str  # a numpy dtype name, native byte order
    range: IntensityRange
    trailing_axis: bool = False  # a grey image stored as (H, W, 1)

    @property
    def tail(self) -> tuple[int, ...]:
        """The stored shape after height and width."""
        if self.kind == "grey":
            return (1,) if self.trailing_axis else ()
        return (3,) if self.kind == "rgb" else (4,)


@dataclass(frozen=True, slots=True)
class NormalizedImage:
    """An image as the networks see it, and how to turn results back.

    Attributes
    ----------
    rgb
        ``(H, W, 3)`` float32; 0 is the range's low, 1 its high. Premultiplied where there is alpha.
    alpha
        ``(H, W)`` float32 in 0..1, or None.
    pixels
        The format that it came in and that results go out in.
    bounds
        Least and greatest normalised value that a result may hold: what the dtype can store.
    """

    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    pixels: PixelFormat
    bounds: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or not self.rgb.size:
            raise InvalidInputError(f"expected a normalised image of shape (H, W, 3); got {self.rgb.shape}")

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)``."""
        return self.rgb.shape[0], self.rgb.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class ImageReference:
    """A reference image of any size, ``(H, W, 3)`` float32 in 0..1."""

    image: NDArray[np.float32]
    name: str = "reference"

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or not self.image.size:
            raise InvalidInputError(f"expected a reference of shape (H, W, 3); got {self.image.shape}")
        if self.image.dtype != np.float32 or not ((self.image >= 0) & (self.image <= 1)).all():
            raise InvalidInputError(
                f"expected a reference of float32 values in 0..1; got {self.image.dtype} with values from "
                f"{self.image.min():g} to {self.image.max():g}: divide by its range, or pass the array itself"
            )


@dataclass(frozen=True, slots=True)
class SelfReference:
    """The low-resolution input is its own reference."""

    name: str = "self"


@dataclass(frozen=True, slots=True)
class PriorReference:
    """No reference: the code is drawn from the prior."""

    name: str = "none"


Reference = ImageReference | SelfReference | PriorReference


@dataclass(frozen=True, slots=True)
class SampleSpec:
    """Which samples to draw.

    Sample ``n`` of a run (counted over all references) is drawn with seed ``seed + n``, so any one
    of them can be made again alone.

    Attributes
    ----------
    count
        Samples a reference, at least 1.
    seed
        A non-negative integer.
    temperature
        Scale of the random part; 0 takes the posterior's mean.
    strength
        From 0 (no reference: the prior) to 1 (all of the reference's posterior).
    vividness
        From 0 (faithful, best in PSNR) to 1 (vivid). Networks without that input ignore it.
    """

    count: int = 4
    seed: int = 0
    temperature: float = 1.0
    strength: float = 1.0
    vividness: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("count", 1), ("seed", 0)):
            label = "samples" if name == "count" else name
            object.__setattr__(self, name, _integer(label, getattr(self, name), least))
        for name, high in (("temperature", math.inf), ("strength", 1), ("vividness", 1)):
            _check_number(name, getattr(self, name), 0, high)
            object.__setattr__(self, name, float(getattr(self, name)))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: said after each piece of work, of which it names the last.

    Attributes
    ----------
    done, total
        Units of work. If memory runs out, both are counted anew with smaller tiles.
    stage
        interpolate, encode, decode or project.
    sample
        From 0; None while the input is interpolated or encoded, and for the faithful image.
    samples
        Of the whole run.
    tile
        From 0; None for work on no tile.
    tiles
        Into which the input is cut.
    """

    done: int
    total: int
    stage: Stage
    sample: int | None = None
    samples: int = 0
    tile: int | None = None
    tiles: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class SuperResolutionRequest:
    """All that one run needs; nothing of napari or torch.

    Attributes
    ----------
    tiles
        None means automatic.
    consistency
        None switches the projection off.
    region
        The part of the image to make, in LR pixels; None for all of it. It comes out as the crop of the whole
        image's result.
    scale
        HR pixels per LR pixel and axis in the results, a divisor of the model's of at least 2; None for the model's.
    faithful
        Whether to make the faithful image too: no reference, nothing random, vividness 0.
    self_ensemble
        Whether details are means over the input's flips and quarter turns; ``"auto"``: those of vividness 0.
    matching
        Whether detail is copied from references where they match the image.
    """

    image: NormalizedImage
    references: tuple[Reference, ...] = (PriorReference(),)
    samples: SampleSpec = field(default_factory=SampleSpec)
    tiles: TileSpec | None = None
    consistency: Consistency | None = "bicubic"
    region: Region | None = None
    scale: int | None = None
    faithful: bool = False
    self_ensemble: SelfEnsemble = "auto"
    matching: bool = False

    def __post_init__(self) -> None:
        if not self.references:
            raise InvalidSpecError("a request needs at least one reference; use PriorReference() for none")
        if self.consistency not in ("bicubic", None):
            raise InvalidSpecError(f"consistency must be 'bicubic' or None; got {self.consistency!r}")
        if not isinstance(self.self_ensemble, bool) and self.self_ensemble != "auto":
            raise InvalidSpecError(f"self_ensemble must be True, False or 'auto'; got {self.self_ensemble!r}")
        if not isinstance(self.matching, bool):
            raise InvalidSpecError(f"matching must be True or False; got {self.matching!r}")
        if self.region is not None:
            self.region.check_within(self.image.size)
        if self.scale is not None:
            object.__setattr__(self, "scale", _integer("scale", self.scale, 2))

    @property
    def total(self) -> int:
        """Samples of the whole run."""
        return self.samples.count * len(self.references)


def _integer(name: str, value: Any, least: int) -> int:
    """The value as Python's int: numpy's would wrap around, and are no JSON."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InvalidSpecError(f"{name} must be an integer of at least {least}; got {value!r}")
    return int(value)


def _check_number(name: str, value: float, low: float, high: float) -> None:
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        domain = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise InvalidSpecError(f"{name} must be a finite number {domain}; got {value!r}")
