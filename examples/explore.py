"""Explore a photograph: blend, paint, vary, compose, fade, trust. Writes one sheet of pictures and the exploration.

python examples/explore.py [FOLDER]
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from skimage import data

from napari_refvae.explore import (
    FAITHFUL,
    Composition,
    Draw,
    Exploration,
    Fade,
    Mix,
    Painting,
    Session,
    Variation,
    pick_spread,
    thumbnail,
    trust_map,
)
from napari_refvae.figures import (
    Picture,
    PictureRow,
    contact_sheet,
    enlarged,
    residual_legend,
    residual_picture,
    spread_legend,
    spread_limit,
    spread_picture,
)
from napari_refvae.metrics import low_resolution

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.explore.recipes import Recipe

GAIN = 8.0
"""How much differences are enlarged."""

CREDIT = "Photograph: Stefan van der Walt, CC0. References: brick and gravel of scikit-image, CC0."


def main(folder: Path) -> None:
    """Make some steps, and show them."""
    truth = np.ascontiguousarray(data.chelsea()[20:276, 90:410])
    steps = Steps(Session(low_resolution(truth), [data.brick(), data.gravel()]))
    height, width = steps.session.size
    favourite, another = Draw(Mix.of(0), seed=4), Draw(seed=9)
    right = np.zeros((height, width), int)
    right[:, width // 2 :] = 1
    eye = np.zeros((height, width), bool)
    eye[5:17, 3:16] = True

    begun = Picture(enlarged(low_resolution(truth), 8), "the input")
    first = (begun, steps.take("faithful", FAITHFUL), steps.take("favourite: by brick", favourite))
    steered = {
        "half brick, half gravel": Draw(Mix((0.5, 0.5)), seed=4),
        "gravel on the right": Painting(right, {1: Mix.of(1)}, softness=1.5, base=favourite),
        "near it (0.4)": Variation(favourite, seed=1, amount=0.4),
        "left eye locked": Variation(favourite, seed=1, amount=1.0, locked=eye),
    }
    joined = {
        "another seed": another,
        "its right half": Composition(favourite, ((another, right == 1),), feather=1.5),
        "half faded": Fade(favourite, 0.5),
        "vividness 0.5": favourite.with_draw(vividness=0.5),
    }
    picks = pick_spread(steps.session, count=32, picks=3)
    rows = [
        PictureRow("The image", "and the sample\nto begin with", (*first, Picture(truth, "the original"))),
        *steps.compared("Steered", "by blending, painting,\nvarying", steered, favourite),
        *steps.compared("Put together", "composed, faded,\nless vivid", joined, favourite),
        steps.spread("A spread", {f"stands for {pick.share:.0%}": pick.recipe for pick in picks}),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    steps.exploration.save(folder / "exploration.json")
    subtitle = f"8x: {width} x {height} to {truth.shape[1]} x {truth.shape[0]} pixels"
    contact_sheet("One photograph, explored", subtitle, rows, footer=CREDIT).save(folder / "exploration.png")
    print(f"Wrote {folder / 'exploration.json'} and {folder / 'exploration.png'}")


class Steps:
    """What is made of one image, each step kept in its history."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.exploration = Exploration(session.identity)

    def take(self, name: str, recipe: Recipe) -> Picture:
        """A recipe's sample with its name, and how well it gives the input back."""
        sample = self.session.decode(recipe)
        self.exploration.add(recipe, name, thumbnail(sample.sr))
        exact = math.isinf(sample.lr_psnr)
        return Picture(sample.sr, name, "LR exact" if exact else f"LR {sample.lr_psnr:.0f} dB")

    def compared(self, title: str, note: str, recipes: dict[str, Recipe], base: Recipe) -> list[PictureRow]:
        """A row of samples, and below it how they differ from that of ``base``."""
        pictures = tuple(self.take(name, recipe) for name, recipe in recipes.items())
        before = self.session.decode(base).sr
        changes = tuple(Picture(self._change(picture.image, before)) for picture in pictures)
        legend = residual_legend(GAIN)
        return [
            PictureRow(title, note, pictures),
            PictureRow("Change", f"x{GAIN:g}, against\nthe favourite", changes, legend, joined=True),
        ]

    def spread(self, title: str, recipes: dict[str, Recipe]) -> PictureRow:
        """The draws that differ most, and where eight draws differ."""
        pictures = tuple(self.take(name, recipe) for name, recipe in recipes.items())
        spread = trust_map([self.session.decode(Draw(seed=seed)).sr for seed in range(8)]).spread
        limit = spread_limit(spread)
        shown = Picture(spread_picture(spread, limit), "spread of eight draws")
        return PictureRow(title, "the draws that differ\nmost among 32", (*pictures, shown), spread_legend(limit))

    @staticmethod
    def _change(image: NDArray[np.uint8], before: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return residual_picture(image.astype(np.float32) - before, GAIN)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "exploration"))
