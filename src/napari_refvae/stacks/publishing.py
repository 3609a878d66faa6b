"""The last step of a streamed run: finished zarr folders get their names, so that a kill in between loses none.

What is to be moved is written down before the first move. A run that finds such a list either is over, since the
side-car, which goes last, is in its place; or takes back what was moved already, and publishes it again.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from napari_refvae.imageio.writing import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    Moves = Sequence[tuple[Path, Path]]

__all__ = ["STAGES", "claimed_names", "is_published", "publish", "take_back"]

MOVES = "moves.json"
"""Names in the stage and in the folder it lies in, the side-car's last."""

STAGES = ".refvae-*.stream"


def publish(stage: Path, moves: Moves) -> None:
    """Rename files and folders of a stage, or none of them: they took hours, so on failure they go back.

    Parameters
    ----------
    stage
        Where they are.
    moves
        From where to where, in the folder of the stage; what comes last says that all is there.

    Raises
    ------
    OSError, OutputError
        If the disk does not allow it.
    """
    write_text(stage / MOVES, json.dumps([(source.name, target.name) for source, target in moves]))
    try:
        for source, target in moves:
            source.replace(target)
    except BaseException:  # Ctrl-C too
        _move_back(moves)
        (stage / MOVES).unlink(missing_ok=True)
        raise


def is_published(stage: Path) -> bool:
    """Whether all of a stage has got its names, and only the stage itself is left."""
    moves = _read_moves(stage)
    return bool(moves) and not moves[-1][0].exists()


def take_back(stage: Path) -> None:
    """Undo a publication that was cut off: what was moved returns, and the names become free."""
    moves = _read_moves(stage)
    if moves:
        _move_back(moves)
        reserved = moves[-1][1]
        if reserved.is_file() and not reserved.stat().st_size:
            reserved.unlink()
        (stage / MOVES).unlink()


def claimed_names(folder: Path) -> set[str]:
    """Names in a folder that belong to publications which were cut off."""
    stages = (stage for stage in folder.glob(STAGES) if not is_published(stage))
    return {target.name for stage in stages for _, target in _read_moves(stage)}


def _move_back(moves: Moves) -> None:
    for source, target in moves:
        if not source.exists():
            with suppress(OSError):
                target.replace(source)


def _read_moves(stage: Path) -> list[tuple[Path, Path]]:
    """What is written down; empty if nothing whole is."""
    try:
        told = json.loads((stage / MOVES).read_text("utf-8"))
        names = [(str(source), str(target)) for source, target in told]
    except (OSError, ValueError, TypeError):
        return []
    return [*_paths(stage, names)]


def _paths(stage: Path, names: Sequence[tuple[str, str]]) -> Iterator[tuple[Path, Path]]:
    for source, target in names:
        found = stage / source, stage.parent / target
        if (found[0].parent, found[1].parent) == (stage, stage.parent):  # and no other folder
            yield found
