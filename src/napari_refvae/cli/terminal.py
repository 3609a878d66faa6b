"""What the command line shows: bars on stderr, tables on stdout."""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from napari_refvae.batch.report import Outcome, Output
    from napari_refvae.spec import Progress as Step

__all__ = ["follow_run", "print_failures", "print_outputs", "print_table"]

WIDE = 500
"""Columns of a table that goes to a file or a pipe: no path is broken there."""


@contextmanager
def follow_run(name: str) -> Iterator[Callable[[Step], None]]:
    """A bar on stderr with the time left, from the first step on; yields what moves it."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(stderr=True), redirect_stdout=False)
    task = progress.add_task(name)

    def follow(step: Step) -> None:
        progress.start()
        progress.update(task, completed=step.done, total=step.total, description=f"{name} {_whereabouts(step)}")

    try:
        yield follow
    finally:
        if progress.live.is_started:  # else it would print an empty line
            progress.stop()


def _whereabouts(step: Step) -> str:
    """What a step was about."""
    if step.sample is None:
        return step.stage
    tile = f", tile {step.tile + 1} of {step.tiles}" if step.tile is not None and step.tiles > 1 else ""
    return f"sample {step.sample + 1} of {step.samples}{tile}"


def print_outputs(outputs: Sequence[Output], side_car: Path | None) -> None:
    """The files of a run, how well each gives the input back, and how to replay it, with a side-car that can."""
    rows = [
        (str(output.path), output.reference, "" if output.seed is None else str(output.seed), output.quality)
        for output in outputs
    ]
    print_table(("file", "reference", "seed", "LR-PSNR"), rows)
    if side_car is not None:
        typer.echo(f"Replay with: refvae replay {shlex.quote(str(side_car))}")


def print_failures(outcomes: Sequence[Outcome]) -> None:
    """The images that failed, and why; nothing if there are none."""
    rows = [(str(outcome.file), outcome.reason) for outcome in outcomes if outcome.status == "failed"]
    if rows:
        print_table(("failed", "why"), rows)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns without lines; brackets in a cell are no markup."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)
