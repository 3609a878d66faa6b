"""Whether there is room on the disk, before anything is made."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from napari_refvae.errors import InvalidInputError, OutputError
from napari_refvae.imageio.files import open_source
from napari_refvae.imageio.layout import Axis, Layout
from napari_refvae.imageio.omezarr import is_zarr
from napari_refvae.imageio.raster import MODES
from napari_refvae.imageio.tiffstack import is_tiff
from napari_refvae.stacks.noise import field_bytes
from napari_refvae.stacks.space import pyramid_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from napari_refvae.model.doors import LatentLayout
    from napari_refvae.planning import RunSettings

__all__ = ["check_space", "expect_bytes", "expect_zarr", "result_bytes"]

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
        height, width = min(height, settings.region.height), min(width, settings.region.width)
    return images * (settings.scale or 1) ** 2 * height * width * math.prod(shape[2:]) * dtype.itemsize


def expect_bytes(path: Path, settings: RunSettings, images: int) -> int:
    """The same from a file's header alone; 0 if that cannot be read: the image then fails on its own."""
    header = _read_header(path)
    if header is None:
        return 0
    layout, dtype = header
    colours = (layout.axis(layout.colour).length,) if layout.colour else ()
    return layout.count * result_bytes((*layout.size, *colours), dtype, settings, images)


def expect_zarr(path: Path, settings: RunSettings, images: int, latents: LatentLayout) -> tuple[int, int]:
    """What is made as zarr, and what lies on the disk besides while it is made; see `expect_bytes`."""
    header = _read_header(path)
    if header is None:
        return 0, 0
    (layout, dtype), region = header, settings.region
    part = {} if region is None else {"y": region.height, "x": region.width}
    axes = (replace(axis, length=min(axis.length, part.get(axis.name, axis.length))) for axis in layout.axes)
    scale = settings.scale or 1
    made = pyramid_bytes(replace(layout, axes=tuple(axes)).enlarged(scale), dtype, scale)
    return images * made, field_bytes(latents, layout.size)


def _read_header(path: Path) -> tuple[Layout, np.dtype[np.generic]] | None:
    """What a file holds, if that can be told without its pixels."""
    try:
        if is_zarr(path) or is_tiff(path):
            source = open_source(path)
            return source.layout, source.dtype
        with Image.open(path) as image:
            wide, mode = image.mode.startswith("I"), "RGBA" if "transparency" in image.info else MODES.get(image.mode)
            axes = [Axis("y", image.height), Axis("x", image.width)]
    except (InvalidInputError, *UNREADABLE):
        return None
    if mode in ("RGB", "RGBA"):
        axes.append(Axis("s", len(mode)))
    return Layout(tuple(axes), "s" if len(axes) > 2 else None), np.dtype(np.uint16 if wide else np.uint8)


def _in_words(count: int) -> str:
    power = min(len(UNITS) - 1, (len(str(count)) - 1) // 3)
    return f"{count / 1000**power:.{0 if power == 0 else 1}f} {UNITS[power]}"
