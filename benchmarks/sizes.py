"""Time against pixels: one sample of ``compact`` from 64 -> 512 to 1024 -> 8192.

Run ``python benchmarks/sizes.py`` on an otherwise idle machine.
"""

from __future__ import annotations

import statistics
from functools import partial

import measuring
import workloads
from measuring import duration, extent, table, take_turns

SIDES = (64, 96, 128, 192, 256, 384, 512, 1024)
LINEAR_FROM = 128


def main() -> None:
    """Print one table: side, seconds, microseconds a pixel, HR megapixels a second."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    options = parser.parse_args()
    sides = (16, 128) if options.quick else options.sides
    ways = {str(side): partial(workloads.upscale, "compact", side, 1, guided=False) for side in sides}
    times = take_turns(ways, measuring.turns(options))
    middle = {int(side): seconds for side, seconds in measuring.medians(times).items()}
    a_pixel = {side: seconds / side**2 for side, seconds in middle.items()}
    usual = statistics.median(cost for side, cost in a_pixel.items() if side >= LINEAR_FROM)
    rows = [
        [
            f"{side} -> {8 * side}",
            duration(seconds),
            extent(times[str(side)]),
            f"{1e6 * a_pixel[side]:.3g} µs",
            f"{a_pixel[side] / usual - 1:+.0%}",
            f"{64e-6 / a_pixel[side]:.3g} MP/s",
        ]
        for side, seconds in middle.items()
    ]
    note = (
        "One sample of `compact` without a reference, uint8 in and out, encoding included; medians of "
        f"{measuring.turns(options)} turns. The deviation is from the median of all sizes from {LINEAR_FROM} on."
    )
    headings = ["size", "time", "turns", "a LR pixel", "deviation", "HR"]
    worst = max(abs(cost / usual - 1) for side, cost in a_pixel.items() if side >= LINEAR_FROM)
    figures = {"deviation": worst} | {f"seconds_{side}": seconds for side, seconds in middle.items()}
    measuring.publish(options, note, table(headings, rows), figures)


if __name__ == "__main__":
    main()
