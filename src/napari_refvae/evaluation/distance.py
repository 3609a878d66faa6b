"""Perceptual distances between images: what they share, and the VGG-19 feature distance.

The VGG-19 distance is for where LPIPS's weights cannot be had (`napari_refvae.evaluation.lpips`). It is not LPIPS and
is never called so. Features at relu1_2, relu2_2 and relu3_4, normalised to unit length over channels at every
place; squared difference summed over channels; enlarged to the image bilinearly; summed over the three layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch.nn import functional as F

from napari_refvae.engine.device import choose_device, exactly
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.model.cache import sha256
from napari_refvae.model.features import FeatureNetwork
from napari_refvae.model.vgg import fetch_vgg19

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["Error", "FeatureDistance", "PerceptualDistance"]


@dataclass(frozen=True, slots=True, eq=False)
class Error:
    """Distance of an image to its original: one figure, and where it lies, ``(H, W)`` float32."""

    value: float
    map: NDArray[np.float32]


class PerceptualDistance(Protocol):
    """A distance of features. Those of the original are computed once and compared with many images."""

    def features(self, image: NDArray[np.uint8]) -> list[Tensor]:
        """Features of ``(H, W, 3)`` uint8, unit-length over channels."""

    def measure(self, image: NDArray[np.uint8], target: list[Tensor]) -> Error:
        """Distance of ``(H, W, 3)`` uint8 to an image whose `features` are given."""


class FeatureDistance:
    """The VGG-19 feature distance.

    Parameters
    ----------
    weights
        File of VGG-19 in torchvision's layout; by default torchvision's own is downloaded once.
    device
        Where to compute, as in `napari_refvae.upscale`.
    digest
        The file's SHA-256, if it is known; else it is taken here.

    Attributes
    ----------
    weights
        The file's name and SHA-256.

    Raises
    ------
    DeviceError
        If the device is not there.
    """

    def __init__(self, weights: Path | None = None, device: str = "cpu", digest: str | None = None) -> None:
        self._device = torch.device(choose_device(device).value)
        path = weights or fetch_vgg19()
        self._network = FeatureNetwork.vgg19(path).to(self._device)
        self.weights = {"file": path.name, "sha256": digest or sha256(path)}

    @torch.inference_mode()
    def features(self, image: NDArray[np.uint8]) -> list[Tensor]:
        """Features of ``(H, W, 3)`` uint8, unit-length over channels."""
        pixels = image_to_tensor(image.astype(np.float32) / np.float32(255), self._device)
        with exactly():
            taken = self._network(pixels)
        return [x * torch.rsqrt(x.square().sum(dim=1, keepdim=True) + 1e-10) for x in taken]

    @torch.inference_mode()
    def measure(self, image: NDArray[np.uint8], target: list[Tensor]) -> Error:
        """Distance of ``(H, W, 3)`` uint8 to an image whose `features` are given; the value is the map's mean."""
        total = torch.zeros(1, 1, *image.shape[:2], device=self._device)
        for x, y in zip(self.features(image), target, strict=True):
            squared = (x - y).square().sum(dim=1, keepdim=True)
            total += F.interpolate(squared, size=image.shape[:2], mode="bilinear")
        error_map = image_from_tensor(total)[..., 0]
        return Error(float(error_map.mean()), error_map)
