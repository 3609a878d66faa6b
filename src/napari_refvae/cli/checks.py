"""What the command line refuses before any work, so that a refused run leaves nothing behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from napari_refvae.errors import InvalidInputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

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


def check_images(paths: Iterable[Path], intensity_range: tuple[float, float] | None) -> None:
    """Read every image once before any work, so that a bad one among many leaves nothing behind.

    Raises
    ------
    InvalidInputError
        If one cannot be used; it is named.
    """
    from napari_refvae.imageio.files import read_image
    from napari_refvae.imageio.pixels import normalize
    from napari_refvae.spec import IntensityRange

    declared = IntensityRange(*intensity_range) if intensity_range else None
    for path in paths:
        array = read_image(path)
        try:
            normalize(array, declared)
        except InvalidInputError as error:
            raise InvalidInputError(f"{path}: {error}") from error
