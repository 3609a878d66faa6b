"""The one door to files: read an image, open a stack, write an image, save a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_refvae.imageio.arrays import describe_array
from napari_refvae.imageio.omezarr import is_zarr, open_ome_zarr
from napari_refvae.imageio.placing import unique_stem
from napari_refvae.imageio.reading import read_image, read_tagged_image
from napari_refvae.imageio.saving import save_samples
from napari_refvae.imageio.tiffstack import is_tiff, open_tiff
from napari_refvae.imageio.writing import write_image

if TYPE_CHECKING:
    from napari_refvae.imageio.arrays import ArraySource

__all__ = [
    "IMAGE_SUFFIXES",
    "open_source",
    "read_image",
    "read_tagged_image",
    "save_samples",
    "unique_stem",
    "write_image",
]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"})
"""By which images are found in a folder, in lower case. `read_image` goes by the content and takes any name."""


def open_source(path: Path | str, *, axes: str | None = None, rgb: bool | None = None) -> ArraySource:
    """Describe a file or zarr folder of any number of planes; see `ArraySource.read` for the pixels.

    Parameters
    ----------
    path
        An OME-Zarr or zarr folder, a TIFF or OME-TIFF of any number of pages, or any image that `read_image` takes.
        What it is, is told by its content.
    axes, rgb
        Of zarr; see `open_ome_zarr`. The other files say it themselves.

    Raises
    ------
    UnreadableFileError
        If there is no such file, or it is damaged or of another kind.
    InvalidInputError
        If it is one that cannot be used.
    """
    path = Path(path)
    if is_zarr(path):
        return open_ome_zarr(path, axes=axes, rgb=rgb)
    if is_tiff(path):
        return open_tiff(path)
    return describe_array(read_image(path), name=str(path))
