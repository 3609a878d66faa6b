"""What a process that was killed has left in an output folder: known for sure, and removed.

Files are written under hidden temporary names, and a run's side-car lies there empty until all its images do. So a
killed process leaves hidden files and empty side-cars. They may also belong to a process that is at work now: whatever
writes them, a batch or not, therefore holds a lock in that folder.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from napari_refvae.batch.sidecars import listed_results
from napari_refvae.imageio.locks import at_work, others_at_work
from napari_refvae.stacks.publishing import STAGES, is_published
from napari_refvae.stacks.stage import remove_stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["at_work", "remove_leftovers"]

TEMPORARY = re.compile(r"\.[0-9a-f]{12}(\.partial|-\d+(\.ome)?\.(png|tiff?))")

SIDE_CAR = re.compile(r".*_x\d+\.json")

IMAGE = re.compile(r"_([\w-]+_s\d+(-\d+)?|faithful)\.(png|tiff?|ome\.tiff?|zarr)")
"""What follows the name of a run in those of its images."""


def remove_leftovers(root: Path, within: Iterable[Path] = (Path(),)) -> list[Path]:
    """Remove what killed processes have left in a folder, or in folders of it.

    Nothing is removed of a folder that another process writes to.

    Parameters
    ----------
    root
        The output folder of a batch.
    within
        The folders to look into, relative to it.

    Returns
    -------
    list of Path
        What was removed.
    """
    left = [path for folder in within if (root / folder).is_dir() for path in _abandoned(root / folder)]
    for path in left:
        if path.match(STAGES):
            remove_stage(path)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return left


def _abandoned(folder: Path) -> list[Path]:
    """What is a leftover before and after a look at the locks: whose process began or ended in between is none."""
    before = [*_leftovers(folder)]
    if others_at_work(folder):
        return []
    after = {*_leftovers(folder)}
    return [path for path in before if path in after]


def _leftovers(folder: Path) -> Iterator[Path]:
    """Temporary files, stages whose results are published, empty side-cars and what no other side-car lists of theirs.

    What was half-way to its names is no leftover: its run takes it back.
    """
    names, listed = sorted(path.name for path in folder.iterdir()), listed_results(folder)
    yield from (stage for stage in folder.glob(STAGES) if is_published(stage))
    for name in names:
        path = folder / name
        if TEMPORARY.fullmatch(name):
            yield path
        elif SIDE_CAR.fullmatch(name) and name not in listed and path.is_file() and not path.stat().st_size:
            stem = path.stem
            yield path
            yield from (
                folder / other
                for other in names
                if other.startswith(stem) and IMAGE.fullmatch(other[len(stem) :]) and other not in listed
            )
