"""Saying that files are being written in a folder, so that nobody takes them for what a killed process has left.

Whoever writes holds a lock in that very folder; the system lets go of it when the process ends in any way. Where a
file system knows no locks, their files are there all the same, and with one, the folder counts as being written to.
"""

from __future__ import annotations

import re
import sys
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock

from napari_refvae.imageio.writing import output_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SHORTLY", "at_work", "let_go", "others_at_work"]

LOCK = re.compile(r"\.refvae-[0-9a-f]{12}\.lock")

SHORTLY = 1.0
"""Seconds to try for a lock: who only looks whether it is held has it for a moment."""


@contextmanager
def at_work(folder: Path, writing: Path | None = None) -> Iterator[None]:
    """Say that files are written to a folder until the block ends; it is made, and stays if it holds something.

    Parameters
    ----------
    folder
        Where they go; not folders in it.
    writing
        What errors say could not be written.

    Raises
    ------
    OutputError
        If the folder cannot be made or written to.
    """
    path = folder / f".refvae-{uuid.uuid4().hex[:12]}.lock"
    fresh = [parent for parent in path.absolute().parents if not parent.exists()]
    lock = FileLock(path)
    with output_errors(writing or path):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=SHORTLY)
        except (NotImplementedError, OSError):  # there are no locks, or no files can be made at all, which this says
            path.touch()
    try:
        yield
    finally:
        let_go(lock, path)
        with suppress(OSError):  # they hold something
            for parent in fresh:
                parent.rmdir()


def others_at_work(folder: Path) -> bool:
    """Whether somebody writes to a folder, or could; locks that nobody holds any more are removed."""
    for path in [path for path in folder.glob(".refvae-*.lock") if LOCK.fullmatch(path.name)]:
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except (NotImplementedError, OSError):  # held, or none can tell
            return True
        let_go(lock, path)
    return False


def let_go(lock: FileLock, path: Path) -> None:
    """Release a lock and remove its file, first: afterwards it may be another's, and be replaced by a third one's."""
    with suppress(OSError):
        path.unlink()
    lock.release()
    if sys.platform == "win32":  # removes no open file: not one's own before, nor another's after
        with suppress(OSError):
            path.unlink()
