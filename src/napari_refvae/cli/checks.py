"""What the command line refuses before any work, so that a refused run leaves nothing behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from napari_refvae.errors import InvalidInputError, InvalidSpecError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["check_images", "check_output"]


def check_output(folder: Path) -> None:
    """Refuse a folder that cannot be written to before work goes into what it should hold.

    Raises
    ------
    OutputError
        If it, or what it would be made in, is a file or may not be written to.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise OutputError(f"expected a folder for the output; {existing} is a file: choose another with --output")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {existing} may not be written to; choose another with --output")


def _unused_range(image: NDArray[Any]) -> tuple[int, int] | None:
    """Greatest value and the dtype's, of an image of 16 bits or more that uses under a quarter of them: 12-bit data."""
    if image.dtype.kind != "u" or image.dtype.itemsize < 2:
        return None
    top, most = int(image.max()), int(np.iinfo(image.dtype).max)
    return (top, most) if 0 < 4 * top < most else None


def check_images(
    paths: Iterable[Path],
    intensity_range: tuple[float, float] | None,
    region: tuple[int, int, int, int] | None = None,
) -> None:
    """Read every image once before any work, so that a bad one among many leaves nothing behind.

    Raises
    ------
    InvalidInputError
        If one cannot be used, or does not hold the region; it is named.
    """
    from napari_refvae.imageio.files import read_image
    from napari_refvae.imageio.pixels import normalize
    from napari_refvae.spec import IntensityRange, Region

    declared = IntensityRange(*intensity_range) if intensity_range else None
    for path in paths:
        array = read_image(path)
        try:
            image = normalize(array, declared)
            if region is not None:
                Region(*region).check_within(image.size)
        except (InvalidInputError, InvalidSpecError) as error:
            raise InvalidInputError(f"{path}: {error}") from error
        if declared is None and (top := _unused_range(array)):
            typer.echo(
                f"refvae: {path.name} reaches {top[0]} of {top[1]}; if white is less, say --range 0 WHITE", err=True
            )
