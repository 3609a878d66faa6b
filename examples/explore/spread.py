"""A spread worth looking at: of 50 draws the 6 most different; python examples/explore/spread.py [FOLDER]."""

from __future__ import annotations

import numpy as np
from pictures import photograph, write

from napari_refvae.explore import Draw, Session, pick_spread
from napari_refvae.explore.spread import distances

_, small = photograph()
session = Session(small)
picks = pick_spread(session, count=50, picks=6)
pictures = {f"seed {pick.recipe.seed}: {pick.share:.0%} of 50": session.decode(pick.recipe).sr for pick in picks}
write("spread", pictures)

first = [session.decode(Draw(seed=seed)).sr for seed in range(6)]
between = distances([*pictures.values(), *first])
pairs = np.triu_indices(6, 1)
ratio = between[:6, :6][pairs].mean() / between[6:, 6:][pairs].mean()
print(f"The picks are {ratio:.2f} times as far from each other as the first six draws")
