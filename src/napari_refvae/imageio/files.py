"""The one door to files: read an image, write an image, save a run."""

from __future__ import annotations

from napari_refvae.imageio.reading import read_image, read_tagged_image
from napari_refvae.imageio.saving import save_samples, unique_stem
from napari_refvae.imageio.writing import write_image

__all__ = ["IMAGE_SUFFIXES", "read_image", "read_tagged_image", "save_samples", "unique_stem", "write_image"]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"})
"""By which images are found in a folder, in lower case. `read_image` goes by the content and takes any name."""
