"""More like this: near a favourite, and with an eye locked; python examples/explore/vary.py [FOLDER]."""

from __future__ import annotations

import numpy as np
from pictures import change, photograph, write

from napari_refvae.explore import Draw, Session, Variation

_, small = photograph()
session = Session(small)
favourite = Draw(seed=4)
pictures = {"favourite": session.decode(favourite).sr}
for amount in (0.2, 0.5, 0.8):
    pictures[f"amount {amount:g}"] = session.decode(Variation(favourite, seed=1, amount=amount)).sr

eye = np.zeros(session.size, bool)
eye[5:17, 3:16] = True
pictures["its left eye locked, amount 1"] = session.decode(Variation(favourite, 1, 1.0, locked=eye)).sr
for name, picture in list(pictures.items())[2:]:
    pictures[f"change: {name}"] = change(picture, pictures["favourite"])
write("vary", pictures)

for name, picture in list(pictures.items())[1:5]:
    print(f"{name}: {np.abs(picture.astype(int) - pictures['favourite']).mean():.2f} grey levels from the favourite")
