"""Faithful to vivid: blended in pixels, and through the network; python examples/explore/fade.py [FOLDER]."""

from __future__ import annotations

import time

from pictures import consistent, photograph, write

from napari_refvae.explore import FAITHFUL, Draw, Fade, Session

_, small = photograph()
session = Session(small)
vivid = Draw(seed=4)
for end in (FAITHFUL, vivid):
    session.decode(end)

pictures, took = {}, {}
for way in ("blended", "through the network"):
    for t in (0.0, 0.3, 0.6, 1.0):
        recipe = Fade(vivid, t) if way == "blended" else vivid.with_draw(vividness=t)
        began = time.perf_counter()
        sample = session.decode(recipe)
        took[way, t] = time.perf_counter() - began
        pictures[f"{way}, {t:g} ({consistent(sample)})"] = sample.sr
write("fade", pictures)
blended, decoded = (1000 * took[way, 0.3] for way in ("blended", "through the network"))
print(f"At 0.3: blended in {blended:.0f} ms, through the network in {decoded:.0f} ms")
