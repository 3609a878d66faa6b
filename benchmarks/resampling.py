"""Compare the two ways of computing D and U: a dense matrix and a strided convolution, by size.

Run ``python benchmarks/resampling.py`` on an otherwise idle machine. The two ways take turns, so that a
machine that slows down slows both; each figure is a median. `napari_refvae.resampling.DENSE_LIMIT`
belongs where the last column turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import torch

from napari_refvae import resampling

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

OPERATORS = {"D": resampling.downsample, "U": resampling.consistent_upsample, "bicubic": resampling.upsample}
LIMITS = {"dense": 10**9, "convolution": 0}


def main() -> None:
    """Print one table: operator, LR side, median milliseconds of both ways, and the faster one."""
    options = _options()
    if options.threads:
        torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, scale {options.scale}, float32 RGB")
    print(f"median of {options.repeats} interleaved runs after 2 of warming up\n")
    print("| operator | LR side | HR side | dense, ms | convolution, ms | faster |")
    print("|---|---:|---:|---:|---:|---|")
    for name, operator in OPERATORS.items():
        for side in options.sides:
            medians = compare(operator, _input(name, side, options.scale), options.scale, options.repeats)
            faster = min(medians, key=lambda way: medians[way])
            figures = " | ".join(f"{medians[way]:.2f}" for way in LIMITS)
            print(f"| {name} | {side} | {side * options.scale} | {figures} | {faster} |", flush=True)


def compare(
    operator: Callable[[Tensor, int], Tensor], image: Tensor, scale: int, repeats: int, warm_up: int = 2
) -> dict[str, float]:
    """Median milliseconds of each way of computing ``operator(image, scale)``."""
    times: dict[str, list[float]] = {way: [] for way in LIMITS}
    before = resampling.DENSE_LIMIT
    try:
        for turn in range(warm_up + repeats):
            for way, limit in LIMITS.items():
                resampling.DENSE_LIMIT = limit
                start = time.perf_counter()
                operator(image, scale)
                if turn >= warm_up:
                    times[way].append(1000 * (time.perf_counter() - start))
    finally:
        resampling.DENSE_LIMIT = before
    return {way: statistics.median(values) for way, values in times.items()}


def _input(name: str, side: int, scale: int) -> Tensor:
    return torch.rand(1, 3, *(2 * [side * scale if name == "D" else side]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[16, 32, 64, 96, 128, 192, 256, 384, 512])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--scale", type=int, default=8)
    parser.add_argument("--threads", type=int, default=0, help="0: torch's own choice")
    options = parser.parse_args()
    if options.repeats < 5:
        parser.error("a median needs at least 5 repeats")
    return options


if __name__ == "__main__":
    with torch.inference_mode():
        main()
