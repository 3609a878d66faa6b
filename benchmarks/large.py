"""How much memory a plane takes that is made piece by piece, whatever its size.

Run ``python benchmarks/large.py --sizes 512 1024 2048``: each is made in a process of its own, from a zarr of noise to
OME-Zarr, and the most that the process held resident is printed. ``--pieces N`` stops after so many pieces, which
is enough for the memory: it does not grow with their number. ``--limit`` bounds the address space, in GiB.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from napari_refvae.imageio.arrays import describe_array
from napari_refvae.imageio.files import open_source
from napari_refvae.imageio.zarrwriting import create_ome_zarr
from napari_refvae.planning import RunSettings
from napari_refvae.regions import Region
from napari_refvae.spec import Progress, SampleSpec
from napari_refvae.stacks.planning import plan_stack
from napari_refvae.stacks.saving import save_stack

BAND = 256


class EnoughError(Exception):
    """The pieces that were asked for are made."""


def write_noise(path: Path, side: int) -> None:
    """A square of smooth noise, written in bands."""
    rng = np.random.default_rng(0)
    empty = np.broadcast_to(np.uint8(0), (side, side, 3))
    target = create_ome_zarr(path, describe_array(empty, rgb=True).layout, np.uint8, part=BAND)
    for top in range(0, side, BAND):
        rows = min(BAND, side - top)
        small = rng.integers(0, 256, (rows // 4 + 1, side // 4 + 1, 3), dtype=np.uint8)
        band = small.repeat(4, axis=0).repeat(4, axis=1)[:rows, :side]
        target.write(band, (), Region(top, 0, rows, side))


def stream(folder: Path, model: str, pieces: int | None) -> None:
    """Make one image, or the first pieces of it, and print the most memory."""

    def count(step: Progress) -> None:
        if pieces is not None and step.done >= pieces:
            raise EnoughError

    settings = RunSettings(samples=SampleSpec(1), model=model, device="cpu", precision="float32")
    source = open_source(folder / "in.zarr")
    begun = time.monotonic()
    try:
        save_stack(plan_stack(source, (), settings), folder / "out", "a", ".zarr", on_progress=count)
        made = "all of it"
    except EnoughError:
        made = f"{pieces} pieces"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    height, width = source.layout.size
    print(f"{height} x {width}: {made}, {peak:.2f} GiB at most, {time.monotonic() - begun:.0f} s", flush=True)


def main() -> None:
    """One process a size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--model", default="compact")
    parser.add_argument("--pieces", type=int)
    parser.add_argument("--limit", type=float, help="GiB of address space")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder is not None:
        if options.limit is not None:
            most = int(options.limit * 2**30)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        stream(options.folder, options.model, options.pieces)
        return
    for side in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_noise(Path(folder) / "in.zarr", side)
            words = [sys.argv[0], "--folder", folder, "--model", options.model]
            words += [] if options.pieces is None else ["--pieces", str(options.pieces)]
            words += [] if options.limit is None else ["--limit", str(options.limit)]
            subprocess.run([sys.executable, *words], check=True)


if __name__ == "__main__":
    main()
