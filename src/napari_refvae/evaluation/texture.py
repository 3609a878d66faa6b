"""What the checks of references look at: blurred references, sharpness, texture statistics, correlation of ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_refvae.blurring import gaussian_blur
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_refvae.evaluation.distance import FeatureDistance

__all__ = ["blurred", "sharpness", "spearman", "statistics"]


def blurred(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blur ``(H, W, 3)`` float32 by a Gaussian of ``sigma`` pixels; with 0 the image itself."""
    if not sigma:
        return image
    tensor = image_to_tensor(image, torch.device("cpu"))
    return image_from_tensor(gaussian_blur(tensor, torch.tensor([sigma]), int(3 * sigma), "replicate"))


def sharpness(image: NDArray[np.uint8]) -> float:
    """Mean absolute difference of neighbouring pixels of ``(H, W, 3)`` uint8, in grey levels."""
    values = image.astype(np.float32)
    return float(np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean())


def statistics(image: NDArray[np.uint8], distance: FeatureDistance) -> NDArray[np.float32]:
    """Channel means and standard deviations of the features of ``(H, W, 3)`` uint8, all layers in one row."""
    parts = []
    for feature in distance.features(image):
        variance, mean = torch.var_mean(feature, dim=(2, 3), correction=0, keepdim=True)
        parts += [mean, variance.sqrt()]
    return image_from_tensor(torch.cat(parts, dim=1))[0, 0]


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Rank correlation of two rows without ties, -1 to 1."""
    first, second = (np.argsort(np.argsort(values)) for values in (a, b))
    return float(np.corrcoef(first, second)[0, 1])
