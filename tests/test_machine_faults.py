"""Faults of the machine during a run, caused and not pretended."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

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


LITTLE_MEMORY_FOR_A_FOLDER = """
import resource, sys
from pathlib import Path
import numpy as np
import napari_refvae
from napari_refvae.cli import main

model, folder, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
napari_refvae.upscale(np.zeros((8, 8), np.uint8), samples=1, model=model)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20, resource.getrlimit(resource.RLIMIT_AS)[1]))
sys.argv = ["refvae", "upscale", folder, "-n", "1", "--model", model, "-o", folder + "/made"]
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
@pytest.mark.parametrize("megabytes", [60, 200])  # not enough to read the large one; and to plan it
def test_an_image_too_large_for_memory_is_one_line_of_a_batch(tiny_model, tmp_path, megabytes):
    Image.fromarray(np.zeros((3000, 3000, 3), np.uint8)).save(tmp_path / "a_large.png")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "b_small.png")
    command = [sys.executable, "-c", LITTLE_MEMORY_FOR_A_FOLDER, str(tiny_model), str(tmp_path), str(megabytes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)

    assert done.returncode == 1, done.stderr
    assert "1 made, 1 failed" in done.stdout + done.stderr
    assert "memory" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "made").glob("*.png")] == ["b_small_x8_none_s0.png"]
