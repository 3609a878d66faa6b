"""A region of 64 x 64 pixels, one fresh sample from cached features: what a live preview waits for.

Run ``python benchmarks/region.py`` on an otherwise idle machine.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import measuring
import workloads
from measuring import duration, extent, table, take_turns

from napari_refvae import upscale
from napari_refvae.explore import Draw, Session

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXTS = {"exact": None, "live": 6, "least": 2}
"""LR pixels around the region that are looked at; None: as many as make it exactly the whole image's. ``live`` is what
the widget's live preview takes (`napari_refvae.widget.explore.live.CONTEXT`)."""


def main() -> None:
    """Print one table: what is decoded, milliseconds, and the shares of a run of the whole image and of naive."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--side", type=int, default=64, help="of the region")
    parser.add_argument("--image", type=int, default=256, help="side of the image that it is part of")
    options = parser.parse_args()
    side, image = (16, 32) if options.quick else (options.side, options.image)
    ways: dict[str, Callable[[], object]] = {"whole": fresh_samples(side, None)}
    region = ((image - side) // 2, (image - side) // 2, side, side)
    ways |= {name: fresh_samples(image, region, context) for name, context in CONTEXTS.items()}
    ways["run"] = partial(upscale, workloads.picture(image), workloads.reference(), samples=1, device="cpu")
    ways["naive"] = partial(workloads.naive, side, 1)
    times = take_turns(ways, measuring.turns(options))
    middle = measuring.medians(times)
    labels = {
        "whole": f"an image of {side} x {side}, all of it",
        "exact": f"a region of one of {image} x {image}, exactly as in the whole",
        "live": "the same as the live preview makes it, with 6 pixels of context",
        "least": "the same with 2 pixels of context, the least",
        "run": f"a run of that image, one sample: all of it by `upscale`, {image} -> {8 * image}",
        "naive": f"naive, an image of {side} x {side}",
    }
    rows = [
        [label, duration(middle[way]), extent(times[way]), *(_part(middle, way, of) for of in ("run", "naive"))]
        for way, label in labels.items()
    ]
    note = (
        f"{side} -> {8 * side}, `compact` by `napari_refvae.explore.Session`, features cached, each sample a new one, "
        f"projected and stored; medians of {measuring.turns(options)} turns."
    )
    figures = {f"{way}_seconds": seconds for way, seconds in middle.items()}
    measuring.publish(options, note, table(["what", "time", "turns", "of the run", "of naive"], rows), figures)


def _part(middle: dict[str, float], way: str, of: str) -> str:
    times = middle[of] / middle[way]
    return f"1/{times:.1f}" if times >= 1 else f"{1 / times:.1f}"


def fresh_samples(
    side: int, region: tuple[int, int, int, int] | None, context: int | None = None
) -> Callable[[], object]:
    """What makes the next sample of a session of its own; the first call encodes."""
    session = Session(workloads.picture(side), workloads.reference(), device="cpu")
    seeds = itertools.count()
    return lambda: session.decode(Draw(seed=next(seeds)), region, context=context)


if __name__ == "__main__":
    main()
