"""Where is the detail invented, and how wrong may it be? python examples/explore/trust.py [FOLDER]."""

from __future__ import annotations

import numpy as np
from pictures import photograph, write

from napari_refvae.explore import Draw, Session, trust_map
from napari_refvae.figures import spread_limit, spread_picture

truth, small = photograph()
session = Session(small)
samples = [session.decode(Draw(seed=seed)).sr for seed in range(8)]
trust = trust_map(samples, coverage=0.9)
inside = (trust.low <= truth) & (truth <= trust.high)
write(
    "trust",
    {
        "a draw": samples[0],
        "truth": truth,
        "spread of 8 draws": spread_picture(trust.spread, spread_limit(trust.spread)),
        "truth within the 90 % interval (white)": np.where(inside.all(axis=2, keepdims=True), 255, 60)
        .astype(np.uint8)
        .repeat(3, axis=2),
    },
)
print(f"The 90 % interval holds the truth for {inside.mean():.0%} of all values")
