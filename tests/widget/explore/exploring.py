"""An image to explore, two references, and what a session of its own makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.widget.results.layers import METADATA_KEY, is_result

if TYPE_CHECKING:
    from napari_refvae.widget.explore.panel import ExplorePanel

PATIENCE = 60_000  # milliseconds

LOW = np.random.default_rng(0).integers(90, 150, (14, 12, 3), np.uint8)
"""What is explored."""

REFERENCES = {
    name: np.random.default_rng(seed).integers(0, 256, (20, 24, 3), np.uint8)
    for seed, name in enumerate(("bark", "moss"))
}


NAMES = [*REFERENCES, "photo"]
"""Of the layers, from the bottom."""


def add_images(viewer: Any) -> Any:
    """The image, anywhere in the world, and two references."""
    for name, pixels in REFERENCES.items():
        viewer.add_image(pixels, rgb=True, name=name, visible=False, units=("um", "um"))
    return viewer.add_image(LOW, rgb=True, name="photo", scale=(2, 3), translate=(5, 7), rotate=20, units=("um", "um"))


def samples(viewer: Any) -> list[Any]:
    """From the top: the first of a run comes first."""
    return [one for one in viewer.layers[::-1] if is_result(one) and one.metadata[METADATA_KEY]["kind"] == "sample"]


def decoded(panel: ExplorePanel, recipe: Any, **options: Any) -> Any:
    """What a session of its own makes of a recipe."""
    return panel.explorer.subject.open().decode(recipe, **options).sr


def place_of(layer: Any) -> dict[str, Any]:
    """Where a layer lies, for another one on its grid."""
    return {name: getattr(layer, name) for name in ("scale", "translate", "rotate", "units")}
