"""Rectangles of pixels, and how an image is cut into them. Lengths are LR pixels unless said otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

from napari_refvae.errors import InvalidSpecError

__all__ = ["Region", "Tile", "TileSpec"]


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of pixels: its first row and column, and its size."""

    y: int
    x: int
    height: int
    width: int

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral):
                raise InvalidSpecError(f"a region's {name} must be an integer; got {value!r}")
            object.__setattr__(self, name, int(value))  # numpy's would be no JSON

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

    def joined(self, other: Region) -> Region:
        """The smallest rectangle that holds both."""
        y, x = min(self.y, other.y), min(self.x, other.x)
        bottom = max(self.y + self.height, other.y + other.height)
        right = max(self.x + self.width, other.x + other.width)
        return Region(y, x, bottom - y, right - x)

    def relative_to(self, other: Region) -> Region:
        """The same rectangle in the coordinates of ``other``'s corner."""
        return Region(self.y - other.y, self.x - other.x, self.height, self.width)

    def check_within(self, size: tuple[int, int]) -> None:
        """Refuse a region without pixels, or one that leaves an image of ``size``.

        Raises
        ------
        InvalidSpecError
            If it is such.
        """
        if not self.height or not self.width or self.intersect(Region(0, 0, *size)) != self:
            raise InvalidSpecError(
                f"region must be y, x, height and width in pixels, at least one of them and all within the image of "
                f"{size[0]} x {size[1]}; got {self.y}, {self.x}, {self.height}, {self.width}"
            )

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
