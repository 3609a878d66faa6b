"""Blend references: from none to all of one, to all of another; python examples/explore/blend.py [FOLDER]."""

from __future__ import annotations

from pictures import consistent, photograph, write
from skimage import data

from napari_refvae.explore import Draw, Mix, Session

_, small = photograph()
session = Session(small, [data.brick(), data.grass()])
blends = {
    "no reference": Draw(seed=4),
    "half brick": Draw(Mix((0.5, 0.0)), seed=4),
    "brick": Draw(Mix.of(0), seed=4),
    "half brick, half grass": Draw(Mix((0.5, 0.5)), seed=4),
    "grass": Draw(Mix.of(1), seed=4),
    "grass, strength 0.5": Draw(Mix.of(1), seed=4, strength=0.5),
    "grass, temperature 0": Draw(Mix.of(1), seed=4, temperature=0.0),
    "grass, temperature 1.5": Draw(Mix.of(1), seed=4, temperature=1.5),
}
samples = {name: session.decode(recipe) for name, recipe in blends.items()}
write("blend", {f"{name} ({consistent(one)})": one.sr for name, one in samples.items()})
