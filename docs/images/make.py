"""Make the pictures of the README and the docs from the software itself: python docs/images/make.py [MODEL]."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from skimage import data

import napari_refvae
from napari_refvae.figures import result_sheet
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.metrics import low_resolution, modulo_crop

FOLDER = Path(__file__).parent
WIDTH = 1500


def main(model: str = "compact") -> None:
    """Write one overview of a photograph with a texture, the image itself and no reference."""
    original = modulo_crop(data.chelsea())
    small = low_resolution(original)
    grass = napari_refvae.ImageReference(as_reference(data.grass()), "grass")
    result = napari_refvae.upscale(small, [grass, "self"], samples=4, model=model)
    faithful = napari_refvae.upscale(small, samples=1, temperature=0, vividness=0, model=model)
    sheet = result_sheet(
        result,
        "Chelsea the cat",
        original=original,
        faithful=faithful.sr[0],
        insets={"grass": data.grass(), "self": small},
        footer="Photograph: Stefan van der Walt, CC0. Grass: linolafett (DeviantArt), CC0.",
    )
    height = round(sheet.height * WIDTH / sheet.width)
    sheet.resize((WIDTH, height), Image.Resampling.LANCZOS).save(FOLDER / "chelsea.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
