"""Throughput: by number of samples, by precision, by tile size, by preset.

Run ``python benchmarks/throughput.py`` on an otherwise idle machine.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import measuring
import workloads
from measuring import duration, extent, table, take_turns

if TYPE_CHECKING:
    from collections.abc import Callable

USUAL = {"preset": "compact", "side": 128, "samples": 4, "precision": "auto", "tile": "auto"}
VARIED: tuple[dict[str, object], ...] = (
    *({"samples": count} for count in (1, 2, 4, 8)),
    {"precision": "float32"},
    {"precision": "bfloat16"},
    *({"tile": side} for side in (32, 64, 96)),
    {"side": 256, "tile": 64},
    {"side": 256, "tile": "auto"},
    *({"preset": preset, "side": 64} for preset in ("compact", "full", "paper")),
    {"preset": "full", "side": 64, "precision": "float32"},
    {"preset": "paper", "side": 64, "precision": "float32"},
)
QUICK: tuple[dict[str, object], ...] = ({"samples": 1}, {"precision": "float32"}, {"tile": 16}, {"preset": "full"})


def main() -> None:
    """Print one table: what was varied, seconds, and HR megapixels a second."""
    options = measuring.parser(__doc__).parse_args()
    usual = USUAL | ({"side": 32, "samples": 2} if options.quick else {})
    runs = {_label(varied): usual | varied for varied in (QUICK if options.quick else VARIED)}
    ways: dict[str, Callable[[], object]] = {name: partial(workloads.upscale, **run) for name, run in runs.items()}
    before = {name: partial(workloads.ready, run["preset"], run["precision"]) for name, run in runs.items()}
    times = take_turns(ways, measuring.turns(options), before=before)
    middle = measuring.medians(times)
    rows, figures = [], {}
    for name, run in runs.items():
        pixels = 64e-6 * run["samples"] * run["side"] ** 2
        rate = pixels / middle[name]
        a_sample = duration(middle[name] / run["samples"])
        rows.append([name, duration(middle[name]), extent(times[name]), a_sample, f"{rate:.3g} MP/s"])
        figures[re.sub(r"\W+", "_", name).strip("_")] = rate
    note = (
        f"`{usual['preset']}`, {usual['samples']} samples of {usual['side']} -> {8 * usual['side']}, one reference, "
        "automatic precision and tiles, but for what the first column says; medians of "
        f"{measuring.turns(options)} turns."
    )
    measuring.publish(options, note, table(["run", "time", "turns", "a sample", "HR"], rows), figures)


def _label(varied: dict[str, object]) -> str:
    words = {"preset": "`{}`", "side": "side {}", "samples": "N = {}", "precision": "{}", "tile": "tiles {}"}
    return ", ".join(words[name].format(value) for name, value in varied.items())


if __name__ == "__main__":
    main()
