"""The VGG-19 feature distance, for where LPIPS's weights cannot be had. It is not LPIPS and is never called so.

Features at relu1_2, relu2_2 and relu3_4, normalised to unit length over channels at every place; squared
difference summed over channels; enlarged to the image bilinearly; summed over the three layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.model.features import FeatureNetwork

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["FeatureDistance"]


class FeatureDistance:
    """Maps of the feature distance between images.

    Parameters
    ----------
    weights
        File of VGG-19 in torchvision's layout; by default torchvision's own is downloaded once.
    device
        Where to compute.
    """

    def __init__(self, weights: Path | None = None, device: str = "cpu") -> None:
        self._device = torch.device(device)
        self._network = FeatureNetwork.vgg19(weights).to(self._device)

    def features(self, image: NDArray[np.uint8]) -> list[Tensor]:
        """Unit-length features of ``(H, W, 3)`` uint8, to compare several images with."""
        pixels = image_to_tensor(image.astype(np.float32) / np.float32(255), self._device)
        with torch.inference_mode():
            return [x * torch.rsqrt(x.square().sum(dim=1, keepdim=True) + 1e-10) for x in self._network(pixels)]

    def error_map(self, image: NDArray[np.uint8], target: list[Tensor]) -> NDArray[np.float32]:
        """Distance to an image whose `features` are given: ``(H, W, 3)`` uint8 to ``(H, W)`` float32."""
        total = torch.zeros(1, 1, *image.shape[:2], device=self._device)
        with torch.inference_mode():
            for x, y in zip(self.features(image), target, strict=True):
                squared = (x - y).square().sum(dim=1, keepdim=True)
                total += F.interpolate(squared, size=image.shape[:2], mode="bilinear")
        return image_from_tensor(total)[..., 0]
