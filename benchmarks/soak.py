"""Make runs for a long time and watch memory, threads and open files: they must stay flat.

Run ``python benchmarks/soak.py --minutes 60``. Each round makes a run of another image, of another kind and size, with
other references, closes one half-way, provokes errors, saves, replays and streams to zarr. After a first part that
fills caches, the resident memory of each round is recorded; the slope of a line through it and the last against the
first quarter tell whether it grows. The exit status is 1 if it does. With ``--rounds 50``, the same fifty rounds come
again and again: what PyTorch keeps for each new size is then left out, and what grows is a leak.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

import napari_refvae
from napari_refvae.api import steps
from napari_refvae.imageio.arrays import describe_array
from napari_refvae.planning import RunSettings
from napari_refvae.spec import SampleSpec
from napari_refvae.stacks.planning import plan_stack
from napari_refvae.stacks.saving import save_stack

WARM = 0.2
"""Share of the time in which caches fill, and nothing is recorded."""

GROWTH = 16.0
"""Megabytes by which the median of the last quarter may lie above that of the first."""

DTYPES = ("uint8", "uint16", "float32", "bool")


def image(chance: random.Random, most: int) -> np.ndarray:
    """Noise of some kind and size."""
    shape = (chance.randint(1, most), chance.randint(1, most), *chance.choice([(), (3,), (4,)]))
    values = np.random.default_rng(chance.getrandbits(32)).random(shape)
    dtype = np.dtype(chance.choice(DTYPES))
    return (values * (np.iinfo(dtype).max if dtype.kind in "ui" else 1)).astype(dtype)


def work(number: int, model: str, most: int) -> None:
    """One round."""
    chance = random.Random(number)
    options = {"model": model, "device": "cpu", "precision": "float32", "seed": number}
    picture = image(chance, most)
    references = chance.choice(["self", "none", image(chance, most)])
    with tempfile.TemporaryDirectory() as folder:
        result = napari_refvae.upscale(picture, references, samples=2, faithful=number % 5 == 0, **options)
        side_car = result.save(folder, "a", ".tif")[-1]
        if isinstance(references, str):
            napari_refvae.replay(side_car, image=picture)
        run = steps(picture, references, samples=2, **options)
        for _ in range(3):
            next(run)
        run.close()
        for wrong in (np.zeros((0, 3)), np.full((2, 2), np.nan), "none.png"):
            try:
                napari_refvae.upscale(wrong, model=model)
            except napari_refvae.RefVAEError:
                continue
            raise AssertionError(f"{wrong!r} was taken")
        settings = RunSettings(samples=SampleSpec(1, number), model=model, device="cpu", precision="float32")
        if picture.dtype.kind != "b":
            save_stack(plan_stack(describe_array(picture), (), settings), Path(folder), "b", ".zarr")


def main() -> None:
    """Work, watch, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rounds", type=int, help="so many different ones; all are different if not given")
    parser.add_argument("--most", type=int, default=24, help="greatest side of an image")
    parser.add_argument("--model", default="compact")
    options = parser.parse_args()
    process, begun = psutil.Process(), time.monotonic()
    seconds, number = 60 * options.minutes, 0
    memory: list[float] = []
    while time.monotonic() - begun < seconds or len(memory) < 8:
        work(number % options.rounds if options.rounds else number, options.model, options.most)
        number += 1
        if time.monotonic() - begun > WARM * seconds:
            gc.collect()
            memory.append(process.memory_info().rss / 2**20)
            if len(memory) == 1:
                threads, files = threading.active_count(), process.num_fds()
            if len(memory) % 20 == 1:
                print(f"{(time.monotonic() - begun) / 60:6.1f} min, round {number}: {memory[-1]:.0f} MB", flush=True)
    quarter = len(memory) // 4
    first, last = float(np.median(memory[:quarter])), float(np.median(memory[-quarter:]))
    slope = float(np.polyfit(np.arange(len(memory)), memory, 1)[0])
    print(
        f"{number} rounds in {(time.monotonic() - begun) / 60:.1f} min; memory {first:.0f} MB in the first quarter, "
        f"{last:.0f} MB in the last, {1000 * slope:+.0f} kB a round; threads {threads} and {threading.active_count()}, "
        f"open files {files} and {process.num_fds()}"
    )
    sys.exit(0 if last - first < GROWTH and process.num_fds() <= files + 4 else 1)


if __name__ == "__main__":
    main()
