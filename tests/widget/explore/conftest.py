from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_refvae.widget.preferences import Preferences

if TYPE_CHECKING:
    from pathlib import Path

LOW = np.random.default_rng(0).integers(90, 150, (14, 12, 3), np.uint8)
"""What is explored."""

REFERENCES = {
    name: np.random.default_rng(seed).integers(0, 256, (20, 24, 3), np.uint8)
    for seed, name in enumerate(("bark", "moss"))
}


@pytest.fixture
def preferences(tiny_model: Path) -> Preferences:
    return Preferences(model=str(tiny_model), device="cpu", precision="float32")


def add_images(viewer: Any) -> Any:
    """The image, anywhere in the world, and two references."""
    for name, pixels in REFERENCES.items():
        viewer.add_image(pixels, rgb=True, name=name, visible=False, units=("um", "um"))
    return viewer.add_image(LOW, rgb=True, name="photo", scale=(2, 3), translate=(5, 7), rotate=20, units=("um", "um"))
