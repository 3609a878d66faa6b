"""A live preview: only the newest of what is asked for is made; python examples/explore/live.py [FOLDER]."""

from __future__ import annotations

import time

import numpy as np
from pictures import photograph, write
from skimage import data

from napari_refvae.explore import Draw, Mix, Session
from napari_refvae.explore.preview import LatestWins

SIDE = 16
"""Input pixels of the part that is seen; the panel in napari shows 64 at most."""

_, small = photograph()
session = Session(small, [data.brick()])
part = ((small.shape[0] - min(SIDE, small.shape[0])) // 2, 0, min(SIDE, small.shape[0]), min(SIDE, small.shape[1]))
began = time.perf_counter()
session.decode(Draw(seed=4))
whole = time.perf_counter() - began

shown: list[tuple[float, np.ndarray]] = []
preview = LatestWins(
    make=lambda weight: (weight, session.decode(Draw(Mix((weight,)), seed=4), part, context=6).sr),
    deliver=shown.append,
    fail=lambda error: print(error),
)
began = time.perf_counter()
asked = np.linspace(0, 1, 101)
for weight in asked:  # a slider that moves for a second
    preview.ask(float(weight))
    time.sleep(0.01)
preview.wait()
frame = (time.perf_counter() - began) / len(shown)
preview.close()

assert shown[-1][0] == 1.0
write("live", {f"weight {weight:.2f}": picture for weight, picture in shown[:: -(-len(shown) // 8)]})
print(f"{len(asked)} positions, {len(shown)} pictures, {1000 * frame:.0f} ms each; the whole image took {whole:.2f} s")
