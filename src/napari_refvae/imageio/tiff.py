"""Reading TIFF of any depth through tifffile, and through Pillow where only that can decompress."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, PREDICTOR, TiffFile, TiffFrame, TiffPage

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.inflating import check_inflated
from napari_refvae.imageio.raster import MAX_PIXELS, ORIENTATION, TURNED, check_size, oriented, read_raster
from napari_refvae.imageio.tags import ImageTags
from napari_refvae.imageio.tifftags import tiff_tags

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy.typing import NDArray
    from tifffile import FileHandle

__all__ = [
    "TIFF_SIGNATURES",
    "as_meant",
    "check_chain",
    "check_complete",
    "check_page",
    "count_colours",
    "is_readable",
    "read_page",
    "read_tiff",
]

TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # classic and big, in either byte order

PLAIN = (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB)
"""Pixels that need no colour conversion."""

READABLE = (COMPRESSION.NONE, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE, COMPRESSION.LZMA, COMPRESSION.PACKBITS)
"""Compressions that tifffile undoes by itself; Pillow knows the others (LZW, JPEG, fax)."""


MOST_PAGES = 10**6

MAX_BYTES = 8 * MAX_PIXELS
"""Compressed pixels that claim more are refused before they are decoded."""


def read_tiff(file: BinaryIO) -> tuple[NDArray[Any], ImageTags]:
    """Decode an open TIFF file: ``(H, W)`` or ``(H, W, C)``, upright, in its own dtype, and its tags.

    1-bit images come as uint8, palettes and CMYK as RGB, grey with alpha as RGBA; premultiplied alpha is
    divided out.

    Raises
    ------
    InvalidInputError
        If the file holds more than one plane, too many pixels, or a depth that cannot be kept.
    OSError, ValueError, ...
        What tifffile and Pillow raise for a damaged file.
    """
    with TiffFile(file) as tiff:
        check_chain(tiff)
        page = _only_page(tiff)
        tags = tiff_tags(tiff, page)
        turned = page.tags.valueof(ORIENTATION, 1) in TURNED
        return read_page(file, tiff, page), tags.turned() if turned else tags


def read_page(file: BinaryIO, tiff: TiffFile, page: TiffPage) -> NDArray[Any]:
    """Decode one page of an open TIFF file, as `read_tiff` does."""
    check_page(page, tiff.filehandle.size)
    if not is_readable(page):
        return _through_pillow(file, page)
    check_inflated(tiff.filehandle, page, range(len(page.dataoffsets)))
    values = page.asarray(maxworkers=1)
    if values.shape[2:] == (1,):  # called RGB, of one value a pixel
        values = values[..., 0]
    values = as_meant(np.moveaxis(values, 0, -1) if page.axes[0] == "S" else values, page)
    return oriented(values, ImageTags(), page.tags.valueof(ORIENTATION, 1))[0]


def check_chain(tiff: TiffFile) -> None:
    """Refuse a file whose pages run in a circle; tifffile would follow them for ever.

    Raises
    ------
    ValueError
        If they do, or there are more than a million.
    """
    file, words = tiff.filehandle, tiff.tiff
    file.seek(words.offsetsize)  # classic or big, the header's second half is the first page's offset
    offset, seen = _unpacked(file, words.offsetformat, words.offsetsize), set[int]()
    while offset:
        if offset in seen or len(seen) > MOST_PAGES:
            raise ValueError("its pages run in a circle")
        seen.add(offset)
        file.seek(offset)
        tags = _unpacked(file, words.tagnoformat, words.tagnosize)
        file.seek(offset + words.tagnosize + tags * words.tagsize)
        offset = _unpacked(file, words.offsetformat, words.offsetsize)


def _unpacked(file: FileHandle, layout: str, size: int) -> int:
    """A number, or 0 behind the end of the file."""
    content = file.read(size)
    return int(struct.unpack(layout, content)[0]) if len(content) == size else 0


def check_page(page: TiffPage, size: int) -> None:
    """Refuse a page that is too large to be decoded safely, or whose pixels a file of ``size`` bytes cannot hold.

    Raises
    ------
    InvalidInputError
        If it claims too many pixels or bytes.
    ValueError
        If the file ends before its pixels do; tifffile would fill them with zeros.
    """
    check_size(page.imagewidth, page.imagelength)
    if page.compression != COMPRESSION.NONE and page.nbytes > MAX_BYTES:
        raise InvalidInputError(
            f"expected an image of at most {MAX_BYTES:,} bytes once decompressed; the file claims {page.nbytes:,}: "
            "crop it, or save it without compression"
        )
    if is_readable(page):
        check_complete(page, size)


def is_readable(page: TiffPage) -> bool:
    """Whether tifffile can decode a page by itself."""
    plain = page.photometric in PLAIN and page.compression in READABLE
    return plain and page.predictor in (PREDICTOR.NONE, PREDICTOR.HORIZONTAL)


def _only_page(tiff: TiffFile) -> TiffPage:
    """The one plane of a file; previews and the levels of a pyramid do not count."""
    page = tiff.pages.first
    planes = [series for series in tiff.series if not series.keyframe.is_reduced]
    if page.axes not in ("YX", "YXS", "SYX") or sum(series.size for series in planes) != page.size:
        found = " and ".join(f"{series.shape} with axes {series.axes}" for series in planes[:3])
        raise InvalidInputError(
            f"expected a TIFF of one plane, grey or RGB; got {found}: save the plane you want on its own, "
            "or pass it as an array"
        )
    count_colours(page)
    return page


def count_colours(page: TiffPage) -> int:
    """Values of a pixel as it is decoded: 0 for grey, 3 for RGB, 4 for RGBA.

    Raises
    ------
    InvalidInputError
        If it is another number.
    """
    colours = 3
    if page.photometric in PLAIN:
        paired = page.samplesperpixel == 2 and page.extrasamples and page.extrasamples[0] != EXTRASAMPLE.UNSPECIFIED
        colours = 4 if paired else page.samplesperpixel
    if colours not in (1, 3, 4):
        raise InvalidInputError(
            f"expected a TIFF of 1, 3 or 4 values a pixel; got {colours}: save the channels as pages of their own"
        )
    return 0 if colours == 1 else colours


def check_complete(page: TiffPage | TiffFrame, size: int) -> None:
    """Refuse a file that ends before its pixels do; tifffile would fill them with zeros."""
    ends = (offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True))
    if max(ends, default=0) > size or 0 in page.databytecounts:
        raise ValueError("its pixels are not all there")


def as_meant(values: NDArray[Any], page: TiffPage) -> NDArray[Any]:
    """Values as they are meant: 0 is black, alpha is not premultiplied and follows three colours."""
    if values.dtype.kind == "b":
        values = values.astype(np.uint8) * np.uint8(255)
    if page.photometric == PHOTOMETRIC.MINISWHITE and values.dtype.kind == "u":
        values = np.iinfo(values.dtype).max - values
    alpha = page.extrasamples[0] if page.extrasamples else EXTRASAMPLE.UNSPECIFIED
    if alpha == EXTRASAMPLE.UNSPECIFIED or values.shape[2:] not in ((2,), (4,)):
        return values
    if alpha == EXTRASAMPLE.ASSOCALPHA:
        values = _divided(values)
    return values[..., [0, 0, 0, 1]] if values.shape[2] == 2 else values


def _divided(values: NDArray[Any]) -> NDArray[Any]:
    """Colours divided by the alpha that follows them."""
    greatest = np.iinfo(values.dtype).max if values.dtype.kind in "ui" else 1
    alpha = values[..., -1:].astype(np.float64) / greatest
    straight = values[..., :-1] / np.where(alpha > 0, alpha, 1)
    if values.dtype.kind in "ui":
        straight = np.rint(np.clip(straight, 0, greatest))
    return np.concatenate((straight.astype(values.dtype), values[..., -1:]), axis=-1)


def _through_pillow(file: BinaryIO, page: TiffPage) -> NDArray[Any]:
    """Decode with libtiff, refusing what Pillow would change without a word."""
    values, _ = read_raster(file, ("TIFF",), page.index)
    kept = np.dtype(np.uint8) if page.dtype == np.bool_ else page.dtype
    inverted = page.photometric == PHOTOMETRIC.MINISWHITE and kept != np.uint8
    if values.dtype != kept or inverted:
        compression = COMPRESSION(page.compression).name
        raise InvalidInputError(
            f"expected pixels that can be read without loss; got {page.dtype} compressed as {compression}: "
            "save the image as uncompressed TIFF"
        )
    return values
