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

from napari_refvae.errors import DISK_FULL, OutputError
from napari_refvae.imageio.png import write_png16
from napari_refvae.imageio.tags import ImageTags, pixels_per_centimetre

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["OME", "OME_DTYPES", "check_ome", "holds", "output_errors", "whole", "write_image", "write_text"]

PNG = (".png",)
TIFF = (".tif", ".tiff")
OME = (".ome.tif", ".ome.tiff")

OME_DTYPES = ("bool", "uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")

CUT_SHORT = " requested and "
"""Numpy's words when a file takes a part of an array only; it keeps no error number."""


def holds(suffix: str, array: NDArray[Any]) -> bool:
    """Whether a format keeps an image's dtype and kind.

    PNG keeps uint8 and uint16; TIFF keeps all. Booleans count as uint8, see `write_image`.

    Raises
    ------
    OutputError
        If the suffix is of neither.
    """
    if suffix.lower() in TIFF:
        return True
    if suffix.lower() not in PNG:
        raise OutputError(f"expected .png, .tif or .tiff as the output's suffix; got {suffix!r}: rename the output")
    return array.dtype.newbyteorder("=").name in ("uint8", "uint16", "bool")


def write_image(path: Path | str, array: NDArray[Any], tags: ImageTags | None = None) -> None:
    """Write an image so that it is there whole or not at all, replacing a file of that name.

    Parameters
    ----------
    path
        Ends in .png, .tif or .tiff; its folder exists. With .ome.tif or .ome.tiff it becomes OME-TIFF.
    array
        ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W, 4)``, of a dtype that the format keeps (see
        `holds`). Booleans are written as 0 and 255 in 8 bits, the way 1-bit files are read.
    tags
        Colour profile, resolution and pixel size to write with it; what the format or the image's channels have
        no place for is left out.

    Raises
    ------
    OutputError
        If the format cannot keep the array, or the file cannot be written; nothing is left behind.
    """
    path, array = Path(path), np.asarray(array)
    if array.ndim not in (2, 3) or not array.size or array.shape[2:] not in ((), (1,), (3,), (4,)):
        raise OutputError(f"expected an image of shape (H, W), (H, W, 3) or (H, W, 4) to write; got {array.shape}")
    if array.dtype.kind not in "buif" or array.dtype.itemsize > 8:
        raise OutputError(
            f"expected booleans, integers or floats of up to 64 bits to write; got {array.dtype}: "
            "convert the image first"
        )
    if not holds(path.suffix, array):
        raise OutputError(f"expected uint8 or uint16 for a PNG; got {array.dtype}: write to .tiff instead")
    if path.name.lower().endswith(OME):
        check_ome(path, array.dtype)
    if array.dtype.kind == "b":
        array = array * np.uint8(255)
    plain = np.ascontiguousarray(array[..., 0] if array.shape[2:] == (1,) else array, array.dtype.newbyteorder("="))
    with whole(path) as temporary:
        if path.suffix.lower() in PNG:
            _write_png(temporary, plain, tags or ImageTags())
        else:
            _write_tiff(temporary, plain, tags or ImageTags(), path.name.lower().endswith(OME))


def check_ome(path: Path, dtype: np.dtype[Any]) -> None:
    """Refuse a dtype that OME-TIFF has no word for.

    Raises
    ------
    OutputError
        If it is such.
    """
    if dtype.newbyteorder("=").name not in OME_DTYPES:
        raise OutputError(f"could not write {path}: OME-TIFF cannot hold {dtype}; write to plain .tif instead")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text so that it is there whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written; nothing is left behind.
    """
    with whole(path) as temporary:
        temporary.write_text(text, "utf-8")


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn what the system says while ``path`` is written into an `OutputError`."""
    try:
        yield
    except OSError as error:
        raise OutputError(_sentence(path, error)) from error


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` that becomes ``path`` at the end, or vanishes."""
    temporary = path.with_name(f".{uuid.uuid4().hex[:12]}.partial")
    with output_errors(path):
        try:
            yield temporary
            os.replace(temporary, path)
        except BaseException:  # Ctrl-C too
            temporary.unlink(missing_ok=True)
            raise


def _write_png(path: Path, array: NDArray[Any], tags: ImageTags) -> None:
    if array.dtype == np.uint16 and array.ndim == 3:
        with path.open("wb") as file:
            write_png16(file, array, tags)
        return
    dpi = {} if tags.dpi is None else {"dpi": (tags.dpi[1], tags.dpi[0])}
    Image.fromarray(array).save(path, "PNG", icc_profile=tags.profile_for(array), **dpi)


def _write_tiff(path: Path, array: NDArray[Any], tags: ImageTags, ome: bool) -> None:
    """Uncompressed, so that every reader reads it and it can be mapped into memory."""
    colour = array.ndim == 3
    density, unit = (tags.dpi, "INCH") if tags.dpi else (pixels_per_centimetre(tags), "CENTIMETER")
    tifffile.imwrite(
        path,
        array,
        photometric="rgb" if colour else "minisblack",
        extrasamples=["unassalpha"] if array.shape[2:] == (4,) else None,
        iccprofile=tags.profile_for(array),
        resolution=None if density is None else (density[1], density[0]),
        resolutionunit=None if density is None else unit,
        ome=ome,
        metadata={"axes": "YXS" if colour else "YX", **_ome_sizes(tags)} if ome else None,
    )


def _ome_sizes(tags: ImageTags) -> dict[str, Any]:
    """A pixel's size in the words of OME-XML."""
    if tags.pixel_size is None:
        return {}
    sizes = {"PhysicalSizeY": tags.pixel_size[0], "PhysicalSizeX": tags.pixel_size[1]}
    return sizes | ({"PhysicalSizeYUnit": tags.unit, "PhysicalSizeXUnit": tags.unit} if tags.unit else {})


def _sentence(path: Path, error: OSError) -> str:
    folder = path.parent
    if not folder.exists():
        return f"could not write {path}: the folder {folder} does not exist; create it or choose another"
    if not folder.is_dir():
        return f"could not write {path}: {folder} is no folder; choose another"
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return f"could not write {path}: the folder {folder} may not be written to; choose another"
    if error.errno in DISK_FULL or CUT_SHORT in str(error):
        return f"could not write {path}: the disk is full; free some space or choose another folder"
    return f"could not write {path} ({error}); check the folder and its free space"
