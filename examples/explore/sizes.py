"""Other sizes of one sample, all of which give the input back; python examples/explore/sizes.py [FOLDER]."""

from __future__ import annotations

from pictures import consistent, folder, photograph
from PIL import Image

from napari_refvae.explore import Draw, Session

_, small = photograph()
session = Session(small)
height, width = session.size
recipe = Draw(seed=4)
samples = {f"{scale}x": session.decode(recipe, scale=scale) for scale in (2, 4, 8)}
samples["any"] = session.decode(recipe, size=(3 * height + 4, 5 * width + 1))
for name, sample in samples.items():
    path = folder() / f"size-{name}.png"
    Image.fromarray(sample.sr).save(path)
    print(f"{path}: {sample.sr.shape[1]} x {sample.sr.shape[0]}, gives the input back: {consistent(sample)}")
