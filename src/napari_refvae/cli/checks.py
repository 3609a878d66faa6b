"""What the command line refuses before any work, so that a refused run leaves nothing behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from napari_refvae.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_refvae.batch.finding import Found

__all__ = ["check_output", "check_report", "check_single"]


def check_output(folder: Path) -> None:
    """Refuse a folder that cannot be written to before work goes into what it should hold.

    Raises
    ------
    OutputError
        If it, or what it would be made in, is a file or may not be written to; or if its name is that of an image.
    """
    from napari_refvae.imageio.files import IMAGE_SUFFIXES

    try:
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    except OSError as error:  # too long a name, for example
        raise OutputError(
            f"expected a folder for the output; {folder} cannot be one ({error.strerror}): choose another"
        ) from error
    if existing != folder and folder.suffix.lower() in IMAGE_SUFFIXES:
        raise OutputError(
            f"expected a folder for the output; {folder} is the name of an image, and results are named after their "
            "input: name a folder with --output"
        )
    if not existing.is_dir():
        raise OutputError(f"expected a folder for the output; {existing} is a file: choose another with --output")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {existing} may not be written to; choose another with --output")


def check_report(path: Path | None) -> None:
    """Refuse a report that could not be written at the end.

    Raises
    ------
    OutputError
        If its folder is not there or may not be written to, or something else lies there under its name.
    """
    from napari_refvae.batch.report import is_report

    if path is not None and path.name == "-":
        raise OutputError("expected a file name for the report; got -: name a file, such as report.json")
    if path is not None and not (path.absolute().parent.is_dir() and os.access(path.absolute().parent, os.W_OK)):
        raise OutputError(f"expected a folder that may be written to for the report; got {path}: choose another")
    if path is not None and path.is_dir():
        raise OutputError(f"expected a file name for the report; {path} is a folder: add a name, such as report.json")
    if path is not None and path.exists() and not is_report(path):
        raise OutputError(
            f"expected a new name for the report, or that of an earlier one; {path} is neither: rename it"
        )


def check_single(output: Path, found: Sequence[Found]) -> None:
    """Refuse an output of one name for several images.

    Raises
    ------
    OutputError
        If there are several images.
    """
    if len(found) != 1:
        raise OutputError(
            f"expected one image for the output {output}; got {len(found)}: name a folder and say --format zarr"
        )
