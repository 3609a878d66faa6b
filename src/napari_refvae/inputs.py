"""What callers pass, read and checked: paths, arrays and napari layers, ranges, regions, tiles.

A layer is known by what it has, so nothing of napari is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np

from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.imageio.files import read_tagged_image
from napari_refvae.imageio.measuring import measure_range
from napari_refvae.imageio.pixels import as_reference, dtype_range
from napari_refvae.imageio.tags import NO_TAGS, ImageTags
from napari_refvae.provenance import Source, pixel_hash
from napari_refvae.regions import Region, TileSpec
from napari_refvae.spec import ImageReference, IntensityRange, PriorReference, SelfReference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.spec import Reference

__all__ = [
    "Guide",
    "ImageLayer",
    "ImageLike",
    "Measured",
    "Picture",
    "RangeLike",
    "ReferenceLike",
    "RegionLike",
    "TileLike",
    "as_asked_range",
    "as_range",
    "as_region",
    "as_tiles",
    "layer_range",
    "read_picture",
    "read_references",
]


class ImageLayer(Protocol):
    """What a napari image layer has and we read; ``multiscale`` and ``rgb`` too, where they are there."""

    @property
    def data(self) -> Any: ...
    @property
    def contrast_limits(self) -> Any: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image as it came.

    Attributes
    ----------
    pixels
        As they are stored.
    source
        Where they came from.
    intensity_range
        Black and white, if that is known of this image alone: a layer's contrast limits.
    tags
        What its file says of it besides the pixels; results are saved with it.
    """

    pixels: np.ndarray[Any, Any]
    source: Source
    intensity_range: IntensityRange | None = None
    tags: ImageTags = NO_TAGS


class Guide(NamedTuple):
    """A reference that was read, and where it came from; passed on, it is not read again."""

    reference: Reference
    source: Source


ImageLike = Path | str | np.ndarray[Any, Any] | ImageLayer
ReferenceLike = ImageLike | ImageReference | SelfReference | PriorReference | Picture | Guide | None
RangeLike = IntensityRange | tuple[float, float] | None
Measured = Literal["measured"]
RegionLike = Region | tuple[int, int, int, int] | None
TileLike = Literal["auto"] | int | TileSpec | None


def read_picture(image: ImageLike | Picture) -> Picture:
    """Read a file, take an array as it is, or a napari layer's pixels at full resolution; a picture is returned.

    Raises
    ------
    InvalidInputError
        If it is none of these, or the layer is a stack.
    """
    if isinstance(image, Picture):
        return image
    if isinstance(image, str | Path):
        array, tags = read_tagged_image(image)
        source = Source("image", Path(image).name, str(Path(image).resolve()), pixel_hash(array))
        return Picture(array, source, tags=tags)
    if not isinstance(image, np.ndarray) and hasattr(image, "data") and hasattr(image, "contrast_limits"):
        return _read_layer(image)
    try:
        array = np.asarray(image)
    except ValueError as error:  # a ragged list
        raise InvalidInputError(
            f"expected an image array or the path of an image; got rows that differ ({error})"
        ) from error
    if array.dtype == object:
        raise InvalidInputError(f"expected an image array or the path of an image; got {type(image).__name__}")
    return Picture(array, Source("image", "array", None, pixel_hash(array)))


def _read_layer(layer: ImageLayer) -> Picture:
    data = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
    shape = np.shape(data)  # nothing is read for that: the data of a stack may be lazy, and larger than memory
    coloured = bool(getattr(layer, "rgb", len(shape) == 3))
    if len(shape) != 2 + coloured:
        raise InvalidInputError(
            f"expected a layer with one plane; got {layer.name!r} of shape {shape}: pass one plane of its data"
        )
    pixels = np.asarray(data)
    limits = layer_range(layer.contrast_limits, pixels.dtype, coloured=coloured)
    return Picture(pixels, Source("image", layer.name, None, pixel_hash(pixels)), limits)


def layer_range(limits: Sequence[float], dtype: np.dtype[Any], *, coloured: bool) -> IntensityRange | None:
    """What a layer's contrast limits say of black and white; napari shows grey and colours alike through them.

    None for colours that fill their integer dtype, as photographs do: nothing is declared of those. Float colours may
    lie outside 0..1 whatever the limits, so theirs are always declared.
    """
    declared = IntensityRange(*(float(limit) for limit in limits))
    return None if coloured and dtype.kind != "f" and declared == dtype_range(dtype) else declared


def read_references(
    references: ReferenceLike | Sequence[ReferenceLike],
    declared: IntensityRange | None,
    dtype: np.dtype[Any],
    *,
    measured: bool = False,
) -> list[Guide]:
    """Read one or several references; none of them means the prior.

    A ``declared`` range holds for those stored in ``dtype``, as the image is; it comes before a layer's contrast
    limits. A `Picture`'s own range comes before both. With ``measured``, each is used from its least to its
    greatest value instead.
    """
    several = isinstance(references, list | tuple) and not isinstance(references, Guide)
    items: list[Any] = [*references] if several else [references]  # type: ignore[misc]
    ranges = _Ranges(declared, dtype, measured)
    return [_reference(item, index, ranges) for index, item in enumerate(items or [None])]


class _Ranges(NamedTuple):
    """Which stored values mean black and white in references that do not say so themselves."""

    declared: IntensityRange | None
    dtype: np.dtype[Any]
    measured: bool

    def of(self, picture: Picture) -> IntensityRange | None:
        if self.measured:
            return measure_range([picture.pixels])
        return self.declared if picture.pixels.dtype == self.dtype and self.declared else picture.intensity_range


def _reference(item: ReferenceLike, index: int, ranges: _Ranges) -> Guide:
    if isinstance(item, Guide):
        return item
    if item is None or (isinstance(item, str) and item == "none"):
        item = PriorReference()
    elif isinstance(item, str) and item == "self":
        item = SelfReference()
    if isinstance(item, PriorReference | SelfReference):
        return Guide(item, Source(item.name, item.name))
    if isinstance(item, ImageReference):
        return Guide(item, Source("image", item.name, None, pixel_hash(item.image)))
    if isinstance(item, Picture):
        picture, used = item, item.intensity_range
    else:
        picture = read_picture(item)
        used = ranges.of(picture)
    limits = None if used is None else (used.low, used.high)
    source = replace(picture.source, name=_name(picture.source, index), intensity_range=limits)
    return Guide(ImageReference(as_reference(picture.pixels, used), source.name), source)


def _name(source: Source, index: int) -> str:
    if source.path:
        return Path(source.path).stem
    return f"reference{index + 1}" if source.name == "array" else source.name


def as_range(value: RangeLike) -> IntensityRange | None:
    """An intensity range from two numbers.

    Raises
    ------
    InvalidSpecError
        If it is something else.
    """
    if value is None or isinstance(value, IntensityRange):
        return value
    try:
        low, high = (float(bound) for bound in value)
    except (TypeError, ValueError) as error:
        raise InvalidSpecError(f"intensity_range must be two numbers (low, high); got {value!r}") from error
    return IntensityRange(low, high)


def as_asked_range(value: RangeLike | Measured) -> tuple[IntensityRange | None, bool]:
    """The declared range, and whether it is to be measured instead.

    Raises
    ------
    InvalidSpecError
        If it is something else.
    """
    if isinstance(value, str):
        if value != "measured":
            raise InvalidSpecError(f"intensity_range must be (low, high), 'measured' or None; got {value!r}")
        return None, True
    return as_range(value), False


def as_region(value: RegionLike) -> Region | None:
    """A region from four integers.

    Raises
    ------
    InvalidSpecError
        If it is something else.
    """
    if value is None or isinstance(value, Region):
        return value
    try:
        y, x, height, width = value
    except (TypeError, ValueError) as error:
        raise InvalidSpecError(f"region must be four integers (y, x, height, width); got {value!r}") from error
    return Region(y, x, height, width)


def as_tiles(tile: TileLike, size: tuple[int, ...]) -> TileSpec | None:
    """How to cut an image of ``size``; None means automatic.

    Raises
    ------
    InvalidSpecError
        If it is neither "auto", None, a number of LR pixels nor a `TileSpec`.
    """
    if isinstance(tile, TileSpec):
        return tile
    if tile == "auto":
        return None
    if tile is None:
        return TileSpec(max(1, *size[:2]))
    if isinstance(tile, str):
        raise InvalidSpecError(f"tile must be 'auto', a number of LR pixels, a TileSpec or None; got {tile!r}")
    return TileSpec(int(tile) if isinstance(tile, np.integer) else tile)
