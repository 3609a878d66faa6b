"""Faults of the machine during a run, caused and not pretended."""

import subprocess
import sys

import pytest

LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np
import napari_refvae
from napari_refvae.errors import OutOfMemoryError, RefVAEError

image = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)
options = {"samples": 1, "model": sys.argv[1], "device": "cpu", "precision": "float32", "tile": None}
napari_refvae.upscale(image[:20, :20], **options)
expected = napari_refvae.upscale(image, **options).sr.astype(int)
before = resource.getrlimit(resource.RLIMIT_AS)
for megabytes in (2, 40, 120, 240, 1000):
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20, before[1]))
    try:
        made, outcome = napari_refvae.upscale(image, **options).sr, "made"
    except RefVAEError as error:
        made, outcome = expected, f"{type(error).__name__}: {error}"
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    print(outcome[:300] if abs(made - expected).max() <= 1 else "wrong")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
def test_out_of_memory_anywhere_is_named_or_survived_with_smaller_tiles(tiny_model):
    command = [sys.executable, "-W", "error", "-c", LITTLE_MEMORY, str(tiny_model)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    outcomes = [line.partition(":")[0] for line in done.stdout.splitlines()]

    assert done.returncode == 0, done.stderr
    assert len(outcomes) == 5
    assert set(outcomes) <= {"made", "OutOfMemoryError"}, done.stdout
    assert outcomes[0] == "OutOfMemoryError"
    assert outcomes[-1] == "made"
