"""What a training process is told, and the process itself: ``python -m napari_refvae.widget.training.job FILE``.

Training has a process of its own. It would take the time that napari needs for its window, and it loads a
compiler that must not follow the graphics driver that napari has loaded. This module therefore imports neither
napari nor Qt.

The process stops early when its standard input ends: when the user says so, and when napari is gone. It writes
lines of JSON: ``{"step": ..., "steps": ..., "loss": ..., "seconds_left": ...}`` after steps,
``{"scores": {...}, "step": ...}`` after validations, and at its end one of ``{"model": PATH, "name": NAME}``,
``{"error": SENTENCE}`` and ``{"stopped": true}``, if there was not even one step.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import OutputError, RefVAEError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_refvae.training.pace import TrainingProgress

__all__ = ["TrainingJob", "main", "run_job"]

NICENESS = 5
"""The window goes first where processes share a core."""

VALIDATE_MINUTES = 2


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One fine-tuning run; paths as text, so that it is JSON.

    Attributes
    ----------
    images, validate
        Folders of what to train on and of what to measure on; None not to measure.
    output
        The run's folder.
    name
        What the model is to be called.
    start
        Model to start from: a name or a file.
    config
        Training config: a name or a file.
    minutes, steps
        When to stop; None for the config's steps.
    """

    images: str
    output: str
    name: str
    validate: str | None = None
    start: str = "compact"
    config: str = "fine-tune"
    minutes: float | None = 10.0
    steps: int | None = None

    def write(self, path: Path) -> None:
        """As JSON.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        try:
            path.write_text(json.dumps(asdict(self)), "utf-8")
        except OSError as error:
            raise OutputError(
                f"the training cannot be set up in {path.parent} ({error}); free some space there"
            ) from error

    @classmethod
    def read(cls, path: Path) -> TrainingJob:
        """What `write` wrote."""
        return cls(**json.loads(path.read_text("utf-8")))


def run_job(job: TrainingJob, say: Callable[[dict[str, Any]], None], should_stop: Callable[[], bool]) -> Path | None:
    """Train, and put the model where it is found by its name.

    Parameters
    ----------
    job
        What to do.
    say
        Called with each line.
    should_stop
        Asked before each step.

    Returns
    -------
    Path or None
        Of the model in the cache; None if it was stopped before the first step.

    Raises
    ------
    RefVAEError
        If training cannot start or must stop, or the model cannot be written.
    """
    from napari_refvae.model.zoo import cache_dir
    from napari_refvae.training.run import train

    if job.validate is not None:
        say({"step": 0, "scores": _scores_before(job.start, Path(job.validate))})
    scores = _Scores(Path(job.output) / "log.jsonl")
    steps_made = 0

    def progressed(progress: TrainingProgress) -> None:
        nonlocal steps_made
        steps_made += 1
        say({name: getattr(progress, name) for name in ("step", "steps", "loss", "seconds_left")})
        scores.tell(say)

    trained = train(
        job.config,
        Path(job.images),
        Path(job.output),
        minutes=job.minutes,
        steps=job.steps,
        start=job.start,
        validate=None if job.validate is None else Path(job.validate),
        validate_minutes=VALIDATE_MINUTES,
        tensorboard=False,
        progress=progressed,
        should_stop=should_stop,
    )
    scores.tell(say)
    return _publish(trained, cache_dir(), job.name) if steps_made else None


def main(path: str) -> int:
    """Run the job in a file, until it is done or standard input ends; the exit code is 0, or 2 after an error."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    stopped = threading.Event()
    threading.Thread(target=_set_at_the_end_of_input, args=[stopped], daemon=True).start()
    try:
        model = run_job(TrainingJob.read(Path(path)), _say, stopped.is_set)
    except RefVAEError as error:
        _say({"error": str(error)})
        return 2
    _say({"stopped": True} if model is None else {"model": str(model), "name": model.stem})
    return 0


class _Scores:
    """Finds what validations wrote into a run's log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = 0  # lines

    def tell(self, say: Callable[[dict[str, Any]], None]) -> None:
        """Pass on what is new."""
        if not self._log.is_file():
            return
        lines = self._log.read_text("utf-8").splitlines()
        for entry in map(json.loads, lines[self._read :]):
            if "scores" in entry:
                say(entry)
        self._read = len(lines)


def _scores_before(start: str, folder: Path) -> dict[str, float]:
    """What the model that training starts from reaches."""
    from napari_refvae.model.checkpoint import load_checkpoint
    from napari_refvae.model.zoo import find_model
    from napari_refvae.training.photographs import load_photographs
    from napari_refvae.training.validation import Validator

    model, _ = load_checkpoint(find_model(start))
    return Validator(load_photographs(folder, smallest=1))(model.eval())


def _publish(trained: Path, cache: Path, name: str) -> Path:
    """Copy a model into the cache; a name that is taken gets a number."""
    target, number = cache / f"{name}.safetensors", 2
    try:
        cache.mkdir(parents=True, exist_ok=True)
        while target.exists():
            target, number = cache / f"{name}-{number}.safetensors", number + 1
        partial = target.with_suffix(".partial")
        partial.write_bytes(trained.read_bytes())
        os.replace(partial, target)
    except OSError as error:
        raise OutputError(
            f"the model cannot be written to {cache} ({error}); choose a cache folder in Preferences that can"
        ) from error
    return target


def _set_at_the_end_of_input(stopped: threading.Event) -> None:
    sys.stdin.read()
    stopped.set()


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
