"""The values that travel: what is asked for, how it is cut, how far it is.

All frozen and validated where they are made. Arrays are ``(H, W, C)``, sizes ``(height, width)``,
lengths LR pixels unless said otherwise. numpy only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_refvae.errors import InvalidInputError, InvalidSpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ImageReference",
    "IntensityRange",
    "NormalizedImage",
    "PixelFormat",
    "PriorReference",
    "Progress",
    "Reference",
    "Region",
    "SampleSpec",
    "SelfReference",
    "SuperResolutionRequest",
    "Tile",
    "TileSpec",
]

PixelKind = Literal["grey", "rgb", "rgba"]
Consistency = Literal["bicubic"]


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
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                label = "samples" if name == "count" else name
                raise InvalidSpecError(f"{label} must be an integer of at least {least}; got {value!r}")
            object.__setattr__(self, name, int(value))  # numpy's would wrap around, and are no JSON
        for name, high in (("temperature", math.inf), ("strength", 1), ("vividness", 1)):
            _check_number(name, getattr(self, name), 0, high)
            object.__setattr__(self, name, float(getattr(self, name)))


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of pixels."""

    y: int
    x: int
    height: int
    width: int

    def scaled(self, scale: int) -> Region:
        """The same rectangle on a grid ``scale`` times as fine."""
        return Region(self.y * scale, self.x * scale, self.height * scale, self.width * scale)

    def padded(self, margin: int, within: tuple[int, int]) -> Region:
        """Grown by ``margin`` on every side, as far as an image of size ``within`` goes."""
        grown = Region(self.y - margin, self.x - margin, self.height + 2 * margin, self.width + 2 * margin)
        return grown.intersect(Region(0, 0, *within))

    def intersect(self, other: Region) -> Region:
        """The common part; its height or width is 0 if there is none."""
        y, x = max(self.y, other.y), max(self.x, other.x)
        bottom = min(self.y + self.height, other.y + other.height)
        right = min(self.x + self.width, other.x + other.width)
        return Region(y, x, max(0, bottom - y), max(0, right - x))

    def relative_to(self, other: Region) -> Region:
        """The same rectangle in the coordinates of ``other``'s corner."""
        return Region(self.y - other.y, self.x - other.x, self.height, self.width)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the last two (or first two) axes."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


@dataclass(frozen=True, slots=True)
class Tile:
    """``read`` is what the network sees, ``write`` the part of its output that is kept; both LR regions."""

    read: Region
    write: Region


@dataclass(frozen=True, slots=True)
class TileSpec:
    """How an image is cut: tiles of ``size`` x ``size`` LR pixels are kept, each seen with ``overlap`` more a side.

    With an overlap of at least the model's halo, tiled equals untiled; None takes the halo.
    """

    size: int
    overlap: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 1:
            raise InvalidSpecError(f"a tile's size must be an integer of at least 1 LR pixel; got {self.size!r}")
        if self.overlap is not None and (not isinstance(self.overlap, int) or self.overlap < 0):
            raise InvalidSpecError(f"a tile's overlap must be an integer of at least 0 LR pixels; got {self.overlap!r}")


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` units of work; ``stage`` is one of encode, decode, project."""

    done: int
    total: int
    stage: str


@dataclass(frozen=True, slots=True, eq=False)
class SuperResolutionRequest:
    """All that one run needs; nothing of napari or torch.

    ``tiles`` None means automatic; ``consistency`` None switches the projection off.
    """

    image: NormalizedImage
    references: tuple[Reference, ...] = (PriorReference(),)
    samples: SampleSpec = field(default_factory=SampleSpec)
    tiles: TileSpec | None = None
    consistency: Consistency | None = "bicubic"

    def __post_init__(self) -> None:
        if not self.references:
            raise InvalidSpecError("a request needs at least one reference; use PriorReference() for none")
        if self.consistency not in ("bicubic", None):
            raise InvalidSpecError(f"consistency must be 'bicubic' or None; got {self.consistency!r}")

    @property
    def total(self) -> int:
        """Samples of the whole run."""
        return self.samples.count * len(self.references)


def _check_number(name: str, value: float, low: float, high: float) -> None:
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        domain = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise InvalidSpecError(f"{name} must be a finite number {domain}; got {value!r}")
