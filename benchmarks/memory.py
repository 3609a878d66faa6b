"""Peak resident memory by size: one sample of ``compact``, each in a fresh process.

Run ``python benchmarks/memory.py``; other programs matter only if they leave too little memory.
"""

from __future__ import annotations

import measuring
from measuring import duration, memory_of, size, table

from napari_refvae.api import forecast

SIDES = (64, 256, 512, 1024)


def main() -> None:
    """Print one table: size, the process at rest and at most, and what of it is neither input nor output."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    options = parser.parse_args()
    sides = (16, 64) if options.quick else options.sides
    rows, figures = [], {}
    for side in sides:
        held = memory_of("upscale", preset="compact", side=side, samples=1)
        said = forecast((side, side, 3), "uint8", samples=1, device="cpu")
        rows.append(
            [
                f"{side} -> {8 * side}",
                size(held.rest),
                size(held.peak),
                size(held.output),
                size(held.working),
                size(said.peak_bytes - said.result_bytes),
                str(said.tiles),
                duration(held.seconds),
            ]
        )
        figures |= {f"peak_{side}": held.peak, f"working_{side}": held.working}
    note = (
        "One sample of `compact`, uint8 in and out. At rest the libraries, the model and the input are loaded. Of what "
        "is held above rest, *output* is the sample and the bicubic image; *working* is all else. The forecast is "
        "of the working memory, as the package states it before a run."
    )
    headings = ["size", "at rest", "peak", "output", "working", "forecast", "tiles", "time"]
    measuring.publish(options, note, table(headings, rows), figures)


if __name__ == "__main__":
    main()
