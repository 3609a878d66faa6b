"""From a path to an array, or to one sentence that says why not."""

from __future__ import annotations

import lzma
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import UnidentifiedImageError
from tifffile import TiffFileError

from napari_refvae.errors import InvalidInputError, UnreadableFileError
from napari_refvae.imageio.raster import read_raster
from napari_refvae.imageio.tiff import TIFF_SIGNATURES, read_tiff

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy.typing import NDArray

__all__ = ["read_image"]

KINDS = "PNG, JPEG, WebP, BMP or TIFF"

DAMAGE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError),
    *(RuntimeError, MemoryError, struct.error, zlib.error, lzma.LZMAError, TiffFileError),
)
"""What the decoders raise for damaged files. They document little of it; this was found by damaging files."""


def read_image(path: Path | str) -> NDArray[Any]:
    """Read an image file at its full depth.

    Parameters
    ----------
    path
        PNG, JPEG, WebP, BMP or TIFF, told by its content and not by its name.

    Returns
    -------
    NDArray
        ``(H, W)`` grey, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA, upright by its EXIF orientation,
        contiguous, native byte order. uint8 or uint16; TIFF also signed, 32 and 64 bits, and floats.
        1-bit images come as uint8, palettes and CMYK as RGB.

    Raises
    ------
    UnreadableFileError
        If there is no such file, or it is empty, damaged or of another kind.
    InvalidInputError
        If it is an image that cannot be used: several frames or planes, too many pixels, a depth that
        would be lost.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise UnreadableFileError(f"expected an image file; {path} is a folder or device: name the images in it")
        with path.open("rb") as file:
            values = _read(file, path)
    except UnreadableFileError:
        raise
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from error
    except FileNotFoundError as error:
        raise UnreadableFileError(f"expected an image file; there is none at {path}: check the path") from error
    except PermissionError as error:
        raise UnreadableFileError(f"expected an image file; {path} may not be read: check its permissions") from error
    except UnidentifiedImageError as error:
        raise UnreadableFileError(
            f"expected an image ({KINDS}); {path} is none by its content: check the file, or convert it to PNG"
        ) from error
    except DAMAGE as error:
        raise UnreadableFileError(
            f"expected a whole image; {path} is damaged or cut short ({error}): fetch or save it again"
        ) from error
    return np.ascontiguousarray(values, values.dtype.newbyteorder("="))


def _read(file: BinaryIO, path: Path) -> NDArray[Any]:
    """Decode an open file of any known kind."""
    start = file.read(4)
    file.seek(0)
    if not start:
        raise UnreadableFileError(f"expected an image file; {path} is empty: fetch or save it again")
    values = read_tiff(file) if start in TIFF_SIGNATURES else read_raster(file)
    if not values.size:  # tifffile returns that for some damage
        raise ValueError("it holds no pixel")
    return values
