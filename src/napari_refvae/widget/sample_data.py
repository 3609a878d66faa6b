"""Sample data: small, made from images that scikit-image bundles, nothing downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skimage import data

if TYPE_CHECKING:
    from numpy.typing import NDArray

    LayerData = tuple[NDArray[Any], dict[str, Any], str]

__all__ = ["photograph", "texture"]


def photograph() -> list[LayerData]:
    """A photograph of 56 x 37 pixels: Chelsea the cat (Stefan van der Walt, CC0), down-sampled as the models assume."""
    from napari_refvae.metrics import low_resolution, modulo_crop  # loads torch: when asked for, not when napari starts

    lr = low_resolution(modulo_crop(data.chelsea()))
    return [(lr, {"name": "cat", "rgb": True}, "image")]


def texture() -> list[LayerData]:
    """A 512x512 grey texture to use as a reference: a brick wall (CC0), laid beside the photograph at its size."""
    return [(data.brick(), {"name": "brick", "scale": (1 / 8, 1 / 8), "translate": (0, 70)}, "image")]
