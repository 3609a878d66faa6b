"""One run in one folder: two at once would write each other's state."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from napari_refvae.errors import TrainingError
from napari_refvae.imageio.writing import output_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["alone_in"]

LOCK = ".training.lock"
"""In a run's folder. The system lets go of it when the process ends in any way, and the file may stay."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make a run's folder, and keep other runs out of it until the block ends.

    Of several processes that train one model, the first holds the lock for all.

    Raises
    ------
    TrainingError
        If another run is at work there.
    OutputError
        If the folder cannot be made.
    """
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise TrainingError(
                f"another run is at work in {folder}: wait for it, or choose another output folder"
            ) from error
    try:
        yield
    finally:
        lock.release()
