"""The images, models and runs that are measured; as a script, one run in a process of its own.

``python benchmarks/workloads.py upscale --preset compact --side 128 --samples 10`` makes the run and prints, as JSON,
what the process held at rest and at most. The peak is Linux's high-water mark of this process, set back just before the
work; ``ru_maxrss``, which stands in elsewhere, would count what the parent held and what loading took, too.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from skimage import data

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_refvae.api import LoadedModel

REFERENCE_SIDE = 256
"""What the paper's network makes of every reference, so that it is spared the resizing."""

PRESETS = ("compact", "full", "paper")


@cache
def picture(side: int) -> NDArray[np.uint8]:
    """A photograph ``(side, side, 3)``: the middle of a portrait, mirrored beyond 512 pixels."""
    portrait = data.astronaut()
    margin = max(0, side - len(portrait) + 1) // 2
    whole = np.pad(portrait, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric")
    top = (len(whole) - side) // 2
    return np.ascontiguousarray(whole[top : top + side, top : top + side])


def reference() -> NDArray[np.uint8]:
    """Another photograph, ``(256, 256, 3)``: a new array each time, so that nothing remembers it."""
    return data.chelsea()[:REFERENCE_SIDE, 100 : 100 + REFERENCE_SIDE].copy()


@cache
def model(preset: str) -> LoadedModel:
    """The bundled ``compact``; of the other presets, whose weights are not bundled, one with random weights."""
    from napari_refvae import load_model

    if preset == "compact":
        return load_model()
    with tempfile.TemporaryDirectory() as folder:
        return load_model(save_random(preset, Path(folder)))


def save_random(preset: str, folder: Path) -> Path:
    """Write a model file of a preset with random weights, the same each time.

    The last layer of our own network begins at zero; here it does not, so that the projection has work to do.
    """
    import torch

    from napari_refvae.model.checkpoint import build_model, save_checkpoint
    from napari_refvae.model.config import PRESETS as CONFIGS

    torch.manual_seed(0)
    state = build_model(CONFIGS[preset]).state_dict()
    if "last.weight" in state:
        state["last.weight"] = 0.01 * torch.randn_like(state["last.weight"])
    path = folder / f"{preset}.safetensors"
    training = {"summary": "random weights, to measure speed"}
    save_checkpoint(path, state, preset=preset, config=CONFIGS[preset], training=training, dtype=torch.float32)
    return path


def upscale(
    preset: str,
    side: int,
    samples: int,
    precision: str = "auto",
    tile: str | int = "auto",
    device: str = "cpu",
    *,
    guided: bool = True,
) -> int:
    """Make samples by the public entry, uint8 in and out, projected, with one reference or none; return bytes made."""
    from napari_refvae import upscale as make

    result = make(
        picture(side),
        reference() if guided else (),
        samples=samples,
        model=model(preset),
        precision=precision,
        tile=tile,
        device=device,
    )
    return result.sr.nbytes + result.bicubic.nbytes


def naive(side: int, samples: int) -> int:
    """The same by the paper's network in its authors' order of work; return the bytes made."""
    from naive import NaiveRefVAE

    made = NaiveRefVAE(model("paper").network.state_dict()).samples(picture(side), reference(), range(samples))
    return made.nbytes


def ready(preset: str, precision: str = "auto", device: str = "cpu") -> None:
    """Have a model loaded, on its device and warm: the package keeps only the last two placed there."""
    upscale(preset, 16, 1, precision, device=device)


def main() -> None:
    """Make one run and print what it held."""
    options = _options()
    work = _prepared(options)
    _forget_peak()
    rest = _resident("VmRSS")
    start = time.perf_counter()
    output = work()
    seconds = time.perf_counter() - start
    print(json.dumps({"rest": rest, "peak": _resident("VmHWM"), "output": output, "seconds": seconds}))


def _prepared(options: argparse.Namespace) -> Callable[[], int]:
    """What is to be done, with all that it needs imported, loaded and on its device."""
    picture(options.side)
    if options.workload == "naive":
        import naive as _module

        loaded = model("paper")
        _module.NaiveRefVAE(loaded.network.state_dict())
        return lambda: naive(options.side, options.samples)
    from napari_refvae.loading import load_upscaler

    load_upscaler(model(options.preset), options.device, options.precision)
    return lambda: upscale(
        options.preset, options.side, options.samples, options.precision, options.tile, options.device
    )


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        print("the peak counts what loading took, too: this system does not forget it", file=sys.stderr)


def _resident(entry: str) -> int:
    """``VmRSS`` (now) or ``VmHWM`` (at most), in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{entry}:"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=("upscale", "naive"))
    parser.add_argument("--preset", choices=PRESETS, default="compact")
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--tile", type=lambda word: word if word == "auto" else int(word), default="auto")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


if __name__ == "__main__":
    main()
