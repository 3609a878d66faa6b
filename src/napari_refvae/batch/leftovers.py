"""What a process that was killed has left in an output folder: known for sure, and removed.

Files are written under hidden temporary names, and a run's side-car lies there empty until all its images do. So a
killed process leaves hidden files and empty side-cars. They may also belong to a process that is at work now; each
batch therefore holds a lock in its output folder, which the system lets go of when the process ends in any way.
"""

from __future__ import annotations

import re
import shutil
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from napari_refvae.batch.sidecars import listed_results
from napari_refvae.imageio.writing import output_errors
from napari_refvae.stacks.publishing import STAGES, is_published
from napari_refvae.stacks.stage import remove_stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["at_work", "remove_leftovers"]

LOCK = re.compile(r"\.refvae-[0-9a-f]{12}\.lock")

TEMPORARY = re.compile(r"\.[0-9a-f]{12}(\.partial|-\d+\.(png|tiff?))")

SIDE_CAR = re.compile(r".*_x\d+\.json")

IMAGE = re.compile(r"_([\w-]+_s\d+(-\d+)?|faithful)\.(png|tiff?|ome\.tiff?|zarr)")
"""What follows the name of a run in those of its images."""


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Say that a batch writes to a folder until the block ends; the folder is made, and stays if it holds something."""
    path = folder / f".refvae-{uuid.uuid4().hex[:12]}.lock"
    fresh = [parent for parent in path.absolute().parents if not parent.exists()]
    with output_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
        path.unlink(missing_ok=True)
        with suppress(OSError):  # they hold something
            for parent in fresh:
                parent.rmdir()


def remove_leftovers(root: Path, within: Iterable[Path] = (Path(),)) -> list[Path]:
    """Remove what killed processes have left in a folder, or in folders of it.

    Nothing is removed while another batch is at work there.

    Parameters
    ----------
    root
        Where batches hold their locks.
    within
        The folders to look into, relative to it.

    Returns
    -------
    list of Path
        What was removed.
    """
    # Found before the locks are looked at: what a batch writes that takes its lock in between is not among it.
    left = [path for folder in within if (root / folder).is_dir() for path in _leftovers(root / folder)]
    if _others_at_work(root):
        return []
    for path in left:
        if path.match(STAGES):
            remove_stage(path)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return left


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


def _others_at_work(root: Path) -> bool:
    """Whether another process holds a lock; those that nobody holds any more are removed."""
    for path in [path for path in root.glob(".refvae-*.lock") if LOCK.fullmatch(path.name)]:
        try:
            with FileLock(path).acquire(timeout=0):
                pass
        except Timeout:
            return True
        path.unlink(missing_ok=True)
    return False
