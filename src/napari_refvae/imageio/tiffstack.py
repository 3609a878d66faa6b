"""TIFF stacks, plane by plane: multi-page files, ImageJ hyperstacks, OME-TIFF.

The file is opened for each plane and read, not mapped into memory: a mapped file that shrinks or vanishes under
its reader ends the whole process. Of a plane that lies uncompressed, or in tiles that tifffile decodes, only what is
asked for is read, so such planes may be far larger than memory. Others are decoded whole.

The rule for what a file holds: its axes are those that OME-XML, ImageJ or tifffile's own description name; pages
that nothing names are a stack along z. Previews and the lower levels of a pyramid do not count. A file of several
images of unlike sizes is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, TiffFile

from napari_refvae.errors import InvalidInputError, UnreadableFileError
from napari_refvae.imageio.arrays import ArraySource
from napari_refvae.imageio.layout import Axis, Layout
from napari_refvae.imageio.raster import ORIENTATION, TURNED
from napari_refvae.imageio.reading import reading_errors
from napari_refvae.imageio.tiff import (
    TIFF_SIGNATURES,
    check_chain,
    check_complete,
    check_page,
    count_colours,
    read_page,
)
from napari_refvae.imageio.tifftags import axis_sizes
from napari_refvae.imageio.tifftiles import is_tiled, read_tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tifffile import TiffFrame, TiffPage, TiffPageSeries

__all__ = ["is_tiff", "open_tiff"]

STEP = (1.0, "")
"""Along an axis of which the file says nothing."""

UNNAMED = "QI"
"""tifffile's letters for an axis without a name, and for a sequence of images."""


@dataclass(frozen=True, slots=True, eq=False)
class TiffPlanes:
    """The pixels of a TIFF file; index them with one integer a leading axis, and slices of rows and columns."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pages: tuple[int, ...]  # the number of each plane's page
    offsets: tuple[int, ...] | None  # where each plane's bytes begin, if they can be read as they lie
    stored: np.dtype[Any]  # with the file's byte order
    tiled: bool  # whether windows of its pages can be read tile by tile
    stamp: tuple[int, int]  # the file's size and time when it was opened
    decoded: dict[int, NDArray[Any]] = field(default_factory=dict)  # the page that was decoded last, which has parts

    def __getitem__(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        numbers = [part for part in key if not isinstance(part, slice)]
        rows, columns, *_ = (part for part in key if isinstance(part, slice))
        leading, plane = self.shape[: len(numbers)], self.shape[len(numbers) :]
        place = int(np.ravel_multi_index(numbers, leading)) if leading else 0
        with reading_errors(self.path):
            if _stamp(self.path) != self.stamp:
                raise UnreadableFileError(f"{self.path} was changed while it was being read: start again")
            if self.offsets is not None:
                return self._lying(self.offsets[place], plane, rows, columns)
            if self.tiled:
                return self._tiles(self.pages[place], plane, rows, columns)
            if place not in self.decoded:
                self.decoded.clear()
                self.decoded[place] = self._decoded(self.pages[place], plane)
            return self.decoded[place][rows, columns]

    def _decoded(self, page: int, plane: tuple[int, ...]) -> NDArray[Any]:
        with self.path.open("rb") as file, TiffFile(file) as tiff:
            values = read_page(file, tiff, tiff.pages.get(page).aspage())
        _check_shape(values.shape, plane)
        return values

    def _tiles(self, page: int, plane: tuple[int, ...], rows: slice, columns: slice) -> NDArray[Any]:
        with self.path.open("rb") as file, TiffFile(file) as tiff:
            found = tiff.pages.get(page).aspage()
            colours = count_colours(found)
            _check_shape((found.imagelength, found.imagewidth, *([colours] if colours else [])), plane)
            return read_tiles(tiff, found, rows, columns)

    def _lying(self, offset: int, plane: tuple[int, ...], rows: slice, columns: slice) -> NDArray[Any]:
        """Of a plane whose bytes are its pixels; row by row where that is less to read."""
        top, bottom, _ = rows.indices(plane[0])
        left, right, _ = columns.indices(plane[1])
        colours, starts, height, kept = math.prod(plane[2:]), range(top, bottom), 1, slice(None)
        if 2 * (right - left) > plane[1]:
            left, right, kept, starts, height = 0, plane[1], columns, range(top, top + 1), bottom - top
        count, parts = height * (right - left) * colours, []
        with self.path.open("rb", buffering=0) as file:
            for row in starts:
                file.seek(offset + (row * plane[1] + left) * colours * self.stored.itemsize)
                parts.append(np.fromfile(file, self.stored, count))
        if any(part.size != count for part in parts):
            raise ValueError("its pixels are not all there")
        return np.concatenate(parts).reshape(bottom - top, right - left, *plane[2:])[:, kept]


def _check_shape(found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise InvalidInputError(f"expected pages of one shape, {expected}; got one unlike them of {found}")


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def is_tiff(path: Path) -> bool:
    """Whether a file begins as TIFF does."""
    with reading_errors(path), path.open("rb") as file:
        return file.read(4) in TIFF_SIGNATURES


def open_tiff(path: Path | str) -> ArraySource:
    """Describe a TIFF file of any number of planes without reading its pixels.

    Returns
    -------
    ArraySource
        With the steps along t, z, y and x that OME-XML or ImageJ's description gives.

    Raises
    ------
    UnreadableFileError
        If there is no such file, or it is damaged or no TIFF.
    InvalidInputError
        If it is one that cannot be used; see the module's rule.
    """
    path = Path(path)
    with reading_errors(path), path.open("rb") as file, TiffFile(file) as tiff:
        check_chain(tiff)
        series = _only_series(tiff)
        page = series.keyframe
        if not (_lies_plainly(page) or is_tiled(page)):
            check_page(page, tiff.filehandle.size)
        layout = _layout(series, axis_sizes(tiff))
        pages, offsets = _places(series, layout.count, tiff.filehandle.size)
        kept = np.dtype(np.uint8) if page.dtype == np.bool_ else np.dtype(page.dtype)
        stored = kept.newbyteorder(tiff.byteorder)
        planes = TiffPlanes(path.absolute(), layout.shape, kept, pages, offsets, stored, is_tiled(page), _stamp(path))
    return ArraySource(planes, layout, str(path))


def _only_series(tiff: TiffFile) -> TiffPageSeries:
    full = [series for series in tiff.series if not series.keyframe.is_reduced]
    if len(full) != 1:
        found = " and ".join(str(series.shape) for series in full[:3])
        raise InvalidInputError(
            f"expected one image or stack in a TIFF; got {len(full)} ({found}): save the one you want on its own"
        )
    if full[0].keyframe.axes not in ("YX", "YXS", "SYX"):
        raise InvalidInputError(
            f"expected TIFF pages of one plane; got {full[0].keyframe.axes}: save it as pages of planes"
        )
    return full[0]


def _layout(series: TiffPageSeries, sizes: dict[str, tuple[float, str]]) -> Layout:
    """Axes in the order that planes are given in: the leading ones, rows, columns, colours."""
    page = series.keyframe
    found = [(_letter(name, series), length) for name, length in zip(series.axes, series.shape, strict=True)]
    leading = [(name, length) for name, length in found if name not in "yxs"]
    colours = count_colours(page)
    rows, columns = page.imagelength, page.imagewidth
    if page.tags.valueof(ORIENTATION, 1) in TURNED:
        rows, columns, sizes = columns, rows, {**sizes, "y": sizes.get("x", STEP), "x": sizes.get("y", STEP)}
    axes = [*leading, ("y", rows), ("x", columns), *([("s", colours)] if colours else [])]
    steps = {name: sizes.get(name, STEP) for name, _ in axes}
    named = (Axis(name, length, steps[name][0], unit=steps[name][1]) for name, length in axes)
    return Layout(tuple(named), "s" if colours else None)


def _letter(name: str, series: TiffPageSeries) -> str:
    """Our letter for one of tifffile's."""
    if name in UNNAMED:
        if "Z" in series.axes or sum(letter in UNNAMED for letter in series.axes) > 1:
            raise InvalidInputError(f"expected a stack along t, c and z; got axes {series.axes}: name them in the file")
        return "z"
    return name.lower()


def _places(series: TiffPageSeries, count: int, size: int) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """The page of each plane, and the bytes of each if they can be read as they lie."""
    page = series.keyframe
    as_it_lies = _lies_plainly(page)
    start = series.dataoffset
    if as_it_lies and start is not None:
        if start + count * page.nbytes > size:
            raise ValueError("its planes are not all there")
        return (), tuple(range(start, start + count * page.nbytes, page.nbytes))
    pages = [found for found in series.pages if found is not None and found.parent is series.parent]
    if len(pages) != count:
        raise InvalidInputError(
            f"expected all {count} planes of the TIFF in one file; some lie elsewhere or are missing: "
            "save the whole stack as one file"
        )
    for found in pages:
        check_complete(found, size)
    numbers = tuple(int(found.index) for found in pages)
    whole = as_it_lies and all(_in_one_piece(found, page.nbytes) for found in pages)
    return numbers, tuple(int(found.dataoffsets[0]) for found in pages) if whole else None


def _lies_plainly(page: TiffPage) -> bool:
    """Whether the bytes of a page are its pixels."""
    return (
        page.compression == COMPRESSION.NONE
        and page.photometric in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB)
        and page.axes in ("YX", "YXS")
        and page.samplesperpixel != 2
        and EXTRASAMPLE.ASSOCALPHA not in page.extrasamples
        and page.bitspersample == 8 * np.dtype(page.dtype).itemsize
        and page.tags.valueof(ORIENTATION, 1) == 1
        and not page.is_tiled
    )


def _in_one_piece(page: TiffPage | TiffFrame, nbytes: int) -> bool:
    """Whether a page's strips follow each other without a gap."""
    ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    return sum(page.databytecounts) == nbytes and list(page.dataoffsets[1:]) == ends[:-1]
