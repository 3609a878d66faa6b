"""What a file says of its image besides the pixels: colour profile, printing resolution, pixel size."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = [
    "CENTIMETRES",
    "MOST_DPI",
    "NO_TAGS",
    "ImageTags",
    "find_tags",
    "is_profile",
    "pixels_per_centimetre",
    "positive_pair",
]

PROFILE_HEADER = 128  # bytes

SPACES = {(): b"GRAY", (1,): b"GRAY", (3,): b"RGB ", (4,): b"RGB "}
"""Colour space in a profile's header, by an image's shape after height and width."""

MOST_DPI = 1e6

MOST_DENSITY = 1e9
"""Pixels a centimetre that TIFF's fractions hold: ten an atom."""

CENTIMETRES = {"nm": 1e-7, "um": 1e-4, "µm": 1e-4, "micron": 1e-4, "mm": 0.1, "cm": 1.0, "m": 100.0, "inch": 2.54}
"""Units of a pixel's size."""


@dataclass(frozen=True, slots=True)
class ImageTags:
    """What a file says of its image besides the pixels.

    Attributes
    ----------
    profile
        Its ICC colour profile, or None.
    dpi
        ``(vertical, horizontal)`` dots an inch in print, or None. An enlarged image keeps it and prints larger.
    pixel_size
        ``(height, width)`` of a pixel in the world, as microscopes measure it, or None. An enlarged image's
        pixels are smaller.
    unit
        Of the pixel size, such as ``µm``; empty if unknown.
    """

    profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    pixel_size: tuple[float, float] | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        for name, most in (("dpi", MOST_DPI), ("pixel_size", math.inf)):
            pair = getattr(self, name)
            if pair is not None and positive_pair(pair, most) is None:
                raise InvalidInputError(f"expected two positive numbers (below {most:g}) as {name}; got {pair!r}")

    def enlarged(self, scale: int) -> ImageTags:
        """The tags of the same image with ``scale`` times as many pixels along each side."""
        if self.pixel_size is None:
            return self
        height, width = self.pixel_size
        return dataclasses.replace(self, pixel_size=(height / scale, width / scale))

    def turned(self) -> ImageTags:
        """The tags of the image with rows and columns swapped."""
        return dataclasses.replace(
            self,
            dpi=self.dpi and (self.dpi[1], self.dpi[0]),
            pixel_size=self.pixel_size and (self.pixel_size[1], self.pixel_size[0]),
        )

    def profile_for(self, array: NDArray[Any]) -> bytes | None:
        """The profile if it is one for an array's channels.

        A CMYK image is read as RGB and a grey palette as colours; their profiles would be wrong there.
        """
        fits = self.profile is not None and self.profile[16:20] == SPACES.get(array.shape[2:])
        return self.profile if fits else None


NO_TAGS = ImageTags()


def find_tags(info: Mapping[Any, Any]) -> ImageTags:
    """Tags from Pillow's ``info`` of an image; what is damaged there is left out."""
    profile = info.get("icc_profile")
    return ImageTags(profile if is_profile(profile) else None, _dpi(info.get("dpi")))


def is_profile(profile: Any) -> bool:
    """Whether bytes begin as an ICC profile does."""
    return isinstance(profile, bytes) and len(profile) > PROFILE_HEADER and profile[36:40] == b"acsp"


def positive_pair(values: Any, most: float = math.inf) -> tuple[float, float] | None:
    """Two positive finite numbers up to ``most``, or None."""
    try:
        first, second = (float(value) for value in values)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return (first, second) if 0 < first < most and 0 < second < most else None


def pixels_per_centimetre(tags: ImageTags) -> tuple[float, float] | None:
    """``(vertical, horizontal)`` density that a pixel size means, or None without a size of a known unit."""
    length = CENTIMETRES.get(tags.unit)
    if tags.pixel_size is None or length is None:
        return None
    return positive_pair((1 / (side * length) for side in tags.pixel_size), MOST_DENSITY)


def _dpi(pair: Any) -> tuple[float, float] | None:
    """Pillow's ``(horizontal, vertical)`` as ours."""
    found = positive_pair(pair, MOST_DPI)
    return found and (found[1], found[0])
