"""Super-resolve in a napari window from a script, and look at the samples side by side.

python examples/viewer.py
"""

from __future__ import annotations

import napari
from skimage import data

from napari_refvae import upscale_layer
from napari_refvae.metrics import low_resolution


def main(viewer: napari.Viewer) -> None:
    """Add an image and a reference, upscale, and lay the samples out in a grid."""
    viewer.add_image(low_resolution(data.chelsea()[64:192, 112:272]), name="eyes", rgb=True)
    viewer.add_image(data.grass()[::4, ::4], name="grass", visible=False)
    samples = upscale_layer(viewer, "eyes", references=["grass"], samples=2, seed=0)
    for layer in viewer.layers:
        layer.visible = layer in samples or layer.name == "eyes"
    viewer.canvas.grid.enabled = True


if __name__ == "__main__":
    window = napari.Viewer()
    main(window)
    napari.run()
