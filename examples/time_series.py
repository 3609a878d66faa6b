"""A time series without flicker: every plane gets the same latent map. Writes OME-TIFFs, and says what changes in time.

python examples/time_series.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tifffile
from skimage import data

from napari_refvae.planning import RunSettings
from napari_refvae.spec import SampleSpec
from napari_refvae.stacks.planning import Latent, plan_stack
from napari_refvae.stacks.saving import save_stack

PLANES = 3


def main(folder: Path) -> None:
    """Upscale a still with some noise, as often as there are planes, with one latent and with fresh ones."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).normal(0, 1, (PLANES, 24, 24))
    movie = np.clip(data.camera()[80:104, 210:234] + noise, 0, 255).round().astype(np.uint8)
    series = folder / "series.ome.tif"
    tifffile.imwrite(series, movie, metadata={"axes": "TYX"})
    kinds: tuple[Latent, ...] = ("same", "fresh")
    for latent in kinds:
        plan = plan_stack(series, "self", RunSettings(samples=SampleSpec(1)), latent=latent)
        written, _ = save_stack(plan, folder, f"series-{latent}")
        large = tifffile.imread(written[0][0]).astype(np.float32)
        flicker = np.abs(np.diff(large, axis=0)).mean()
        print(f"{latent} latent: neighbouring planes differ by {flicker:.1f} grey levels ({written[0][0].name})")
    print(f"the input's differ by {np.abs(np.diff(movie.astype(np.float32), axis=0)).mean():.1f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "example-output"))
