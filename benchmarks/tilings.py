"""Whether results depend on what they should not depend on: tiles, batch, order, threads.

Run ``python benchmarks/tilings.py``: some minutes on one core. Twenty random tilings of random images, each compared
with the untiled result; runs that differ in the number of samples and in their order, compared byte by byte; and one
with another number of threads, which sum in another order: its 8-bit values may differ by one, and how many do is
printed. The exit status is 1 if something promised does not hold.
"""

from __future__ import annotations

import argparse
import random
import sys

import numpy as np
import torch
from skimage import data

import napari_refvae

TOLERANCE = 1e-5
"""Of the range, between tilings; float32 rounds sums of other orders otherwise."""


def photograph(chance: random.Random, most: int) -> np.ndarray:
    """A part of a photograph, as floats so that rounding to 8 bits hides nothing."""
    height, width = chance.randint(3, most), chance.randint(3, most)
    image = (data.astronaut() if chance.random() < 0.5 else data.coffee())[: most * 4, : most * 4]
    step = chance.randint(1, 4)
    return np.ascontiguousarray(image[: height * step : step, : width * step : step], np.float32) / 255


def check_tilings(model: str, count: int, most: int) -> bool:
    """Tiled equals untiled; the worst difference is printed."""
    worst = 0.0
    for number in range(count):
        chance = random.Random(number)
        image = photograph(chance, most)
        tile = chance.randint(1, max(image.shape[:2]))
        options = {"samples": 1, "seed": number, "model": model, "precision": "float32", "device": "cpu"}
        reference = chance.choice(["self", "none"])
        tiled, whole = (napari_refvae.upscale(image, reference, tile=size, **options).sr for size in (tile, None))
        worst = max(worst, float(np.abs(tiled - whole).max()))
        print(f"  {image.shape[0]} x {image.shape[1]}, tiles of {tile}: {np.abs(tiled - whole).max():.1e}", flush=True)
    print(f"{count} random tilings: at most {worst:.1e} of the range from the untiled result")
    return worst <= TOLERANCE


def check_bytes(model: str) -> bool:
    """The same samples alone, together, in another order; with one and with two threads."""
    image = (255 * photograph(random.Random(0), 24)).astype(np.uint8)
    options = {"model": model, "precision": "float32", "device": "cpu"}
    together = napari_refvae.upscale(image, ["self", "none"], samples=3, seed=5, **options).sr
    alone = [napari_refvae.upscale(image, ref, samples=1, seed=5 + n, **options).sr[0] for n, ref in _numbered()]
    backwards = [
        napari_refvae.upscale(image, ref, samples=1, seed=5 + n, **options).sr[0] for n, ref in reversed([*_numbered()])
    ][::-1]
    one = torch.get_num_threads()
    torch.set_num_threads(2 if one == 1 else 1)
    threads = napari_refvae.upscale(image, ["self", "none"], samples=3, seed=5, **options).sr
    torch.set_num_threads(one)
    fine = True
    for name, made in (("alone", alone), ("backwards", backwards)):
        same = np.array_equal(together, np.stack(made))
        fine &= same
        print(f"together and {name}: {'the same bytes' if same else 'NOT the same bytes'}")
    difference = np.abs(together.astype(int) - threads)
    share = np.mean(difference > 0)
    print(f"with other threads: {1e6 * share:.0f} of a million values differ, by {difference.max()} at most")
    return fine and difference.max() <= 1


def _numbered() -> list[tuple[int, str]]:
    return [*enumerate(("self", "self", "self", "none", "none", "none"))]


def main() -> None:
    """Check both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20, help="tilings")
    parser.add_argument("--most", type=int, default=64, help="greatest side of an image")
    parser.add_argument("--model", default="compact")
    options = parser.parse_args()
    fine = check_tilings(options.model, options.count, options.most)
    sys.exit(0 if check_bytes(options.model) and fine else 1)


if __name__ == "__main__":
    main()
