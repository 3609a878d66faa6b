"""OME-Zarr: images of any size in chunks, with axes and their steps. Versions 0.4 and 0.5.

Needs the package zarr, which is loaded when it is first used. Folders on this machine only. Their JSON is checked
before zarr sees it, since one of zarr's codecs is a pickle, which may run programs.
"""

from __future__ import annotations

import json
import math
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_refvae.errors import InvalidInputError, OutputError, UnreadableFileError
from napari_refvae.imageio.arrays import ArraySource, describe_array
from napari_refvae.imageio.ngff import VERSIONS, attributes_for, check_codecs, finest_level, layout_from, ordered
from napari_refvae.imageio.reading import DAMAGE
from napari_refvae.imageio.tiff import MAX_BYTES
from napari_refvae.imageio.writing import output_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_refvae.imageio.layout import Layout
    from napari_refvae.regions import Region

__all__ = ["ZarrTarget", "create_ome_zarr", "is_zarr", "open_ome_zarr", "whole_ome_zarr"]

DESCRIPTIONS = (".zattrs", ".zgroup", ".zarray", "zarr.json")
ARRAYS = (".zarray", "zarr.json")

CHUNK = 1024
"""Rows and columns of a chunk that is written."""

INSTALL = "zarr is not installed: pip install 'napari-refvae[zarr]'"


@dataclass(frozen=True, slots=True, eq=False)
class ZarrPixels:
    """A zarr array that notices when its folder is gone; zarr itself would go on with zeros."""

    array: Any
    path: Path

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return np.dtype(self.array.dtype)

    def __getitem__(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        values = np.asarray(self.array[key])
        if not any((self.path / name).is_file() for name in ARRAYS):
            raise UnreadableFileError(f"{self.path} vanished while it was being read: start again when it is back")
        return values


@dataclass(frozen=True, slots=True, eq=False)
class ZarrTarget:
    """An array on the disk that results go into, plane by plane or in parts.

    Attributes
    ----------
    data
        The zarr array.
    layout
        Of the array on the disk.
    wanted
        The layout that it was asked for, whose planes' indices `write` takes.
    path
        The folder.
    """

    data: Any
    layout: Layout
    wanted: Layout
    path: Path

    def write(self, image: NDArray[Any], index: tuple[int, ...] = (), region: Region | None = None) -> None:
        """Write a plane, or a region of it.

        Raises
        ------
        OutputError
            If the disk is full, or the folder gone or read-only.
        """
        places = {axis.name: number for axis, number in zip(self.wanted.leading, index, strict=True)}
        key = self.layout.key(tuple(places[axis.name] for axis in self.layout.leading), region)
        with output_errors(self.path):
            self.data[key] = self.layout.from_image(image)


def is_zarr(path: Path | str) -> bool:
    """Whether a folder holds a zarr group or array."""
    return any((Path(path) / name).is_file() for name in DESCRIPTIONS)


def open_ome_zarr(path: Path | str, *, axes: str | None = None, rgb: bool | None = None) -> ArraySource:
    """Describe the finest level of an OME-Zarr image, or a plain zarr array, without reading its pixels.

    Chunks that are not there read as the array's fill value, as zarr has it.

    Parameters
    ----------
    path
        The folder.
    axes
        Of a plain array, see `describe_array`; OME-Zarr says it itself.
    rgb
        Whether the channels are the colours of one picture; see `napari_refvae.imageio.ngff.layout_from`.

    Raises
    ------
    UnreadableFileError
        If there is no such folder, or it is damaged or no zarr.
    InvalidInputError
        If it is one that cannot be used, or zarr is not installed.
    """
    path = Path(path)
    if not is_zarr(path):
        raise UnreadableFileError(f"expected a zarr folder; {path} is none: check the path")
    with _reading(path):
        attributes = _attributes(path)
        image = finest_level(attributes)
        if image is None:
            return describe_array(_open_array(path), axes, rgb=rgb, name=str(path))
        pixels = _open_array(path / image["datasets"][0]["path"])
        omero = attributes.get("ome", attributes).get("omero", {})
        channels = omero.get("channels", ()) if isinstance(omero, dict) else ()
        return ArraySource(pixels, layout_from(image, pixels.shape, channels, rgb), str(path))


def create_ome_zarr(
    path: Path | str, layout: Layout, dtype: Any, *, version: Literal["0.4", "0.5"] = "0.5", name: str = "image"
) -> ZarrTarget:
    """Create an OME-Zarr image of zeros, of one level.

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
    try:
        import zarr
    except ImportError as error:
        raise OutputError(f"could not write {path}: {INSTALL}") from error
    native = np.dtype(dtype).newbyteorder("=")
    with output_errors(path):
        zarr_format = VERSIONS[version]
        group = zarr.create_group(str(path), zarr_format=zarr_format)
        extra: dict[str, Any] = (
            {"dimension_names": list(target.names)}
            if zarr_format == 3
            else {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
        )
        array = group.create_array("0", shape=target.shape, chunks=_chunks(target), dtype=native, fill_value=0, **extra)
        group.attrs.update(attributes_for(target, version, name, native))
    return ZarrTarget(array, target, layout, path)


@contextmanager
def whole_ome_zarr(path: Path | str, layout: Layout, dtype: Any, **options: Any) -> Iterator[ZarrTarget]:
    """Create an OME-Zarr image that appears when the block ends well, and vanishes if it does not.

    Until then it is called ``<name>.partial``. Parameters and errors are those of `create_ome_zarr`.
    """
    path = Path(path)
    if path.exists():
        raise OutputError(f"could not write {path}: it exists already; choose another name, or remove it")
    partial = path.with_name(path.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        yield create_ome_zarr(partial, layout, dtype, **options)
        with output_errors(path):
            partial.rename(path)
    except BaseException:  # Ctrl-C too
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _chunks(layout: Layout) -> tuple[int, ...]:
    """One plane, or a square of it."""
    within = {"y", "x", layout.colour}
    return tuple(min(axis.length, CHUNK) if axis.name in within else 1 for axis in layout.axes)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except UnreadableFileError:
        raise
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from error
    except (*DAMAGE, MemoryError) as error:
        raise UnreadableFileError(
            f"expected a whole zarr folder; {path} is damaged ({str(error) or type(error).__name__}): "
            "fetch or write it again"
        ) from error


def _attributes(path: Path) -> dict[str, Any]:
    """Attributes of a group or array, of either version."""
    described = _json(path / "zarr.json").get("attributes", {}) | _json(path / ".zattrs")
    return dict(described)


def _json(path: Path) -> dict[str, Any]:
    """What a file holds; empty if it is not there."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds no object")
    return found


def _open_array(path: Path) -> ZarrPixels:
    try:
        import zarr
    except ImportError as error:
        raise InvalidInputError(f"reading it needs zarr: {INSTALL}") from error
    for name in ARRAYS:
        check_codecs(_json(path / name), path.name)
    array = zarr.open_array(str(path), mode="r")
    if array.dtype.kind not in "buif":
        raise InvalidInputError(f"expected an array of numbers; got {array.dtype}: convert it first")
    if math.prod(array.chunks) * array.dtype.itemsize > MAX_BYTES:
        raise InvalidInputError(
            f"expected chunks of at most {MAX_BYTES:,} bytes; got {array.chunks} of {array.dtype}: "
            "write it in smaller ones"
        )
    return ZarrPixels(array, path)
