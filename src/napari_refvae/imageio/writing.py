"""From an array to a file that is there whole, or not at all."""

from __future__ import annotations

import errno
import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from PIL import Image

from napari_refvae.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["holds", "output_errors", "write_image", "write_text"]

PNG = (".png",)
TIFF = (".tif", ".tiff")

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def holds(suffix: str, array: NDArray[Any]) -> bool:
    """Whether a format keeps an image's dtype and kind.

    PNG keeps uint8 and uint16 grey, and uint8 RGB and RGBA; TIFF keeps all. Booleans count as uint8, see
    `write_image`.

    Raises
    ------
    OutputError
        If the suffix is of neither.
    """
    if suffix.lower() in TIFF:
        return True
    if suffix.lower() not in PNG:
        raise OutputError(f"expected .png, .tif or .tiff as the output's suffix; got {suffix!r}: rename the output")
    grey = array.ndim == 2 or array.shape[2:] == (1,)
    return array.dtype.name in ("uint8", "bool") or (array.dtype.name == "uint16" and grey)


def write_image(path: Path | str, array: NDArray[Any]) -> None:
    """Write an image so that it is there whole or not at all, replacing a file of that name.

    Parameters
    ----------
    path
        Ends in .png, .tif or .tiff; its folder exists.
    array
        ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W, 4)``, of a dtype that the format keeps (see
        `holds`). Booleans are written as 0 and 255 in 8 bits, the way 1-bit files are read.

    Raises
    ------
    OutputError
        If the format cannot keep the array, or the file cannot be written; nothing is left behind.
    """
    path, array = Path(path), np.asarray(array)
    if array.ndim not in (2, 3) or not array.size or array.shape[2:] not in ((), (1,), (3,), (4,)):
        raise OutputError(f"expected an image of shape (H, W), (H, W, 3) or (H, W, 4) to write; got {array.shape}")
    if array.dtype.kind not in "buif":
        raise OutputError(f"expected booleans, integers or floats to write; got {array.dtype}: convert the image first")
    if not holds(path.suffix, array):
        raise OutputError(
            f"expected uint8, or uint16 grey, for a PNG; got {array.dtype} of shape {array.shape}: "
            "write to .tiff instead"
        )
    if array.dtype.kind == "b":
        array = array * np.uint8(255)
    plain = np.ascontiguousarray(array[..., 0] if array.shape[2:] == (1,) else array, array.dtype.newbyteorder("="))
    with _whole(path) as temporary:
        if path.suffix.lower() in PNG:
            Image.fromarray(plain).save(temporary, "PNG")
        else:
            _write_tiff(temporary, plain)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text so that it is there whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written; nothing is left behind.
    """
    with _whole(path) as temporary:
        temporary.write_text(text, "utf-8")


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn what the system says while ``path`` is written into an `OutputError`."""
    try:
        yield
    except OSError as error:
        raise OutputError(_sentence(path, error)) from error


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` that becomes ``path`` at the end, or vanishes."""
    temporary = path.with_name(f".{uuid.uuid4().hex[:12]}.partial")
    with output_errors(path):
        try:
            yield temporary
            os.replace(temporary, path)
        except BaseException:  # Ctrl-C too
            temporary.unlink(missing_ok=True)
            raise


def _write_tiff(path: Path, array: NDArray[Any]) -> None:
    """Uncompressed, so that every reader reads it and it can be mapped into memory."""
    colour = array.ndim == 3
    tifffile.imwrite(
        path,
        array,
        photometric="rgb" if colour else "minisblack",
        extrasamples=["unassalpha"] if array.shape[2:] == (4,) else None,
        metadata=None,
    )


def _sentence(path: Path, error: OSError) -> str:
    folder = path.parent
    if not folder.exists():
        return f"could not write {path}: the folder {folder} does not exist; create it or choose another"
    if not folder.is_dir():
        return f"could not write {path}: {folder} is no folder; choose another"
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return f"could not write {path}: the folder {folder} may not be written to; choose another"
    if error.errno in DISK_FULL:
        return f"could not write {path}: the disk is full; free some space or choose another folder"
    return f"could not write {path} ({error}); check the folder and its free space"
