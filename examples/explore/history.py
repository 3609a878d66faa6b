"""Steps that can be undone, kept in a file, and made again; python examples/explore/history.py [FOLDER]."""

from __future__ import annotations

from pictures import folder, photograph
from skimage import data

from napari_refvae.explore import Draw, Exploration, Mix, Session, Variation, reopen, thumbnail

_, small = photograph()
session = Session(small, [data.brick()])
history = Exploration(session.identity)
brick = Draw(Mix.of(0), seed=4)
for name, recipe in (("brick", brick), ("a little other", Variation(brick, 1, 0.3)), ("far", Variation(brick, 1, 0.9))):
    sample = session.decode(recipe)
    history.add(recipe, name, thumbnail(sample.sr))
print(f"Shown: {history.steps[history.current].name}")
print(f"Undone, shown: {history.undo().name}")
print(f"The first one again: {history.apply(0).name}")
path = folder() / "history.json"
history.save(path)

again = Exploration.load(path)
later = reopen(again.identity, image=small, references=[data.brick()])
same = later.decode(again.steps[2].recipe)
assert (same.sr == sample.sr).all()
assert (later.replay(sample.provenance).sr == sample.sr).all()
print(f"Wrote {path}: {len(again.steps)} steps, which make the same pixels again")
