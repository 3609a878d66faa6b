"""Explore a photograph: blend, paint, vary, compose, fade, trust. Writes one sheet of pictures and the exploration.

python examples/explore.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
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
from napari_refvae.metrics import low_resolution

COLUMNS = 4
BAR = 22


def main(folder: Path) -> None:
    """Make some steps, and show them."""
    truth = np.ascontiguousarray(data.chelsea()[20:276, 90:410])
    session = Session(low_resolution(truth), [data.brick(), data.gravel()])
    exploration = Exploration(session.identity)
    height, width = session.size

    favourite = Draw(Mix.of(0), seed=4)
    right = np.zeros((height, width), int)
    right[:, width // 2 :] = 1
    eye = np.zeros((height, width), bool)
    eye[5:17, 3:16] = True
    recipes = {
        "faithful": FAITHFUL,
        "brick": favourite,
        "half brick, half gravel": Draw(Mix((0.5, 0.5)), seed=4),
        "painted: gravel on the right": Painting(right, {1: Mix.of(1)}, softness=1.5, base=favourite),
        "near the favourite": Variation(favourite, seed=1, amount=0.4),
        "left eye locked": Variation(favourite, seed=1, amount=1.0, locked=eye),
        "composed: another right half": Composition(favourite, ((Draw(seed=9), right == 1),), feather=1.5),
        "halfway to faithful": Fade(favourite, 0.5),
    }
    for pick in pick_spread(session, count=32, picks=3):
        recipes[f"stands for {pick.share:.0%} of 32"] = pick.recipe
    pictures = {"input, enlarged": session.bicubic()}
    for name, recipe in recipes.items():
        sample = session.decode(recipe)
        exploration.add(recipe, name, thumbnail(sample.sr))
        pictures[f"{name} ({min(sample.lr_psnr, 80):.0f} dB)"] = sample.sr
    trust = trust_map([session.decode(Draw(seed=seed)).sr for seed in range(8)])
    pictures["spread of 8 draws, times 16"] = np.clip(16 * trust.spread, 0, 255).astype(np.uint8)
    pictures["truth"] = truth

    folder.mkdir(parents=True, exist_ok=True)
    exploration.save(folder / "exploration.json")
    sheet(pictures).save(folder / "exploration.png")
    print(f"Wrote {folder / 'exploration.json'} and {folder / 'exploration.png'}")


def sheet(pictures: dict[str, np.ndarray]) -> Image.Image:
    """Pictures of one size in rows, each with its name."""
    height, width = next(iter(pictures.values())).shape[:2]
    rows = -(-len(pictures) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * width, rows * (height + BAR)), "white")
    for place, (name, picture) in enumerate(pictures.items()):
        top, left = place // COLUMNS * (height + BAR), place % COLUMNS * width
        page.paste(Image.fromarray(picture), (left, top + BAR))
        ImageDraw.Draw(page).text((left + 4, top + 5), name, fill="black")
    return page


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "exploration"))
