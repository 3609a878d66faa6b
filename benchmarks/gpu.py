"""A GPU, where torch finds one: ten samples, decoding against the card's measured rate, memory, other sizes.

The rate is that of a large matrix product in bfloat16; the share is that of the network's own multiplications and
additions, counted by torch. ``--device cpu`` runs the same on the processor, to see that the script works.

Run ``python benchmarks/gpu.py``.
"""

from __future__ import annotations

import copy
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING

import measuring
import torch
import workloads
from measuring import duration, extent, size, table, take_turns
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

PRODUCT = 8192
"""Side of the matrices whose product is the measure."""

RUNS = ((10, 128), (1, 128), (10, 64), (10, 256), (1, 1024))
JUDGED = (10, 128)


def main() -> None:
    """Print one table, or say that there is no GPU."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--preset", choices=("compact", "full"), default="compact")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("torch finds no CUDA device here: nothing was measured.")
        return
    repeats, device = measuring.turns(options), torch.device(options.device)
    runs = ((2, 16),) if options.quick else RUNS
    rows, figures = [], {}
    for samples, side in runs:
        rows.append(_whole_run(options.preset, samples, side, device, repeats))
        if (samples, side) == JUDGED or options.quick:
            figures["ten_samples_seconds"] = rows[-1][1]
    product = 512 if options.quick else PRODUCT
    rate = product_rate(device, product, repeats)
    samples, side = (2, 16) if options.quick else JUDGED
    seconds, work = decode(options.preset, samples, side, device, repeats)
    figures |= {"decode_share": work / seconds / rate, "product_rate": rate}
    cells = [[name, duration(middle), extent(turns), memory] for name, middle, turns, memory in rows]
    name = f"decoding alone, {samples} samples of {side} -> {8 * side}"
    cells.append([name, duration(seconds), f"{work / seconds / 1e12:.1f} TFLOP/s", f"{work / seconds / rate:.0%}"])
    note = (
        f"{_name(device)}: {rate / 1e12:.1f} TFLOP/s in bfloat16 for a product of matrices of side {product}. "
        f"`{options.preset}`, uint8 in and out on the host; medians of {repeats} turns. The last line's share is of "
        "that rate."
    )
    measuring.publish(options, note, table(["run", "time", "turns", "memory on the card"], cells), figures)


def _whole_run(
    preset: str, samples: int, side: int, device: torch.device, repeats: int
) -> tuple[str, float, list[float], str]:
    """A run by the public entry, from the host's uint8 to the host's uint8."""
    name = f"{samples} samples of {side} -> {8 * side}"
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    work = partial(workloads.upscale, preset, side, samples, device=device.type)
    seconds = take_turns({name: work}, repeats, warm_up=2)[name]
    peak = size(torch.cuda.max_memory_allocated()) if device.type == "cuda" else "not counted"
    return name, statistics.median(seconds), seconds, peak


def product_rate(device: torch.device, side: int, repeats: int) -> float:
    """Multiplications and additions a second of a bfloat16 matrix product."""
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / _seconds(lambda: a @ b, device, repeats)


@torch.inference_mode()
def decode(preset: str, samples: int, side: int, device: torch.device, repeats: int) -> tuple[float, float]:
    """Seconds of the decode door on a batch of samples, and its multiplications and additions."""
    network = copy.deepcopy(workloads.model(preset).network).to(device).to(memory_format=torch.channels_last)
    layout = network.layout
    code = torch.randn(samples, layout.code, device=device)
    noise = torch.randn(samples, layout.noise, side, side, device=device)
    latent = network.lift(code, noise, torch.ones(samples, device=device))
    latent = latent.contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16):
        lr = torch.rand(1, 3, side, side, device=device).contiguous(memory_format=torch.channels_last)
        features = network.encode(lr)

        def run() -> Tensor:
            detail: Tensor = network.decode(features, latent)
            return detail

        with FlopCounterMode(display=False) as counter:
            run()
        return _seconds(run, device, repeats), float(counter.get_total_flops())


def _seconds(work: Callable[[], object], device: torch.device, repeats: int, warm_up: int = 3) -> float:
    """Median of turns, each waited for."""
    taken = []
    for turn in range(warm_up + repeats):
        _finish(device)
        start = time.perf_counter()
        work()
        _finish(device)
        if turn >= warm_up:
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "the processor"


if __name__ == "__main__":
    main()
