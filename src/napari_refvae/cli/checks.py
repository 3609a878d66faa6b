"""What the command line refuses before any work, so that a refused run leaves nothing behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from napari_refvae.errors import InvalidInputError, InvalidSpecError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["check_images", "check_output", "check_report"]


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


def check_report(path: Path | None) -> None:
    """Refuse a report that could not be written at the end.

    Raises
    ------
    OutputError
        If its folder is not there or may not be written to.
    """
    if path is not None and not (path.absolute().parent.is_dir() and os.access(path.absolute().parent, os.W_OK)):
        raise OutputError(f"expected a folder that may be written to for the report; got {path}: choose another")
    if path is not None and path.is_dir():
        raise OutputError(f"expected a file name for the report; {path} is a folder: add a name, such as report.json")


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
    from napari_refvae.imageio.missing import fill_missing
    from napari_refvae.imageio.pixels import normalize
    from napari_refvae.spec import IntensityRange, Region

    declared = IntensityRange(*intensity_range) if intensity_range else None
    for path in paths:
        array = read_image(path)
        try:
            image = normalize(fill_missing(array)[0], declared)
            if region is not None:
                Region(*region).check_within(image.size)
        except (InvalidInputError, InvalidSpecError) as error:
            raise InvalidInputError(f"{path}: {error}") from error
