"""Whether there is room on the disk, before anything is made."""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from napari_refvae.errors import InvalidInputError, OutputError
from napari_refvae.imageio.files import open_source
from napari_refvae.imageio.omezarr import is_zarr
from napari_refvae.imageio.tiffstack import is_tiff

if TYPE_CHECKING:
    from pathlib import Path

    from napari_refvae.planning import RunSettings

__all__ = ["check_space", "expect_bytes", "result_bytes"]

UNITS = ("bytes", "kB", "MB", "GB", "TB")

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning)
"""What Pillow raises for headers that are none."""


def check_space(needed: int, folder: Path) -> None:
    """Refuse to begin what the disk has no room for.

    Raises
    ------
    OutputError
        If there are less than ``needed`` bytes free where the folder is or will be.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise OutputError(
            f"expected room for up to {_in_words(needed)} in {folder}; the disk has {_in_words(free)} free: free some "
            "space, choose another folder with --output, take fewer samples, or say --no-space-check if what is "
            "compressed will fit"
        )


def result_bytes(shape: tuple[int, ...], dtype: np.dtype[np.generic], settings: RunSettings, images: int) -> int:
    """Bytes of what is made of an image of ``shape``, ``(h, w[, C])``, uncompressed.

    ``settings.scale`` is a number here.
    """
    height, width = shape[:2]
    if settings.region is not None:
        height, width = settings.region.height, settings.region.width
    return images * (settings.scale or 1) ** 2 * height * width * math.prod(shape[2:]) * dtype.itemsize


def expect_bytes(path: Path, settings: RunSettings, images: int) -> int:
    """The same from a file's header alone; 0 if that cannot be read: the image then fails on its own."""
    try:
        if is_zarr(path) or is_tiff(path):
            source = open_source(path)
            layout = source.layout
            colours = (layout.axis(layout.colour).length,) if layout.colour else ()
            return layout.count * result_bytes((*layout.size, *colours), source.dtype, settings, images)
        with Image.open(path) as image:
            wide = image.mode.startswith("I")
            shape = (image.height, image.width, 1 if wide else min(4, len(image.getbands())))
    except (InvalidInputError, *UNREADABLE):
        return 0
    return result_bytes(shape, np.dtype(np.uint16 if wide else np.uint8), settings, images)


def _in_words(count: int) -> str:
    power = min(len(UNITS) - 1, (len(str(count)) - 1) // 3)
    return f"{count / 1000**power:.{0 if power == 0 else 1}f} {UNITS[power]}"
