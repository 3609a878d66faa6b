"""Reading OME-Zarr: images of any size in chunks, with axes and their steps. Versions 0.4 and 0.5.

Needs the package zarr, which is loaded when it is first used. Folders on this machine only. Their JSON is checked
before zarr sees it, since one of zarr's codecs is a pickle, which may run programs.
"""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError, UnreadableFileError
from napari_refvae.imageio.arrays import ArraySource, describe_array
from napari_refvae.imageio.ngff import check_codecs, finest_level, layout_from
from napari_refvae.imageio.reading import DAMAGE
from napari_refvae.imageio.tiff import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["INSTALL", "is_zarr", "open_ome_zarr"]

DESCRIPTIONS = (".zattrs", ".zgroup", ".zarray", "zarr.json")
ARRAYS = (".zarray", "zarr.json")

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


def is_zarr(path: Path | str) -> bool:
    """Whether a folder holds a zarr group or array."""
    return any(os.path.isfile(Path(path) / name) for name in DESCRIPTIONS)  # which is False where Path raises


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
