"""Make the pictures of the README and the docs from the software itself: python docs/images/make.py [MODEL]."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from skimage import data

import napari_refvae
from napari_refvae.explore import Draw, Mix, Session, pick_spread
from napari_refvae.figures import (
    Picture,
    PictureRow,
    contact_sheet,
    enlarged,
    result_sheet,
    spread_legend,
    spread_limit,
    spread_picture,
)
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.metrics import low_resolution, modulo_crop
from napari_refvae.regions import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

FOLDER = Path(__file__).parent
EXAMPLES = FOLDER.parents[1] / "examples"
WIDTH = 1500
DETAIL = Region(72, 120, 74, 112)
"""A quarter of the photograph's height and width, around an eye."""

CREDIT = "Photograph: Stefan van der Walt, CC0. Grass: linolafett (DeviantArt), CC0."

FAILURES_CREDIT = (
    "scikit-image's data. Page: its authors, CC0. Astronaut: NASA, public domain. Cat: Stefan van der Walt, CC0. "
    "Cell: Paul Mueller, CC0."
)


def main(model: str = "compact") -> None:
    """Write the landing page's picture, the model card's overview and failures, and the sheet of ways to explore."""
    original = modulo_crop(data.chelsea())
    write(landing(low_resolution(original), model), "landing.jpg")
    write(overview(original, model), "chelsea.jpg")
    write(failures(model), "failures.jpg")
    write(explored(), "explore.jpg")


def landing(small: Pixels, model: str) -> Image.Image:
    """One small image, three of its versions, the same closer, and all made small again."""
    session = Session(small, [data.grass()], model=model)
    picks = pick_spread(session, Draw(Mix.of(0)), count=16, picks=3)
    versions = [session.decode(pick.recipe).sr for pick in picks]
    spread = np.std(np.stack(versions).astype(np.float32), axis=0)
    limit = spread_limit(spread)
    pixels = enlarged(small, 8)
    names = ["one version", "another", "a third"]
    height, width = small.shape[:2]
    rows = [
        PictureRow(
            "Enlarged 8x",
            "several versions,\nguided by a reference",
            (
                Picture(pixels, "a small image", f"{width} x {height}"),
                *(
                    Picture(
                        version, name, f"{8 * width} x {8 * height}", data.grass() if version is versions[0] else None
                    )
                    for name, version in zip(names, versions, strict=True)
                ),
            ),
        ),
        PictureRow(
            "Closer",
            "fur and lashes are\ninvented, each time\nin another way",
            tuple(Picture(closer(image)) for image in (pixels, *versions)),
            joined=True,
        ),
        PictureRow(
            "Reduced 8x",
            "each version gives\nthe small image back;\nleft: the spread",
            (
                Picture(spread_picture(spread, limit), "where they differ"),
                *(
                    Picture(enlarged(low_resolution(version), 8), "= the small image", consistency(version, small))
                    for version in versions
                ),
            ),
            spread_legend(limit),
        ),
    ]
    return contact_sheet("One small image, several sharp large ones", "napari-refvae", rows, footer=CREDIT)


def closer(image: Pixels) -> Pixels:
    """The detail, as large as the whole image."""
    return enlarged(image[DETAIL.slices], image.shape[0] // DETAIL.height)


def consistency(version: Pixels, small: Pixels) -> str:
    """How well a version gives the small image back."""
    wrong = np.count_nonzero(low_resolution(version) != small)
    return "exactly" if wrong == 0 else f"all but {wrong} of {small.size} values"


def overview(original: Pixels, model: str) -> Image.Image:
    """A photograph with a texture and with itself as reference, and all residuals."""
    small = low_resolution(original)
    grass = napari_refvae.ImageReference(as_reference(data.grass()), "grass")
    result = napari_refvae.upscale(small, [grass, "self"], samples=4, model=model)
    faithful = napari_refvae.upscale(small, samples=1, temperature=0, vividness=0, model=model)
    return result_sheet(
        result,
        "Chelsea the cat",
        original=original,
        faithful=faithful.sr[0],
        insets={"grass": data.grass(), "self": small},
        footer=CREDIT,
    )


def failures(model: str) -> Image.Image:
    """What the network does badly, each beside its original."""
    rows = []
    for title, note, original in difficult():
        small = low_resolution(original)
        result = napari_refvae.upscale(small, samples=1, faithful=True, model=model)
        shown = {
            "the input, enlarged": enlarged(small, 8),
            "faithful": result.faithful,
            "a sample": result.sr[0],
            "the original": original,
        }
        rows.append(PictureRow(title, note, tuple(Picture(image, name) for name, image in shown.items())))
    return contact_sheet("What it does badly", "8x, compact, no reference, seed 0", rows, footer=FAILURES_CREDIT)


def difficult() -> Iterator[tuple[str, str, Pixels]]:
    """Crops of 128 x 160 pixels, with a name and what goes wrong."""
    yield "Text", "letters become\nstrokes", coloured(data.page()[40:168, 180:340])
    yield "A face", "eyes, nose and mouth\nare painted over", data.astronaut()[68:196, 144:304]
    yield "Fur", "canvas-like grain\nrather than hairs", data.chelsea()[120:248, 60:220]
    yield (
        "A micrograph",
        "cross-hatch in a flat\npart, stretched x4",
        coloured(stretched(data.cell()[40:168, 60:220])),
    )


def coloured(grey: Pixels) -> Pixels:
    """A grey image as RGB."""
    return np.repeat(grey[..., None], 3, axis=2)


def stretched(grey: Pixels) -> Pixels:
    """Four times the contrast, around the mean."""
    return np.clip(128 + 4 * (grey - grey.mean()), 0, 255).astype(np.uint8)


def explored() -> Image.Image:
    """The sheet of ``examples/explore.py``; its model is the bundled one."""
    with TemporaryDirectory() as folder:
        runpy.run_path(str(EXAMPLES / "explore.py"))["main"](Path(folder))
        return Image.open(Path(folder) / "exploration.png").convert("RGB")


def write(sheet: Image.Image, name: str) -> None:
    """Write a page at the width that the docs show."""
    height = round(sheet.height * WIDTH / sheet.width)
    sheet.resize((WIDTH, height), Image.Resampling.LANCZOS).save(FOLDER / name, quality=88, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
