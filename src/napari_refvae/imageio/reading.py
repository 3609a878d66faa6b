"""From a path to an array, or to one sentence that says why not."""

from __future__ import annotations

import lzma
import struct
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import UnidentifiedImageError
from tifffile import TiffFileError

from napari_refvae.errors import InvalidInputError, UnreadableFileError
from napari_refvae.imageio.raster import read_raster
from napari_refvae.imageio.tiff import TIFF_SIGNATURES, read_tiff

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

    from napari_refvae.imageio.tags import ImageTags

__all__ = ["read_image", "read_tagged_image", "reading_errors"]

KINDS = "PNG, JPEG, WebP, BMP, GIF or TIFF"

DAMAGE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError),
    *(RuntimeError, AssertionError, SystemError, struct.error, zlib.error, lzma.LZMAError, TiffFileError),
)
"""What the decoders raise for damaged files. They document little of it; this was found by damaging files."""


def read_image(path: Path | str) -> NDArray[Any]:
    """Read an image file at its full depth.

    Parameters
    ----------
    path
        PNG, JPEG, WebP, BMP, GIF or TIFF, told by its content and not by its name.

    Returns
    -------
    NDArray
        ``(H, W)`` grey, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA, upright by its EXIF orientation,
        contiguous, native byte order. uint8 or uint16; TIFF also signed, 32 and 64 bits, and floats.
        1-bit images come as uint8, palettes and CMYK as RGB; of an animation, the first frame.

    Raises
    ------
    UnreadableFileError
        If there is no such file, or it is empty, damaged or of another kind.
    InvalidInputError
        If it is an image that cannot be used: a stack of planes (`napari_refvae.imageio.tiffstack` reads
        those), too many pixels, a depth that would be lost.
    """
    return read_tagged_image(path)[0]


def read_tagged_image(path: Path | str) -> tuple[NDArray[Any], ImageTags]:
    """Read an image file as `read_image` does, and its tags: colour profile, dots an inch, pixel size."""
    path = Path(path)
    with reading_errors(path), path.open("rb") as file:
        values, tags = _read(file, path)
    return np.ascontiguousarray(values, values.dtype.newbyteorder("=")), tags


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while ``path`` is read into an `InvalidInputError` that names it."""
    try:
        if path.exists() and not path.is_file():
            raise UnreadableFileError(f"expected an image file; {path} is a folder or device: name the images in it")
        yield
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
    except MemoryError as error:
        raise UnreadableFileError(
            f"{path} needs more memory than there is, to be read: close other programs, or crop it"
        ) from error
    except DAMAGE as error:
        raise UnreadableFileError(
            f"expected a whole image; {path} is damaged or cut short ({error}): fetch or save it again"
        ) from error


def _read(file: BinaryIO, path: Path) -> tuple[NDArray[Any], ImageTags]:
    """Decode an open file of any known kind."""
    start = file.read(4)
    file.seek(0)
    if not start:
        raise UnreadableFileError(f"expected an image file; {path} is empty: fetch or save it again")
    values, tags = read_tiff(file) if start in TIFF_SIGNATURES else read_raster(file)
    if not values.size:  # tifffile returns that for some damage
        raise ValueError("it holds no pixel")
    return values, tags
