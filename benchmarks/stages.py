"""Where a run's time goes: by stage, and what the projection takes of it.

A stage lasts from one report of progress to the next. The projection's share is what a run takes beyond the same run
without consistency just after or before it; a small difference, so a machine that is not idle drowns it.

Run ``python benchmarks/stages.py`` on an otherwise idle machine.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import measuring
import workloads
from measuring import duration, table

from napari_refvae.api import steps
from napari_refvae.spec import Progress

STAGES = ("encode", "decode", "project")
RUNS = (("compact", 64), ("compact", 128), ("full", 64), ("paper", 64))
SHARE_SIDE = {"compact": 128, "paper": 64}
"""Sides of the runs whose projection is judged."""


@dataclass(slots=True)
class Laps:
    """Seconds of all turns of one run, by stage, and in all with and without projection."""

    stages: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    whole: list[float] = field(default_factory=list)
    without: list[float] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The projection's, of the whole."""
        pairs = zip(self.whole, self.without, strict=True)
        return statistics.median((whole - without) / whole for whole, without in pairs)


def main() -> None:
    """Print one table: preset, size, seconds by stage, and the projection's share."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--samples", type=int, default=4)
    options = parser.parse_args()
    runs = (("compact", 16), ("paper", 16)) if options.quick else RUNS
    made: dict[tuple[str, int], Laps] = {run: Laps() for run in runs}
    for turn in range(1 + measuring.turns(options)):
        for run in made:
            workloads.ready(run[0])
            order = ("bicubic", None) if turn % 2 else (None, "bicubic")
            spent = {consistency: _turn(*run, options.samples, consistency) for consistency in order}
            if turn:
                _note(made[run], spent["bicubic"], spent[None])
    rows = [_row(preset, side, laps, options.samples) for (preset, side), laps in made.items()]
    note = (
        f"{options.samples} samples, one reference, automatic precision; medians of {measuring.turns(options)} turns. "
        "Finishing is interpolation, projection, rounding and measuring how well the input comes back; the last "
        "column is the projection alone, with its rounds of clamping."
    )
    headings = ["preset", "size", "encode", "decode, a sample", "finish, a sample", "the rest", "projection's share"]
    figures = {
        f"projection_{preset}": laps.share
        for (preset, side), laps in made.items()
        if options.quick or SHARE_SIDE.get(preset) == side
    }
    measuring.publish(options, note, table(headings, rows, words=2), figures)


def _turn(preset: str, side: int, samples: int, consistency: str | None) -> Counter[str]:
    """Seconds by stage, and ``whole``."""
    spent: Counter[str] = Counter()
    start = last = time.perf_counter()
    run = steps(
        workloads.picture(side),
        workloads.reference(),
        samples=samples,
        model=workloads.model(preset),
        consistency=consistency,
        device="cpu",
    )
    for step in run:
        now = time.perf_counter()
        if isinstance(step, Progress):
            spent[step.stage if step.done else "rest"] += now - last
            last = now
    end = time.perf_counter()
    spent["rest"] += end - last
    spent["whole"] = end - start
    return spent


def _note(laps: Laps, with_projection: Counter[str], without: Counter[str]) -> None:
    for stage in (*STAGES, "rest"):
        laps.stages[stage].append(with_projection[stage])
    laps.whole.append(with_projection["whole"])
    laps.without.append(without["whole"])


def _row(preset: str, side: int, laps: Laps, samples: int) -> list[str]:
    middle = measuring.medians(laps.stages)
    return [
        f"`{preset}`",
        f"{side} -> {8 * side}",
        duration(middle["encode"]),
        duration(middle["decode"] / samples),
        duration(middle["project"] / samples),
        duration(middle["rest"]),
        f"{laps.share:.0%}",
    ]


if __name__ == "__main__":
    main()
