"""What the scripts that measure speed share: taking turns, memory of a fresh process, tables, figures.

Ways that are compared take turns in one process, in one order and then in the other, so that a machine that
slows down slows all of them. Each figure is the median of its turns; runs of warming up are apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

HERE = Path(__file__).parent
WORKLOADS = HERE / "workloads.py"
MIB, GIB = 2**20, 2**30
FEWEST = 5
"""Turns of which a median is taken, unless a script says why it takes fewer."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a fresh process held while it worked. All but ``seconds`` are bytes.

    Attributes
    ----------
    rest
        Resident once everything was imported and loaded, and nothing computed.
    peak
        The most that was resident.
    output
        Of the images that came out.
    seconds
        That the work took, kernels compiled along the way included.
    """

    rest: int
    peak: int
    output: int
    seconds: float

    @property
    def above(self) -> int:
        """The peak above the process at rest."""
        return self.peak - self.rest

    @property
    def working(self) -> int:
        """The peak above rest and above what came out."""
        return self.above - self.output


def take_turns(
    ways: Mapping[str, Callable[[], object]],
    repeats: int,
    *,
    warm_up: int = 1,
    before: Mapping[str, Callable[[], object]] | None = None,
) -> dict[str, list[float]]:
    """Seconds of each turn of each way.

    Parameters
    ----------
    ways
        Name to what is timed.
    repeats
        Turns of each that count.
    warm_up
        Turns of each that do not.
    before
        Name to what is done before each turn of a way, and not timed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(warm_up + repeats):
        for name in ways if turn % 2 else reversed(list(ways)):
            if before and name in before:
                before[name]()
            start = time.perf_counter()
            ways[name]()
            lasted = time.perf_counter() - start
            if turn >= warm_up:
                seconds[name].append(lasted)
    return seconds


def medians(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each way's turns."""
    return {name: statistics.median(turns) for name, turns in seconds.items()}


def memory_of(workload: str, **settings: object) -> Memory:
    """Run one of the workloads of ``workloads.py`` in a fresh process, and say what it held.

    Raises
    ------
    RuntimeError
        If it fails; its last lines are in the message.
    """
    options = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, str(WORKLOADS), workload, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{workload} {' '.join(options)} failed:\n{done.stderr[-1000:]}")
    return Memory(**json.loads(done.stdout.splitlines()[-1]))


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every script here takes."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="next to nothing, to see that it runs; figures mean nothing")
    made.add_argument("--repeats", type=int, default=FEWEST, help=f"turns of each way; {FEWEST} unless quick")
    made.add_argument("--figures", type=Path, help="write the figures to this file as JSON, too")
    return made


def turns(options: argparse.Namespace, default: int | None = None) -> int:
    """How many turns count: one of a quick run, else ``default`` or what was asked for."""
    if options.quick:
        return 1
    return options.repeats if default is None else default


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1) -> str:
    """Markdown; the first ``words`` columns are text, the others numbers."""
    rules = ["---" if column < words else "---:" for column in range(len(headings))]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in [headings, rules, *rows])


def publish(options: argparse.Namespace, note: str, made: str, figures: Mapping[str, float]) -> None:
    """Print a note and a table, and write the figures where asked."""
    print(f"{note}\n\n{made}", flush=True)
    if options.figures is not None:
        options.figures.write_text(json.dumps(dict(figures), indent=1))


def duration(seconds: float) -> str:
    """Three figures and a unit: ``1.23 s``, ``45.6 ms``."""
    if seconds >= 1:
        return f"{_three(seconds)} s"
    return f"{_three(1e3 * seconds)} ms"


def extent(seconds: Sequence[float]) -> str:
    """From the shortest turn to the longest: ``1.20 to 1.31 s``."""
    unit, factor = ("s", 1.0) if max(seconds) >= 1 else ("ms", 1e3)
    return f"{_three(factor * min(seconds))} to {_three(factor * max(seconds))} {unit}"


def size(count: float) -> str:
    """Bytes in MiB or GiB."""
    return f"{count / GIB:.2f} GiB" if abs(count) >= GIB else f"{count / MIB:.0f} MiB"


def _three(value: float) -> str:
    """At least three significant figures."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
