"""``refvae train``: a model's weights."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from napari_refvae.cli.checks import check_output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_refvae.training.journal import Report
    from napari_refvae.training.pace import TrainingProgress

__all__ = ["train"]


def train(
    images: Annotated[Path, typer.Option(help="Folder of images.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The run's folder; a run found there goes on.")],
    config: Annotated[str, typer.Option(help="Name of a bundled config, or a TOML file.")] = "compact",
    references: Annotated[Path | None, typer.Option(help="Folder of unrelated references.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after so many.")] = None,
    steps: Annotated[int | None, typer.Option(help="Replace the config's number.")] = None,
    start: Annotated[str | None, typer.Option(help="Model to start from: a name or a file.")] = None,
    feature_weights: Annotated[Path | None, typer.Option(help="File of the feature network.")] = None,
    validate: Annotated[Path | None, typer.Option(help="Folder of originals to score on meanwhile.")] = None,
    validate_minutes: Annotated[float, typer.Option(help="How often.")] = 12,
    memory: Annotated[
        float | None, typer.Option(help="GB of each folder to keep decoded; the rest is streamed.")
    ] = None,
    tensorboard: Annotated[bool, typer.Option(help="Write for TensorBoard, if it is installed.")] = True,
) -> None:
    """Train a model, go on training it, or fit it to your own images.

    Ctrl-C saves the run, and the same command goes on.
    """
    from napari_refvae.training.run import train as run

    check_output(output)
    latest: list[TrainingProgress] = []
    with _following(latest) as (report, progress), _stopping() as stop:
        path = run(
            config,
            images,
            output,
            references=references,
            minutes=minutes,
            steps=steps,
            start=start,
            feature_weights=feature_weights,
            validate=validate,
            validate_minutes=validate_minutes,
            memory=memory,
            tensorboard=tensorboard,
            report=report,
            progress=progress,
            should_stop=stop.is_set,
        )
    if _is_first_process():
        why = "Stopped" if stop.is_set() else "The time is over"
        typer.echo(_ending(latest[-1] if latest else None, why, _saved_step(path)))
        typer.echo(_kept(path, validated=validate is not None))


def _ending(now: TrainingProgress | None, why: str, saved: int | None = None) -> str:
    """How far a run came, and how to go on; ``why`` it ended before its last step, and which step was saved last."""
    if now is None:
        return "No step was made: the run in this folder has made all of them, or there was no time for one."
    done = now.step == now.steps
    end = f"Done: all {now.steps} steps." if done else f"{why} after step {now.step} of {now.steps}."
    if saved is not None and saved < now.step:
        return (
            f"{end} At the end the loss was far above what was usual, so step {saved} was kept. "
            "The same command goes on from there; if this happens again, choose a smaller learning rate."
        )
    return end if done else f"{end} It is saved; the same command goes on from there."


def _saved_step(model: Path) -> int | None:
    """Steps that the last model has made."""
    from napari_refvae.model.checkpoint import read_info

    return int(read_info(model).training["steps"]) if model.exists() else None


def _kept(model: Path, *, validated: bool) -> str:
    """Which model files there are, and what to do with them."""
    best = model.with_name("best.safetensors")
    chosen = best if best.exists() else model
    lines = [f"Wrote {model}: the last model."]
    if best.exists():
        lines.append(f"Kept {best}: the model with the best score.")
    elif not validated:
        lines.append("There is no best.safetensors: models are scored, and the best one kept, with --validate FOLDER.")
    return "\n".join([*lines, f"Use it: refvae upscale IMAGE --model {chosen} --output FOLDER"])


@contextmanager
def _following(
    latest: list[TrainingProgress],
) -> Iterator[tuple[Callable[[Report], None], Callable[[TrainingProgress], None]]]:
    """A bar on stderr that says where the run is; reports go to stdout, and what training logs to stderr.

    What was said last is in ``latest``.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}  {task.fields[pace]:.0f} steps/min  {task.fields[left]} left"),
    )
    bar = Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty())
    task = bar.add_task("training", visible=False, loss=0.0, pace=0.0, left="")
    with _logged(console):

        def follow(now: TrainingProgress) -> None:
            latest[:] = [now]
            pace = 60 / now.seconds_a_step if now.seconds_a_step else 0.0
            bar.start()
            fields: dict[str, Any] = {"loss": now.loss, "pace": pace, "left": _clock(now.seconds_left)}
            bar.update(
                task, description=now.stage, completed=now.step, total=now.steps, visible=_is_first_process(), **fields
            )

        try:
            yield _print_report, follow
        finally:
            if bar.live.is_started:  # else it would print an empty line
                bar.stop()


@contextmanager
def _logged(console: Console) -> Iterator[None]:
    """Show what training has to say: skipped images, memory, a resumed run."""
    logger = logging.getLogger("napari_refvae.training")
    handler: logging.Handler = logging.NullHandler()
    if _is_first_process():
        handler = RichHandler(console=console, show_time=False, show_level=False, show_path=False)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second ends the program as usual."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    usual = signal.getsignal(signal.SIGINT)

    def heed(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, heed)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, usual)


def _is_first_process() -> bool:
    """Whether this is the process that speaks, of those that ``torchrun`` or ``fabric run`` started."""
    return os.environ.get("RANK", "0") == "0"


def _clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _print_report(report: Report) -> None:
    terms = "  ".join(f"{name} {value:.4g}" for name, value in report.terms.items())
    typer.echo(
        f"{report.stage} {report.step}/{report.steps}  {report.seconds_a_step:.2f} s a step  "
        f"learning rate {report.learning_rate:.2g}  {terms}"
    )
