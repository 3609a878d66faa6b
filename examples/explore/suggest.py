"""References that fit: a folder, ranked, with what each would change; python examples/explore/suggest.py [FOLDER]."""

from __future__ import annotations

from pictures import folder, photograph
from PIL import Image
from skimage import data

from napari_refvae.explore import Session, suggest

truth, small = photograph()
candidates = folder() / "references"
candidates.mkdir(exist_ok=True)
for name, image in (("brick", data.brick()), ("coffee", data.coffee()), ("gravel", data.gravel()), ("the cat", truth)):
    Image.fromarray(image).save(candidates / f"{name}.png")

for one in suggest(Session(small), candidates):
    print(f"{one.reference.name:8} alike {one.similarity:.2f}, effect {one.effect:.2f}")
