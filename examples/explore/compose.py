"""Compose: each region from the sample that does it best, feathered; python examples/explore/compose.py [FOLDER]."""

from __future__ import annotations

import numpy as np
from pictures import consistent, photograph, write
from skimage import data

from napari_refvae.explore import Composition, Draw, Mix, Session

_, small = photograph()
session = Session(small, [data.gravel()])
rows, columns = np.indices(session.size)
nose = (rows - 24) ** 2 + (columns - 24) ** 2 < 8**2
left = columns < 16

fur, eyes, muzzle = Draw(seed=4), Draw(seed=9), Draw(Mix.of(0), seed=2)
composed = session.decode(Composition(fur, ((eyes, left), (muzzle, nose)), feather=1.5))
write(
    "compose",
    {
        "fur": session.decode(fur).sr,
        "for the left": session.decode(eyes).sr,
        "for the nose": session.decode(muzzle).sr,
        f"composed ({consistent(composed)})": composed.sr,
    },
)
