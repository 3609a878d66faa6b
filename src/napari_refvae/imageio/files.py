"""The one door to files: read an image, write an image, save a run."""

from __future__ import annotations

from napari_refvae.imageio.reading import read_image
from napari_refvae.imageio.saving import save_samples, unique_stem
from napari_refvae.imageio.writing import write_image

__all__ = ["read_image", "save_samples", "unique_stem", "write_image"]
