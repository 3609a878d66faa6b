"""One more sample of 64 -> 512: ``compact`` beside one pass of other people's networks at 8x.

Theirs are spandrel's architectures with random weights, the bare network on a tensor that is ready; as they come
(float32, contiguous) and as fast as they go here (bfloat16 where the processor has it, channels_last). Ours is what a
run of nine samples takes beyond one of a single sample, an eighth of it: latent, network, projection, rounding,
storing.

Run ``python benchmarks/one_more_sample.py`` on an otherwise idle machine, with the extra ``bench`` installed.
"""

from __future__ import annotations

import contextlib
import copy
from functools import partial
from typing import TYPE_CHECKING

import measuring
import torch
import workloads
from measuring import duration, table, take_turns

from napari_refvae.model.precision import has_native_bf16

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

MORE = 8
WAYS = {"fp32": "float32", "fast": "auto"}


def main() -> None:
    """Print one table: network, parameters, a pass or a sample in both precisions."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--side", type=int, default=64)
    options = parser.parse_args()
    side = 16 if options.quick else options.side
    others = networks()
    ways: dict[str, Callable[[], object]] = {
        f"{name} {way}": one_pass(network, side, fast=way == "fast") for name, network in others.items() for way in WAYS
    }
    before = {}
    for way, precision in WAYS.items():
        for samples in (1, 1 + MORE):
            ways[f"compact {way} {samples}"] = partial(workloads.upscale, "compact", side, samples, precision)
            before[f"compact {way} {samples}"] = partial(workloads.ready, "compact", precision)
    with torch.inference_mode():
        middle = measuring.medians(take_turns(ways, measuring.turns(options), before=before))
    ours = {way: (middle[f"compact {way} {1 + MORE}"] - middle[f"compact {way} 1"]) / MORE for way in WAYS}
    rows = [_row("`compact`, one more sample", _millions(workloads.model("compact").network), ours, ours)]
    for name, network in others.items():
        rows.append(_row(f"`{name}`", _millions(network), {way: middle[f"{name} {way}"] for way in WAYS}, ours))
    note = f"{side} -> {8 * side}; medians of {measuring.turns(options)} turns. The factor is against `compact`."
    headings = ["network", "parameters", "float32", "factor", "bfloat16, channels_last", "factor"]
    figures = {f"compact_{way}": seconds for way, seconds in ours.items()}
    figures |= {f"esrgan_{way}": middle[f"ESRGAN(scale=8) {way}"] for way in WAYS}
    measuring.publish(options, note, table(headings, rows), figures)


def networks() -> dict[str, nn.Module]:
    """Spandrel's networks of 8x with random weights."""
    from spandrel.architectures.Compact import Compact
    from spandrel.architectures.ESRGAN import ESRGAN
    from spandrel.architectures.SPAN import SPAN

    torch.manual_seed(0)
    return {
        "ESRGAN(scale=8)": ESRGAN(scale=8).eval(),
        "SPAN(upscale=8)": SPAN(num_in_ch=3, num_out_ch=3, upscale=8).eval(),
        "Compact(upscale=8)": Compact(upscale=8).eval(),
    }


def one_pass(network: nn.Module, side: int, *, fast: bool) -> Callable[[], Tensor]:
    """What passes a tensor through a network, as it came or in the layout and precision that are fast here."""
    image = torch.from_numpy(workloads.picture(side)).permute(2, 0, 1)[None].float() / 255
    image = image.contiguous()
    autocast: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext
    if fast:
        network = copy.deepcopy(network).to(memory_format=torch.channels_last)
        image = image.contiguous(memory_format=torch.channels_last)
        native = has_native_bf16(torch.device("cpu"))
        autocast = partial(torch.autocast, "cpu", torch.bfloat16, enabled=native)

    def run() -> Tensor:
        with autocast():
            made: Tensor = network(image)
        return made

    return run


def _row(name: str, parameters: str, seconds: dict[str, float], ours: dict[str, float]) -> list[str]:
    cells = [(duration(seconds[way]), f"{seconds[way] / ours[way]:.1f}x") for way in WAYS]
    return [name, parameters, *(cell for pair in cells for cell in pair)]


def _millions(network: nn.Module) -> str:
    return f"{sum(parameter.numel() for parameter in network.parameters()) / 1e6:.2f} M"


if __name__ == "__main__":
    main()
