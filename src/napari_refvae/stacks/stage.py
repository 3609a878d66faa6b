"""The folder in which a streamed result grows, and what tells after a crash which of its pieces are whole.

It is hidden, lies beside the results, and is called after what is made there, so the same command finds it again. Its
lock lies beside it: a system that does not remove open files, such as Windows, can then still move the folder away.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from filelock import FileLock, Timeout

from napari_refvae.errors import InvalidInputError, OutputError, UnreadableFileError
from napari_refvae.imageio.locks import SHORTLY, let_go
from napari_refvae.imageio.writing import output_errors, write_text
from napari_refvae.stacks.publishing import STAGES, is_published, take_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Entry", "Stage", "begun_inputs", "count_made", "open_stage", "remove_stage", "stage_of"]

IDENTITY, JOURNAL = "run.json", "journal.jsonl"


class Entry(NamedTuple):
    """What is known of a piece that is on the disk: its hash, and how well it gives the input back, in dB."""

    sha256: str
    lr_psnr: float


class Stage:
    """A run's folder while it is made. Made by `open_stage`.

    Attributes
    ----------
    folder
        Where it is.
    resolved
        What automatic choices became when the run was begun.
    """

    def __init__(self, folder: Path, resolved: dict[str, Any]) -> None:
        self.folder = folder
        self.resolved = resolved
        self._done = _read_journal(folder / JOURNAL)

    def target(self, image: int) -> Path:
        """Where an image grows."""
        return self.folder / f"{image}.zarr"

    def entry(self, image: int, piece: int) -> Entry | None:
        """What the journal says of a piece; None if it is not made."""
        return self._done.get((image, piece))

    def add(self, image: int, piece: int, entry: Entry) -> None:
        """Note that a piece is on the disk."""
        self._done[image, piece] = entry
        line = json.dumps({"image": image, "piece": piece, **entry._asdict()})
        with output_errors(self.folder), (self.folder / JOURNAL).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def stage_of(folder: Path, wanted: Mapping[str, Any]) -> Path:
    """Where the stage of a run lies, whether it is there or not; see `open_stage`."""
    return folder / f".refvae-{hashlib.sha256(_told(wanted).encode()).hexdigest()[:12]}.stream"


def count_made(folder: Path, wanted: Mapping[str, Any]) -> int:
    """How many pieces a run that resumes would find made, if all of them are whole; see `open_stage`."""
    stage = stage_of(folder, wanted)
    return 0 if _read_identity(stage / IDENTITY, _told(wanted)) is None else len(_read_journal(stage / JOURNAL))


def begun_inputs(folder: Path) -> set[str]:
    """Paths of the inputs of the runs whose stages lie in a folder."""
    found = set()
    for stage in folder.glob(STAGES):
        with suppress(OSError, ValueError, LookupError, TypeError):
            record = json.loads(json.loads((stage / IDENTITY).read_text("utf-8"))["run"])
            found.add(str(record["input"]["path"]))
    return found


@contextmanager
def open_stage(
    folder: Path, wanted: Mapping[str, Any], resolved: Mapping[str, Any], *, resume: bool
) -> Iterator[Stage]:
    """Open the stage of a run in a folder, and remove it if the block ends well.

    If the run is stopped, the disk full, or the input away, what is made stays for a run that resumes. A run that does
    not resume, or for which nothing is made, begins with an empty stage.

    Parameters
    ----------
    folder
        Of the results.
    wanted
        What is to be made, JSON-ready: the run's identity.
    resolved
        What automatic choices became; of a stage that is resumed, those of its beginning hold.
    resume
        Whether to go on with what is there.

    Raises
    ------
    OutputError
        If another process makes the same, or the disk does not allow it.
    """
    stage = stage_of(folder, wanted)
    with output_errors(stage):
        folder.mkdir(parents=True, exist_ok=True)
    with _locked(stage):
        with output_errors(stage):
            stage.mkdir(exist_ok=True)
            known = _prepared(stage, _told(wanted), resume=resume)
            if known is None:
                _empty(stage)
                known = dict(resolved)
                write_text(stage / IDENTITY, json.dumps({"run": _told(wanted), "resolved": known}))
        try:
            yield Stage(stage, known)
        except UnreadableFileError:  # a file that is away may come back
            raise
        except InvalidInputError:  # it would come again
            remove_stage(stage)
            raise
        remove_stage(stage)


def remove_stage(stage: Path) -> None:
    """Remove a stage under a name by which what a kill leaves of it is known as rubbish."""
    rubbish = stage.with_name(f".{uuid.uuid4().hex[:12]}.partial")
    try:
        stage.replace(rubbish)
    except OSError:  # something in it is open, and this is Windows
        rubbish = stage
    shutil.rmtree(rubbish, ignore_errors=True)


def _told(wanted: Mapping[str, Any]) -> str:
    return json.dumps(wanted, sort_keys=True)


def _prepared(stage: Path, told: str, *, resume: bool) -> dict[str, Any] | None:
    """What the run in a stage has resolved, if there is something in it to go on with."""
    if is_published(stage):
        return None
    take_back(stage)
    return _read_identity(stage / IDENTITY, told) if resume and _read_journal(stage / JOURNAL) else None


@contextmanager
def _locked(stage: Path) -> Iterator[None]:
    path = stage.with_suffix(".lock")
    lock = FileLock(path)
    with output_errors(stage):
        try:
            lock.acquire(timeout=SHORTLY)
        except Timeout as error:
            raise OutputError(
                f"another process is making the same in {stage.parent}: wait for it, or choose another folder"
            ) from error
        except NotImplementedError as error:
            raise OutputError(
                f"could not write {stage.parent}: its file system knows no locks ({error}); choose another folder"
            ) from error
    try:
        yield
    finally:
        let_go(lock, path)


def _empty(stage: Path) -> None:
    for path in stage.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _read_identity(path: Path, wanted: str) -> dict[str, Any] | None:
    """What a stage of the same run has resolved; None if it is none."""
    try:
        told = json.loads(path.read_text("utf-8"))
        return dict(told["resolved"]) if told["run"] == wanted else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _read_journal(path: Path) -> dict[tuple[int, int], Entry]:
    """Whole lines; the last may be cut short."""
    found: dict[tuple[int, int], Entry] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return found
    for line in lines:
        try:
            told = json.loads(line)
            found[int(told["image"]), int(told["piece"])] = Entry(str(told["sha256"]), float(told["lr_psnr"]))
        except (ValueError, LookupError, TypeError):
            continue
    return found
