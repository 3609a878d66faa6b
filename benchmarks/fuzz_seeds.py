"""Small whole files of every kind that can be read: what the fuzzers damage."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from PIL import Image, ImageCms

from napari_refvae.imageio.files import write_image
from napari_refvae.imageio.tags import ImageTags

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["seed_files"]

RGB = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def seed_files() -> dict[str, bytes]:
    """Name of the kind, and the bytes of one such file."""
    grey, deep = RGB[..., 0], RGB.astype(np.uint16) * 257
    alpha, stack = np.dstack((RGB, RGB[..., :1])), np.stack([RGB[..., 0]] * 3)
    palette, cmyk = Image.fromarray(RGB).quantize(16), Image.fromarray(RGB).convert("CMYK")
    return {
        "png": _pillow(RGB, "PNG", icc_profile=PROFILE, dpi=(72, 72)),
        "png palette": _pillow(palette, "PNG", transparency=3),
        "png 16 grey": _pillow(deep[..., 0], "PNG"),
        "png 16 rgb": _ours(deep, ".png"),
        "apng": _pillow(grey, "PNG", save_all=True, append_images=[Image.fromarray(255 - grey)]),
        "jpeg": _pillow(RGB, "JPEG", exif=_exif()),
        "jpeg cmyk": _pillow(cmyk, "JPEG"),
        "webp": _pillow(alpha, "WEBP", lossless=True),
        "webp lossy": _pillow(RGB, "WEBP", exif=_exif()),
        "bmp": _pillow(RGB, "BMP"),
        "bmp palette": _pillow(palette, "BMP"),
        "gif": _pillow(palette, "GIF", save_all=True, append_images=[palette]),
        "tiff": _ours(RGB, ".tif"),
        "tiff float": _tifffile(grey.astype(np.float32), compression="zlib"),
        "tiff big": _tifffile(deep, bigtiff=True, photometric="rgb", byteorder=">"),
        "tiff stack": _tifffile(stack, photometric="minisblack"),
        "tiff stack zlib": _tifffile(stack, photometric="minisblack", compression="zlib"),
        "tiff tiled": _tifffile(stack, photometric="minisblack", tile=(16, 16), metadata=None),
        "tiff lzw": _pillow(RGB, "TIFF", compression="tiff_lzw", exif=_exif()),
        "tiff float predictor": _pillow(
            grey.astype(np.float32), "TIFF", compression="tiff_adobe_deflate", tiffinfo={317: 3}
        ),
        "tiff jpeg": _pillow(RGB, "TIFF", compression="jpeg"),
        "tiff fax": _pillow(Image.fromarray(grey > 99), "TIFF", compression="group4"),
        "imagej": _tifffile(stack, imagej=True, resolution=(4, 2), metadata={"axes": "ZYX", "unit": "um"}),
        "ome-tiff": _tifffile(stack, ome=True, metadata={"axes": "TYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 1}),
    }


def _pillow(image: NDArray[Any] | Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def _tifffile(array: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def _ours(array: NDArray[Any], suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"image{suffix}"
        write_image(path, array, ImageTags(PROFILE, (300, 300)))
        return path.read_bytes()


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif
