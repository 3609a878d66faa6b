"""Paint with references: the right half from another one, softly; python examples/explore/paint.py [FOLDER]."""

from __future__ import annotations

import numpy as np
from pictures import change, photograph, write
from skimage import data

from napari_refvae.explore import Draw, Mix, Painting, Session

_, small = photograph()
session = Session(small, [data.brick(), data.grass()])
height, width = session.size
labels = np.zeros(session.size, int)
labels[:, width // 2 :] = 1

brick = Draw(Mix.of(0), seed=4)
painted = Painting(labels, {1: Mix.of(1)}, softness=1.5, base=brick)
pictures = {
    "brick": session.decode(brick).sr,
    "painted: grass on the right": session.decode(painted).sr,
    "grass": session.decode(Draw(Mix.of(1), seed=4)).sr,
}
pictures["painted minus brick, times 8"] = change(pictures["painted: grass on the right"], pictures["brick"])
write("paint", pictures)

moved = np.abs(pictures["painted: grass on the right"].astype(int) - pictures["brick"]).mean(axis=(0, 2))
edge = 8 * (width // 2)
print(f"Mean change right of the border {moved[edge:].mean():.2f} grey levels, left of it {moved[:edge].mean():.2f}")
