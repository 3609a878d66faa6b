"""What a reference does: one image with several references and one seed, side by side. Writes a sheet of pictures.

python examples/references.py [IMAGE [REFERENCE...]] [--output FOLDER]

Without an image, Chelsea the cat is made small; without references, textures that scikit-image brings along are taken.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from skimage import data

import napari_refvae
from napari_refvae.figures import Picture, PictureRow, contact_sheet, residual_legend, residual_picture, thumbnail
from napari_refvae.imageio.files import read_image
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.metrics import low_resolution

GAIN = 5.0
SEED = 1


def main(image: Path | None, references: list[Path], output: Path) -> None:
    """Upscale with each reference, and show what each adds to no reference."""
    small = read_image(image) if image else low_resolution(np.ascontiguousarray(data.chelsea()[60:188, 110:270]))
    pictures = {path.stem: read_image(path) for path in references} or {
        "brick": data.brick(),
        "grass": data.grass(),
        "coffee": data.coffee(),
    }
    named = [napari_refvae.ImageReference(as_reference(pixels), name) for name, pixels in pictures.items()]
    plain = napari_refvae.upscale(small, samples=1, seed=SEED)
    results = [napari_refvae.upscale(small, one, samples=1, seed=SEED) for one in named]

    samples = [
        Picture(plain.sr[0], "no reference"),
        *(
            Picture(result.sr[0], name, consistency(result.lr_psnr[0]), thumbnail(pictures[name], 128))
            for name, result in zip(pictures, results, strict=True)
        ),
    ]
    changes = [
        Picture(plain.bicubic, "bicubic"),
        *(Picture(residual_picture(result.sr[0].astype(np.float32) - plain.sr[0], GAIN)) for result in results),
    ]
    rows = [
        PictureRow("Samples", f"seed {SEED}, all consistent\nwith one input", tuple(samples)),
        PictureRow(
            "Change", f"x{GAIN:g}, sample minus\nthat of no reference", tuple(changes), residual_legend(GAIN), True
        ),
    ]
    output.mkdir(parents=True, exist_ok=True)
    contact_sheet("References", "one image, one seed, several references", rows).save(output / "references.png")
    print(f"Wrote {output / 'references.png'}")


def consistency(lr_psnr: float) -> str:
    """How well a sample gives the input back."""
    return "LR exact" if math.isinf(lr_psnr) else f"LR-PSNR {lr_psnr:.0f} dB"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", nargs="?", type=Path)
    parser.add_argument("references", nargs="*", type=Path)
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    chosen = parser.parse_args()
    main(chosen.image, chosen.references, chosen.output)
