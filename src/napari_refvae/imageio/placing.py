"""Names for the files of a run that are free and stay so, until all its files have them or none."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["removed_on_failure", "reserve", "unique_stem"]


def unique_stem(folder: Path | str, stem: str, suffixes: Sequence[str]) -> str:
    """The first of ``stem``, ``stem-2``, ``stem-3``, ... that collides with nothing in the folder.

    Parameters
    ----------
    folder
        Where the files will go; need not exist yet.
    stem
        The wanted start of their names.
    suffixes
        The ends of their names, such as ``("_x8_self_s0.png", "_x8.json")``.
    """
    number, candidate = 1, stem
    while any(os.path.lexists(Path(folder) / (candidate + suffix)) for suffix in suffixes):
        number += 1
        candidate = f"{stem}-{number}"
    return candidate


def reserve(folder: Path, stem: str, endings: Sequence[str], placed: list[Path]) -> list[Path]:
    """Choose free names, and put an empty side-car there, so that no other process chooses them too.

    Parameters
    ----------
    folder
        Where the files go.
    stem
        The wanted start of their names.
    endings
        How their names end, the side-car's last.
    placed
        What is to be removed if the run fails; the side-car is added.

    Returns
    -------
    list of Path
        One for each ending.
    """
    while True:
        free = unique_stem(folder, stem, endings)
        paths = [folder / (free + ending) for ending in endings]
        placed.append(paths[-1])  # first, so that an interruption in between removes it
        try:
            paths[-1].touch(exist_ok=False)
        except FileExistsError:
            placed.remove(paths[-1])
        else:
            return paths


@contextmanager
def removed_on_failure(paths: Sequence[Path]) -> Iterator[None]:
    """Remove files and folders, those that are there, if the block does not end well; Ctrl-C too."""
    try:
        yield
    except BaseException:
        for path in paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):  # the others go all the same, and the first error is what is told
                    path.unlink()
        raise
