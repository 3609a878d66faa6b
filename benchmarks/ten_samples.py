"""Ten samples of 128 -> 1024: the authors' order of work against the package, time and memory.

Ways take turns; a turn of the naive one takes minutes, so there are three of each. Memory is that of a fresh process
above the same process at rest; the naive one makes two samples there, since each further one adds its own pixels only.

Run ``python benchmarks/ten_samples.py`` on an otherwise idle machine.
"""

from __future__ import annotations

from functools import partial

import measuring
import numpy as np
import torch
import workloads
from measuring import duration, extent, memory_of, size, table, take_turns
from naive import NaiveRefVAE

from napari_refvae import upscale

WAYS = {
    "`paper`, float32": ("paper", "float32"),
    "`paper`": ("paper", "auto"),
    "`compact`, float32": ("compact", "float32"),
    "`compact`": ("compact", "auto"),
}
NAIVE = "naive, `paper`, float32"
TURNS = 3


def main() -> None:
    """Print one table: way, seconds, and peak memory above rest."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--samples", type=int, default=10)
    options = parser.parse_args()
    side, samples = (16, 2) if options.quick else (options.side, options.samples)
    error = largest_difference(16 if options.quick else 64)
    times = take_turns(_ways(side, samples), measuring.turns(options, TURNS), warm_up=0, before=_before())
    memory = {NAIVE: memory_of("naive", side=side, samples=2)}
    for name, (preset, precision) in WAYS.items():
        memory[name] = memory_of("upscale", preset=preset, precision=precision, side=side, samples=samples)
    middle = measuring.medians(times)
    rows = [
        [
            name,
            duration(middle[name]),
            extent(times[name]),
            f"{middle[NAIVE] / middle[name]:.1f}x",
            size(memory[name].above),
            f"{memory[name].above / memory[NAIVE].above:.2f}",
        ]
        for name in times
    ]
    note = (
        f"{samples} samples of {side} -> {8 * side}, one reference, uint8 in and out, the package's projected; medians "
        f"of {measuring.turns(options, TURNS)} turns. `paper` in float32 and without projection differs from naive by "
        f"at most {error:.1e} (range 0 to 1)."
    )
    headings = ["way", "time", "turns", "against naive", "peak memory above rest", "share of naive"]
    figures = {"naive_bytes": memory[NAIVE].above, "naive_seconds": middle[NAIVE], "paper_error": error}
    for name, (preset, precision) in WAYS.items():
        kind = preset if precision == "auto" else f"{preset}_{precision}"
        figures |= {f"{kind}_seconds": middle[name], f"{kind}_bytes": memory[name].above}
    measuring.publish(options, note, table(headings, rows), figures)


def largest_difference(side: int, samples: int = 2) -> float:
    """Of ``paper`` in float32 and without projection from naive, over all values of a few samples."""
    lr = workloads.picture(side).astype(np.float32) / 255
    reference = workloads.reference().astype(np.float32) / 255
    model = workloads.model("paper")
    ours = upscale(lr, reference, samples=samples, model=model, consistency=None, precision="float32", device="cpu").sr
    baseline = NaiveRefVAE(model.network.state_dict())
    images = [torch.from_numpy(image.transpose(2, 0, 1).copy())[None] for image in (lr, reference)]
    theirs = [baseline.sample(*images, baseline.noise(seed)) for seed in range(samples)]
    return max(
        float(np.abs(sample - one[0].clamp(0, 1).permute(1, 2, 0).numpy()).max())
        for sample, one in zip(ours, theirs, strict=True)
    )


def _ways(side: int, samples: int) -> dict[str, partial[int]]:
    package = {
        name: partial(workloads.upscale, preset, side, samples, precision) for name, (preset, precision) in WAYS.items()
    }
    return {NAIVE: partial(workloads.naive, side, samples), **package}


def _before() -> dict[str, partial[None]]:
    """What is warmed up before each turn; the naive way has met every kernel it needs in the comparison."""
    return {name: partial(workloads.ready, preset, precision) for name, (preset, precision) in WAYS.items()}


if __name__ == "__main__":
    main()
