"""How much the compressed parts of a TIFF hold, before they are decompressed at once, as tifffile does."""

from __future__ import annotations

import lzma
import zlib
from typing import TYPE_CHECKING

import numpy as np
from tifffile import COMPRESSION

from napari_refvae.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tifffile import FileHandle, TiffPage

__all__ = ["check_inflated"]

AT_ONCE = 2**20
"""Bytes that are decompressed at a time."""

XZ = b"\xfd7zXZ\0"
"""How a stream of LZMA begins in a TIFF."""

SLACK = 2**16
"""Bytes by which a part may be longer than its pixels: some programs pad the last strip."""


def check_inflated(file: FileHandle, page: TiffPage, numbers: Iterable[int]) -> None:
    """Refuse tiles or strips of a page that hold far more than their pixels: a small file could fill the memory.

    Only the compressions without a bound of their own are looked into, in small parts.

    Raises
    ------
    InvalidInputError
        If one does.
    zlib.error, lzma.LZMAError
        If one is damaged.
    """
    if page.compression not in (COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE, COMPRESSION.LZMA):
        return
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    pixels = min(rows, max(page.imagelength, page.tilelength)) * columns
    most = 2 * pixels * page.samplesperpixel * np.dtype(page.dtype).itemsize + SLACK
    for number in numbers:
        file.seek(page.dataoffsets[number])
        if _holds_more(file.read(page.databytecounts[number]), page.compression == COMPRESSION.LZMA, most):
            raise InvalidInputError(
                f"expected tiles or strips of at most {most:,} bytes once decompressed; the file has one that holds "
                "more: save it again, without compression"
            )


def _holds_more(data: bytes, xz: bool, most: int) -> bool:
    return (_count_xz if xz else _count_deflated)(data, most) > most


def _count_deflated(data: bytes, most: int) -> int:
    """Bytes that are in there; of too many, the first."""
    inflater, total = zlib.decompressobj(), 0
    while data and not inflater.eof and total <= most:
        total += len(inflater.decompress(data, AT_ONCE))
        data = inflater.unconsumed_tail
    return total


def _count_xz(data: bytes, most: int) -> int:
    """The same; there may be several streams, one behind the other."""
    unpacker, total = lzma.LZMADecompressor(), 0
    while total <= most:
        made = len(unpacker.decompress(data, AT_ONCE))
        total, data = total + made, b""
        if unpacker.eof and unpacker.unused_data.startswith(XZ):
            data, unpacker = unpacker.unused_data, lzma.LZMADecompressor()
        elif unpacker.eof or (not made and unpacker.needs_input):  # the end, or it is cut short
            break
    return total
