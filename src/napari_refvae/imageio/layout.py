"""Which axis of an array is which, and where its steps lie in the world."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_refvae.regions import Region

__all__ = ["COLOURS", "Axis", "Layout"]

NAMES = "tczyxs"
"""Time, channel, depth, row, column; s: the colours of a pixel."""

COLOURS = (3, 4)
"""How many colours a pixel may have: RGB or RGBA."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of an array.

    Attributes
    ----------
    name
        One of t, c, z, y, x and s.
    length
        Steps along it.
    scale
        Size of a step in the world, positive.
    translation
        Where the centre of its first pixel lies in the world.
    unit
        Of both, such as ``micrometer``; empty if unknown.
    """

    name: str
    length: int
    scale: float = 1.0
    translation: float = 0.0
    unit: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.translation) and 0 < self.scale < math.inf):
            raise InvalidInputError(
                f"expected a positive step and a finite place for axis {self.name}; got {self.scale} and "
                f"{self.translation}: mend the file's metadata, or pass the array itself"
            )

    def refined(self, scale: int) -> Axis:
        """The axis with each pixel cut into ``scale``: the edges of the image stay where they are."""
        translation = self.translation - self.scale * (scale - 1) / (2 * scale)
        return dataclasses.replace(self, length=self.length * scale, scale=self.scale / scale, translation=translation)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which axis of an array is which.

    Attributes
    ----------
    axes
        In the array's order, y and x among them.
    colour
        Name of the axis that holds the colours (RGB or RGBA) of a pixel, or None if planes are grey. Channels of
        microscopy are no colours: each is a plane of its own.
    """

    axes: tuple[Axis, ...]
    colour: str | None = None

    def __post_init__(self) -> None:
        names = [axis.name for axis in self.axes]
        if len({*names}) != len(names) or not {"y", "x"} <= {*names} <= {*NAMES}:
            raise InvalidInputError(
                f"expected axes named y, x and some of t, c, z and s, each once; got {', '.join(names) or 'none'}: "
                "name them, for example axes='tzyx'"
            )
        if 0 in self.shape:
            raise InvalidInputError(f"expected an image; got shape {self.shape}, which holds no pixel")
        if "s" in names and self.colour != "s":
            raise InvalidInputError("expected the axis s to be the colours; name it c if it holds channels")
        if self.colour is not None and self.axis(self.colour).length not in COLOURS:
            raise InvalidInputError(
                f"expected 3 or 4 colours along axis {self.colour}; got {self.axis(self.colour).length}: "
                "treat them as channels (rgb=False)"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return tuple(axis.length for axis in self.axes)

    @property
    def names(self) -> str:
        """Of the axes, in their order, such as ``tzyx``."""
        return "".join(axis.name for axis in self.axes)

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)`` of a plane."""
        return self.axis("y").length, self.axis("x").length

    @property
    def leading(self) -> tuple[Axis, ...]:
        """The axes along which planes lie."""
        return tuple(axis for axis in self.axes if axis.name not in ("y", "x", self.colour))

    @property
    def count(self) -> int:
        """Number of planes."""
        return math.prod(axis.length for axis in self.leading)

    def axis(self, name: str) -> Axis:
        """The axis of that name."""
        return self.axes[self.names.index(name)]

    def planes(self) -> Iterator[tuple[int, ...]]:
        """The index of each plane along the leading axes, the last one fastest."""
        return itertools.product(*(range(axis.length) for axis in self.leading))

    def key(self, index: tuple[int, ...], region: Region | None = None) -> tuple[int | slice, ...]:
        """What to index the array with for a plane, or a region of it."""
        rows, columns = (slice(None), slice(None)) if region is None else region.slices
        chosen: dict[str, int | slice] = {"y": rows, "x": columns}
        chosen |= {axis.name: number for axis, number in zip(self.leading, index, strict=True)}
        return tuple(chosen.get(axis.name, slice(None)) for axis in self.axes)

    def to_image(self, values: NDArray[Any]) -> NDArray[Any]:
        """What `key` gave as an image: ``(H, W)``, or ``(H, W, C)`` with colours."""
        return values.transpose([self._plane_names.index(name) for name in self._image_names])

    def from_image(self, image: NDArray[Any]) -> NDArray[Any]:
        """An image as what `key` takes."""
        return image.transpose([self._image_names.index(name) for name in self._plane_names])

    def enlarged(self, scale: int) -> Layout:
        """The layout of the array whose planes have ``scale`` times as many rows and columns."""
        axes = (axis.refined(scale) if axis.name in ("y", "x") else axis for axis in self.axes)
        return dataclasses.replace(self, axes=tuple(axes))

    @property
    def _plane_names(self) -> str:
        return "".join(axis.name for axis in self.axes if axis.name in ("y", "x", self.colour))

    @property
    def _image_names(self) -> str:
        return "yx" + (self.colour or "")
