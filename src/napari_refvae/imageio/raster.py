"""Reading PNG, JPEG, WebP, BMP and GIF through Pillow, at their full depth.

Pillow has no colour mode of more than 8 bits a channel: it reads 16-bit RGB as its high bytes and
says nothing. Its decoders can hand out the low bytes just as well, by the other byte order's name,
so such an image is decoded twice and put together; whatever has more than 8 bits and does not fit
that way is refused.
"""

from __future__ import annotations

import sys
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFile

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.tags import ImageTags, find_tags

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from numpy.typing import NDArray

    Tagged = tuple[NDArray[Any], ImageTags]

__all__ = ["MAX_PIXELS", "MODES", "check_size", "oriented", "read_raster"]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")

MAX_PIXELS = 178_956_970
"""Larger images are refused before they are decoded; twice Pillow's own limit, where Pillow refuses too."""

MODES = {
    "1": "L",
    "L": "L",
    "LA": "RGBA",
    "PA": "RGBA",
    "P": "RGB",
    "RGB": "RGB",
    "RGBX": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "LAB": "RGB",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
    "I;16": "I;16",
    "I": "I",
    "F": "F",
}
"""Pillow's modes, and those they are read as."""

HIGH_LOW = {"B": ("B", "L"), "L": ("L", "B"), "N": ("L", "B") if sys.byteorder == "little" else ("B", "L")}
"""A 16-bit raw mode's byte order, and the two that yield its high and its low bytes."""

ORIENTATION = 0x0112
"""EXIF and TIFF tag."""

TURNED = (5, 6, 7, 8)
"""Its values that swap rows and columns."""


def read_raster(file: BinaryIO, formats: tuple[str, ...] = FORMATS, frame: int = 0) -> Tagged:
    """Decode an open file: ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)``, upright, and its tags.

    1-bit images come as uint8, so that a result can hold the grey levels between; palettes and CMYK
    as RGB; anything with transparency as RGBA. Of an animation, the first frame unless another is asked for.

    Raises
    ------
    InvalidInputError
        If the file holds too many pixels, or a depth that cannot be kept.
    OSError, SyntaxError, ValueError
        What Pillow raises for a damaged file.
    """
    with warnings.catch_warnings():  # damaged tags are of no consequence, and large images meet our own bound
        warnings.simplefilter("ignore")
        image = _open(file, formats, frame)
        rawmode = _rawmode(image)
        deep = ";16" in rawmode and not image.mode.startswith("I;16")
        values = _decode_deep(image, partial(_open, file, formats, frame), rawmode) if deep else _decode(image)
        return oriented(values, find_tags(image.info), image.getexif().get(ORIENTATION, 1))


def check_size(width: int, height: int) -> None:
    """Refuse an image that is too large to be decoded safely.

    Raises
    ------
    InvalidInputError
        If it has more than `MAX_PIXELS` pixels.
    """
    if width * height > MAX_PIXELS:
        raise InvalidInputError(
            f"expected an image of at most {MAX_PIXELS:,} pixels; the file claims {width} x {height}: crop it, or read "
            "it yourself and pass the array if you trust it"
        )


def oriented(values: NDArray[Any], tags: ImageTags, orientation: int) -> Tagged:
    """Turn an image upright by its EXIF or TIFF orientation, 1 to 8; other values leave it as it is."""
    if orientation in TURNED:
        values, tags = values.swapaxes(0, 1), tags.turned()
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values, tags


def _open(file: BinaryIO, formats: tuple[str, ...], frame: int) -> ImageFile.ImageFile:
    """Read the header."""
    file.seek(0)
    try:
        image = Image.open(file, formats=formats)
    except Image.DecompressionBombError as error:
        raise InvalidInputError(
            f"expected an image of at most {MAX_PIXELS:,} pixels; the file claims more: crop it, or read it yourself "
            "and pass the array if you trust it"
        ) from error
    if frame:
        image.seek(frame)
    check_size(*image.size)
    return image


def _decode(image: ImageFile.ImageFile) -> NDArray[Any]:
    """Decode an image of a mode that Pillow keeps whole."""
    image.load()
    mode = MODES.get("I;16" if image.mode.startswith("I;16") else image.mode)
    if mode is None:
        raise InvalidInputError(f"expected grey, RGB or CMYK pixels; got mode {image.mode}: save the image as RGB")
    key = image.info.get("transparency")
    if mode == "I;16":
        values = np.asarray(image).astype(np.uint16)
        return values if key is None else _with_key(np.repeat(values[..., None], 3, axis=2), (key,) * 3)
    if key is not None:
        mode = "RGBA"
    return np.asarray(image if image.mode == mode else image.convert(mode))


def _decode_deep(
    image: ImageFile.ImageFile, reopen: Callable[[], ImageFile.ImageFile], rawmode: str
) -> NDArray[np.uint16]:
    """Decode 16-bit colour: once for the high bytes and once for the low ones."""
    channels, depth = rawmode.split(";")
    if channels == "LA" and depth == "16B":  # four bytes a pixel: whole, under another name
        whole = _bytes_as(image, "RGBA")
        return _joined(whole[..., 0::2], whole[..., 1::2])[..., [0, 0, 0, 1]]
    if channels not in ("RGB", "RGBA") or image.mode != channels or depth[2:] not in HIGH_LOW:
        raise InvalidInputError(
            f"expected 16-bit pixels that can be read without loss; got {rawmode}: save the image as uncompressed TIFF"
        )
    high, low = HIGH_LOW[depth[2:]]
    values = _joined(_bytes_as(image, f"{channels};16{high}"), _bytes_as(reopen(), f"{channels};16{low}"))
    key = image.info.get("transparency")
    return values if key is None else _with_key(values, key)


def _rawmode(image: ImageFile.ImageFile) -> str:
    """Pillow's name for the pixels as they lie in the file; empty if it has none."""
    args = image.tile[0][3] if getattr(image, "tile", None) else ""
    raw = args[0] if isinstance(args, tuple) and args else args
    return raw if isinstance(raw, str) else ""


def _bytes_as(image: ImageFile.ImageFile, rawmode: str) -> NDArray[np.uint8]:
    """Decode with another raw mode of the same number of bytes a pixel."""
    tiles: list[Any] = []  # named tuples since Pillow 11, bare ones before
    for tile in image.tile:
        args = (rawmode, *tile[3][1:]) if isinstance(tile[3], tuple) else rawmode
        tiles.append(tile._replace(args=args) if hasattr(tile, "_replace") else (*tile[:3], args))
    image.tile = tiles
    image.load()
    return np.asarray(image)


def _joined(high: NDArray[np.uint8], low: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """16-bit values from their two bytes."""
    return np.left_shift(high, 8, dtype=np.uint16) | low


def _with_key(rgb: NDArray[np.uint16], key: tuple[int, ...]) -> NDArray[np.uint16]:
    """Add alpha to 16-bit RGB in which one colour means transparent."""
    opaque = (rgb != np.array(key, np.uint16)).any(axis=-1, keepdims=True)
    return np.concatenate((rgb, opaque * np.uint16(65535)), axis=-1)
