"""Sample data: two small images, the original of one, and textures to use as references. Nothing is downloaded.

The small images lie in the package, already down-sampled as the models assume, so that opening them loads no
torch; all others come with scikit-image. The first sample lies at the origin. Another goes to the right of what
is open and is made as high as that; napari fits the view to its first layer only, so it is fitted once more.

Sources and licences, as scikit-image names them: Chelsea the cat, Stefan van der Walt, CC0. Colonic glands
stained for FHL2, Center for Microscopy and Molecular Imaging, no known copyright restrictions. Brick and gravel,
CC0Textures, CC0. Grass, linolafett on DeviantArt, CC0.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from PIL import Image
from skimage import data

from napari_refvae.widget.form.image_fields import USE_KEY
from napari_refvae.widget.results.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    LayerData = tuple[Pixels, dict[str, Any], str]

__all__ = ["brick", "grass", "gravel", "micrograph", "original", "photograph"]

SCALE = 8
"""Pixels of a sharp sample per pixel of a small one: both are shown at one size."""

SPLIT = 320
"""Columns of the micrograph that are shown small; those to the right of them are the sharp field beside it."""

REFERENCE = {USE_KEY: "reference"}

GAP = 0.06
"""Between what is open and the next sample, as a part of its height."""


def photograph() -> list[LayerData]:
    """A photograph of 56 x 37 pixels: Chelsea the cat."""
    return _placed([(_small("cat"), {"name": "cat", "rgb": True}, "image")])


def original() -> list[LayerData]:
    """The photograph at full size, to compare with: it lies exactly over the small one where that is open."""
    pixels = data.chelsea()[: 37 * SCALE, : 56 * SCALE]
    viewer = napari.current_viewer()
    keywords: dict[str, Any] = {"name": "cat original", "rgb": True, "metadata": {USE_KEY: "truth"}}
    if viewer is None or "cat" not in viewer.layers:
        return _placed([(pixels, keywords | {"scale": (1 / SCALE, 1 / SCALE)}, "image")])
    return [(pixels, keywords | Geometry.of(viewer.layers["cat"]).refined(SCALE).as_keywords(), "image")]


def micrograph() -> list[LayerData]:
    """Stained tissue of 40 x 64 pixels, and the field to its right at full resolution as a reference."""
    field = data.immunohistochemistry()[:, SPLIT:]
    shift = (1 / SCALE - 1) / 2  # between the first pixel centres of the two grids
    beside = {"scale": (1 / SCALE, 1 / SCALE), "translate": (shift, SPLIT / SCALE + shift)}
    return _placed(
        [
            (field, {"name": "slide", "rgb": True, "metadata": dict(REFERENCE)} | beside, "image"),
            (_small("tissue"), {"name": "tissue", "rgb": True}, "image"),
        ]
    )


def brick() -> list[LayerData]:
    """A brick wall, grey, 512 x 512: a texture to use as a reference."""
    return _texture("brick", data.brick)


def grass() -> list[LayerData]:
    """Grass, grey, 512 x 512: a texture to use as a reference."""
    return _texture("grass", data.grass)


def gravel() -> list[LayerData]:
    """Gravel, grey, 512 x 512: a texture to use as a reference."""
    return _texture("gravel", data.gravel)


def _texture(name: str, load: Callable[[], Pixels]) -> list[LayerData]:
    keywords = {"name": name, "scale": (1 / SCALE, 1 / SCALE), "metadata": dict(REFERENCE)}
    return _placed([(load(), keywords, "image")])


def _small(name: str) -> Pixels:
    with files("napari_refvae.widget").joinpath("samples", f"{name}.png").open("rb") as file:
        return np.array(Image.open(file))


def _placed(layers: list[LayerData]) -> list[LayerData]:
    """Move layers beside what the current viewer shows, if it shows something, and let it come into view."""
    viewer = napari.current_viewer()
    if viewer is None or not viewer.layers:
        return layers
    low, high = _edges(viewer)
    height = max(pixels.shape[0] * _scale(keywords) for pixels, keywords, _ in layers)
    stretch = float(high[0] - low[0]) / height or 1.0
    corner = np.array([low[0], high[1] + GAP * stretch * height])
    units = viewer.layers[-1].units[-2:]
    _fit_after(viewer, len(layers))
    return [(pixels, _moved(keywords, stretch, corner) | {"units": units}, kind) for pixels, keywords, kind in layers]


def _edges(viewer: ViewerModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and greatest ``(y, x)`` of all layers in the world, from outer edge to outer edge of the pixels."""
    margins = [np.abs(layer.scale[-2:]) / 2 for layer in viewer.layers]
    extents = [layer.extent.world[:, -2:] for layer in viewer.layers]
    pairs = list(zip(extents, margins, strict=True))
    low = np.min([extent[0] - margin for extent, margin in pairs], axis=0)
    return low, np.max([extent[1] + margin for extent, margin in pairs], axis=0)


def _moved(keywords: dict[str, Any], stretch: float, corner: NDArray[np.float64]) -> dict[str, Any]:
    """The geometry stretched, its outer corner (half a pixel before the first centre) at ``corner``."""
    scale = stretch * _scale(keywords)
    inner = np.array(keywords.get("translate", (0.5 * _scale(keywords) - 0.5,) * 2)) + 0.5
    return keywords | {"scale": (scale, scale), "translate": tuple((corner + stretch * inner).tolist())}


def _scale(keywords: dict[str, Any]) -> float:
    return float(keywords.get("scale", (1.0, 1.0))[0])


def _fit_after(viewer: ViewerModel, count: int) -> None:
    """Fit the view to all layers once so many more are there."""
    expected = len(viewer.layers) + count

    def inserted(_: Any) -> None:
        if len(viewer.layers) >= expected:
            viewer.layers.events.inserted.disconnect(inserted)
            viewer.reset_view()

    viewer.layers.events.inserted.connect(inserted, position="last")
