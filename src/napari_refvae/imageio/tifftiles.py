"""A part of a TIFF page that is stored in tiles: no others than those that it touches are decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.imageio.inflating import check_inflated
from napari_refvae.imageio.raster import MAX_PIXELS, ORIENTATION
from napari_refvae.imageio.tiff import as_meant, is_readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from tifffile import TiffFile, TiffPage

__all__ = ["is_tiled", "read_tiles"]

AXES = ("YX", "YXS", "SYX")


def is_tiled(page: TiffPage) -> bool:
    """Whether a page can be read tile by tile: whole bytes a value, upright, in a compression that tifffile undoes."""
    return (
        page.is_tiled
        and is_readable(page)
        and page.axes in AXES
        and page.bitspersample == 8 * np.dtype(page.dtype).itemsize
        and page.tags.valueof(ORIENTATION, 1) == 1
        and page.tilewidth * page.tilelength <= MAX_PIXELS
    )


def read_tiles(tiff: TiffFile, page: TiffPage, rows: slice, columns: slice) -> NDArray[Any]:
    """Decode a window of a page as `read_page` decodes all of it: ``(h, w)`` or ``(h, w, C)``.

    Raises
    ------
    ValueError, ...
        What tifffile raises for a damaged file.
    """
    top, bottom, _ = rows.indices(page.imagelength)
    left, right, _ = columns.indices(page.imagewidth)
    apart = page.samplesperpixel if page.axes == "SYX" else 1  # colours in tiles of their own
    made = np.empty((apart, bottom - top, right - left, page.samplesperpixel // apart), page.dtype)
    for number in _touched(page, apart, (top, bottom), (left, right)):
        tile, (sample, _, y, x, _), (_, height, width, _) = _decoded(tiff, page, number)
        upper, lower = max(top, y), min(bottom, y + height)
        first, last = max(left, x), min(right, x + width)
        part = tile[0, upper - y : lower - y, first - x : last - x]
        made[sample, upper - top : lower - top, first - left : last - left] = part
    values = np.moveaxis(made[..., 0], 0, -1) if apart > 1 else made[0]
    return as_meant(values[..., 0] if values.shape[2:] == (1,) else values, page)


def _touched(page: TiffPage, apart: int, rows: tuple[int, int], columns: tuple[int, int]) -> Iterator[int]:
    """Numbers of the tiles that a window touches."""
    across, down = -(-page.imagewidth // page.tilewidth), -(-page.imagelength // page.tilelength)
    for sample in range(apart):
        for y in range(rows[0] // page.tilelength, -(-rows[1] // page.tilelength)):
            for x in range(columns[0] // page.tilewidth, -(-columns[1] // page.tilewidth)):
                yield (sample * down + y) * across + x


def _decoded(tiff: TiffFile, page: TiffPage, number: int) -> tuple[Any, ...]:
    """A tile's pixels, its place and its shape, as tifffile has them."""
    file = tiff.filehandle
    check_inflated(file, page, [number])
    file.seek(page.dataoffsets[number])
    found = page.decode(file.read(page.databytecounts[number]), number)
    if found[0] is None:
        raise ValueError("its pixels are not all there")
    return found
