"""LPIPS v0.1 with AlexNet (Zhang et al., 2018), the perceptual distance of the paper and of its challenge.

RGB in [-1, 1], shifted and scaled as published; features behind AlexNet's five rectifiers, at unit length over
channels; squared differences, weighted by one learned vector a layer. The figure is the sum over layers of each
layer's mean; the map enlarges each layer to the image bilinearly before the sum, as ``spatial=True`` does in the
authors' program.

Two sets of weights are needed. AlexNet is torchvision's, downloaded once (233 MiB) or given as a file. The learned
vectors (1,152 numbers) come with torchmetrics; neither is part of this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from napari_refvae.engine.device import choose_device, exactly
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.errors import InvalidInputError
from napari_refvae.evaluation.distance import Error
from napari_refvae.model.cache import sha256
from napari_refvae.model.lpips import SMALLEST, LpipsNetwork, fetch_alexnet

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["LPIPS"]

ADVICE = "install it with pip install 'napari-refvae[evaluate]', or leave LPIPS out: the VGG distance does without"


class LPIPS:
    """LPIPS between images.

    Parameters
    ----------
    weights
        File of AlexNet in torchvision's layout (``features.0.weight`` ...), by default downloaded once. If it also
        holds ``lin0.model.1.weight`` to ``lin4.model.1.weight``, the learned vectors are taken from it too.
    device
        Where to compute.

    Raises
    ------
    MissingWeightsError
        If the download fails, or torchmetrics, which brings the learned vectors, is not installed.
    CheckpointError
        If the file is not that network.
    """

    def __init__(self, weights: Path | None = None, device: str = "cpu") -> None:
        self._device = torch.device(choose_device(device).value)
        self._network = LpipsNetwork.load(weights, advice=ADVICE).to(self._device)
        path = weights or fetch_alexnet()
        self.weights = {"file": path.name, "sha256": sha256(path)}

    @torch.inference_mode()
    def features(self, image: NDArray[np.uint8]) -> list[Tensor]:
        """Features of ``(H, W, 3)`` uint8, unit-length over channels.

        Raises
        ------
        InvalidInputError
            If a side is under `SMALLEST` pixels.
        """
        if min(image.shape[:2]) < SMALLEST:
            raise InvalidInputError(f"LPIPS needs sides of at least {SMALLEST} pixels; got {image.shape[:2]}")
        pixels = image_to_tensor(image.astype(np.float32) / np.float32(255), self._device)
        with exactly():
            taken = self._network(pixels)
        return [x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10) for x in taken]

    @torch.inference_mode()
    def measure(self, image: NDArray[np.uint8], target: list[Tensor]) -> Error:
        """LPIPS of ``(H, W, 3)`` uint8 to an image whose `features` are given, and its spatial map."""
        total, value = torch.zeros(1, 1, *image.shape[:2], device=self._device), 0.0
        for x, y, vector in zip(self.features(image), target, self._network.channels, strict=True):
            weighted = ((x - y).square() * vector[:, None, None]).sum(dim=1, keepdim=True)
            value += float(weighted.mean())
            total += F.interpolate(weighted, size=image.shape[:2], mode="bilinear")
        return Error(value, image_from_tensor(total)[..., 0])
