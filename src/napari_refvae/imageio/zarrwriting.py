"""Writing OME-Zarr: an image of any size, in parts, with coarser levels for viewers. Versions 0.4 and 0.5.

Needs the package zarr, which is loaded when it is first used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_refvae.errors import OutputError
from napari_refvae.imageio.ngff import VERSIONS, attributes_for, finest_level, ordered
from napari_refvae.imageio.omezarr import INSTALL
from napari_refvae.imageio.pyramids import coarsened, reduced
from napari_refvae.imageio.reading import DAMAGE
from napari_refvae.imageio.writing import output_errors
from napari_refvae.regions import Region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_refvae.imageio.layout import Layout

__all__ = ["CHUNK", "ZarrTarget", "create_ome_zarr", "reopen_ome_zarr"]

CHUNK = 1024
"""Rows and columns of a chunk that is written, at most."""

CUT_OFF = "*.partial"
"""What zarr calls a chunk, or its JSON, until all of it is written."""


@dataclass(frozen=True, slots=True, eq=False)
class ZarrTarget:
    """An image on the disk that results go into, plane by plane or in parts.

    Attributes
    ----------
    levels
        The zarr arrays, the finest first.
    layout
        Of the finest, on the disk.
    wanted
        The layout that it was asked for, whose planes' indices `write` takes.
    path
        The folder.
    factors
        By how much each level is coarser than the finest.
    """

    levels: tuple[Any, ...]
    layout: Layout
    wanted: Layout
    path: Path
    factors: tuple[int, ...] = (1,)

    def write(self, image: NDArray[Any], index: tuple[int, ...] = (), region: Region | None = None) -> None:
        """Write a plane, or a region of it, to all levels; the finest comes last.

        With coarser levels, the region begins at multiples of the greatest factor and has such a size.

        Raises
        ------
        OutputError
            If the disk is full, or the folder gone or read-only.
        """
        with output_errors(self.path):
            for level, factor in reversed([*zip(self.levels, self.factors, strict=True)]):
                key = self._key(index, None if region is None else _coarse(region, factor))
                level[key] = self.layout.from_image(image if factor == 1 else reduced(image, factor))

    def recall(self, index: tuple[int, ...] = (), region: Region | None = None) -> NDArray[Any] | None:
        """What was written, if all levels of it are there and say the same; else None."""
        try:
            found = [self._read(number, index, region) for number in range(len(self.levels))]
        except DAMAGE:
            return None
        finest, *coarser = found
        expected = (reduced(finest, factor) for factor in self.factors[1:])
        same = all(_equal(level, made) for level, made in zip(coarser, expected, strict=True))
        return finest if same else None

    def _read(self, number: int, index: tuple[int, ...], region: Region | None) -> NDArray[Any]:
        part = None if region is None else _coarse(region, self.factors[number])
        values = np.asarray(self.levels[number][self._key(index, part)])
        return np.ascontiguousarray(self.layout.to_image(values))

    def _key(self, index: tuple[int, ...], region: Region | None) -> tuple[int | slice, ...]:
        places = {axis.name: number for axis, number in zip(self.wanted.leading, index, strict=True)}
        return self.layout.key(tuple(places[axis.name] for axis in self.layout.leading), region)


def create_ome_zarr(
    path: Path | str,
    layout: Layout,
    dtype: Any,
    *,
    version: Literal["0.4", "0.5"] = "0.5",
    name: str = "image",
    factors: Sequence[int] = (1,),
    part: int = CHUNK,
) -> ZarrTarget:
    """Create an OME-Zarr image of zeros.

    Parameters
    ----------
    path
        The folder to make; there must be none.
    layout
        Axes and their steps, such as ``source.layout.enlarged(8)``.
    dtype
        Of the pixels.
    version
        Of OME-Zarr.
    name
        Of the image.
    factors
        By how much each level is coarser than the first; rows and columns are multiples of each.
    part
        Rows and columns of what is written at once: no chunk is larger, so that none is written twice.

    Raises
    ------
    OutputError
        If the folder is there already or cannot be made, or zarr is not installed.
    InvalidInputError
        If OME-Zarr has no place for such axes.
    """
    path, target = Path(path), ordered(layout)
    if path.exists():
        raise OutputError(f"could not write {path}: it exists already; choose another name, or remove it")
    zarr = _zarr(path)
    native = np.dtype(dtype).newbyteorder("=")
    with output_errors(path):
        zarr_format = VERSIONS[version]
        group = zarr.create_group(str(path), zarr_format=zarr_format)
        extra: dict[str, Any] = (
            {"dimension_names": list(target.names)}
            if zarr_format == 3
            else {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
        )
        levels = []
        for number, factor in enumerate(factors):
            coarse = coarsened(target, factor)
            chunks = _chunks(coarse, max(1, min(CHUNK, part // factor)))
            options = {"shape": coarse.shape, "chunks": chunks, "dtype": native, "fill_value": 0}
            levels.append(group.create_array(str(number), **options, **extra))
        group.attrs.update(attributes_for(target, version, name, native, factors))
    return ZarrTarget(tuple(levels), target, layout, path, tuple(factors))


def reopen_ome_zarr(path: Path, layout: Layout, dtype: Any, *, name: str, factors: Sequence[int]) -> ZarrTarget | None:
    """What `create_ome_zarr` made and was not finished, to go on with; None if it is not all there.

    What a process that was killed had not written to its end is removed, and the metadata are as they should be.

    Raises
    ------
    OutputError
        If the folder may not be written to, or zarr is not installed.
    """
    zarr, target = _zarr(path), ordered(layout)
    with output_errors(path):
        for cut_off in path.rglob(CUT_OFF):
            cut_off.unlink()
    try:
        group = zarr.open_group(str(path), mode="r+")
        image = finest_level(dict(group.attrs))
        levels = tuple(group[str(number)] for number in range(len(factors)))
        shapes = [coarsened(target, factor).shape for factor in factors]
        whole = image is not None and len(image["datasets"]) == len(factors)
        if not whole or [level.shape for level in levels] != shapes or any(level.dtype != dtype for level in levels):
            return None
    except DAMAGE:  # zarr.json may hold anything
        return None
    with output_errors(path):
        group.attrs.update(attributes_for(target, "0.5", name, np.dtype(dtype), factors))
    return ZarrTarget(levels, target, layout, path, tuple(factors))


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def _coarse(region: Region, factor: int) -> Region:
    return Region(region.y // factor, region.x // factor, region.height // factor, region.width // factor)


def _zarr(path: Path) -> Any:
    try:
        import zarr
    except ImportError as error:
        raise OutputError(f"could not write {path}: {INSTALL}") from error
    return zarr


def _chunks(layout: Layout, most: int) -> tuple[int, ...]:
    """One plane, or a square of it."""
    within = {"y", "x", layout.colour}
    return tuple(min(axis.length, most) if axis.name in within else 1 for axis in layout.axes)
