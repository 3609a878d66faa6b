"""Writing PNG of 16 bits a channel in colour, which Pillow cannot.

After the PNG specification, third edition (W3C, 2025): https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

    from napari_refvae.imageio.tags import ImageTags

__all__ = ["write_png16"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {3: 2, 4: 6}
DEPTH = 16
METRES_AN_INCH = 0.0254
SUB = 1
"""The filter: each byte minus that of the pixel to its left. Deflate packs a picture's differences far better."""

BAND = 128
"""Rows that are packed at a time."""


def write_png16(file: BinaryIO, array: NDArray[np.uint16], tags: ImageTags) -> None:
    """Encode ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA of uint16, with its profile and dots an inch."""
    height, width, channels = array.shape
    file.write(SIGNATURE)
    _write_chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, DEPTH, COLOUR_TYPES[channels], 0, 0, 0))
    profile = tags.profile_for(array)
    if profile is not None:
        _write_chunk(file, b"iCCP", b"ICC\0\0" + zlib.compress(profile))
    if tags.dpi is not None:
        vertical, horizontal = (round(dots / METRES_AN_INCH) for dots in tags.dpi)
        _write_chunk(file, b"pHYs", struct.pack(">IIB", horizontal, vertical, 1))
    for packed in _packed(array):
        _write_chunk(file, b"IDAT", packed)
    _write_chunk(file, b"IEND", b"")


def _packed(array: NDArray[np.uint16]) -> Iterator[bytes]:
    """The pixels, filtered and deflated, in pieces."""
    deflate = zlib.compressobj()
    for top in range(0, len(array), BAND):
        if piece := deflate.compress(_filtered(array[top : top + BAND])):
            yield piece
    yield deflate.flush()


def _filtered(rows: NDArray[np.uint16]) -> bytes:
    """Rows of big-endian samples, each after its filter's number."""
    height, width, channels = rows.shape
    pixels = np.ascontiguousarray(rows, ">u2").view(np.uint8).reshape(height, width, 2 * channels)
    pixels[:, 1:] -= pixels[:, :-1].copy()  # modulo 256, as the filter wants it
    return np.insert(pixels.reshape(height, -1), 0, SUB, axis=1).tobytes()


def _write_chunk(file: BinaryIO, name: bytes, body: bytes) -> None:
    file.write(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name))))
