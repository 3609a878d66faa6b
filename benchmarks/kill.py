"""Kill a batch at random moments until it is finished, and look at what is there then.

Run ``python benchmarks/kill.py``: fifty images, ``refvae upscale --resume`` again and again, ended by ``kill -9`` and
by Ctrl-C in turn after a random time. In between, no file but hidden ones may be half-written; at the end each image
has its results and its side-car once, with the bytes of a run that nobody disturbed. The exit status is 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from napari_refvae.errors import RefVAEError
from napari_refvae.imageio.files import read_image, write_image

PROGRAM = "from napari_refvae.cli import main; main()"


def make_inputs(folder: Path, count: int, side: int) -> None:
    """So many different images."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        write_image(folder / f"{number:02}.png", rng.integers(0, 256, (side, side, 3), dtype=np.uint8))


def command(folder: Path, output: str, options: argparse.Namespace) -> list[str]:
    """The batch."""
    words = ["upscale", str(folder / "in"), "-n", "2", "--resume", "-o", str(folder / output), "--model", options.model]
    return [sys.executable, "-c", PROGRAM, *words, "--device", "cpu", "--precision", "float32"]


def broken(folder: Path) -> list[str]:
    """Visible files that are not whole; side-cars are empty while their run is under way."""
    found = []
    for path in sorted(folder.glob("[!.]*")) if folder.is_dir() else ():
        try:
            if path.suffix == ".json":
                json.loads(path.read_text("utf-8") or "{}")
            else:
                read_image(path)
        except (RefVAEError, ValueError) as error:
            found.append(f"{path.name}: {error}")
    return found


def main() -> None:
    """Disturb, finish, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--side", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=30, help="seconds that a disturbed run may last")
    parser.add_argument("--model", default="compact")
    options = parser.parse_args()
    chance, ends, faults = random.Random(options.seed), [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder / "in", options.images, options.side)
        while True:
            process = subprocess.Popen(
                command(folder, "out", options), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            blow = signal.SIGINT if len(ends) % 2 else signal.SIGKILL
            try:
                _, said = process.communicate(timeout=chance.uniform(1, options.longest))
            except subprocess.TimeoutExpired:
                process.send_signal(blow)
                _, said = process.communicate()
            faults += broken(folder / "out") + (["a traceback: " + said[-500:]] if "Traceback" in said else [])
            ends.append(process.returncode)
            if process.returncode == 0:
                break
            if process.returncode not in (-signal.SIGKILL, -signal.SIGINT, 130):
                faults.append(f"exit code {process.returncode}: {said[-500:]}")
                break
        begun = time.monotonic()
        subprocess.run(command(folder, "straight", options), check=True, capture_output=True)
        seconds = time.monotonic() - begun
        made, straight = (
            {path.name: path.read_bytes() for path in (folder / output).iterdir()} for output in ("out", "straight")
        )
        faults += [f"{name} differs or is not in both" for name in {*made} ^ {*straight}]
        faults += [f"{name} has other bytes" for name in {*made} & {*straight} if made[name] != straight[name]]
    print(
        f"{options.images} images, {len(made)} files: {ends.count(-9)} runs ended by kill -9, "
        f"{ends.count(130) + ends.count(-2)} by Ctrl-C; undisturbed it takes {seconds:.0f} s; {len(faults)} faults"
    )
    for fault in faults:
        print(" ", fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
