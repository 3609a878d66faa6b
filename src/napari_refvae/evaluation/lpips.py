"""LPIPS v0.1 with AlexNet (Zhang et al., 2018), the perceptual distance of the paper and of its challenge.

RGB in [-1, 1], shifted and scaled as published; features behind AlexNet's five rectifiers, at unit length over
channels; squared differences, weighted by one learned vector a layer. The figure is the sum over layers of each
layer's mean; the map enlarges each layer to the image bilinearly before the sum, as ``spatial=True`` does in the
authors' program.

Two sets of weights are needed. AlexNet is torchvision's, downloaded once (233 MiB) or given as a file. The learned
vectors (1,152 numbers) come with torchmetrics; neither is part of this package.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from napari_refvae.engine.device import choose_device
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.errors import CheckpointError, InvalidInputError, MissingWeightsError
from napari_refvae.evaluation.distance import Error, exact_convolutions
from napari_refvae.model.cache import sha256
from napari_refvae.model.checkpoint import list_names, read_tensors
from napari_refvae.model.zoo import fetch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["LPIPS"]

ALEXNET_URL = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
ALEXNET_SHA256 = "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Subtracted from and divided by, of RGB in [-1, 1]."""

CONVOLUTIONS = {"0": (4, 2, False), "3": (1, 2, True), "6": (1, 1, True), "8": (1, 1, False), "10": (1, 1, False)}
"""Index in torchvision's ``features`` to stride, padding, and whether a 3x3 max pooling of stride 2 comes before."""

SMALLEST = 31
"""Pixels a side below which AlexNet's second pooling has nothing to pool."""


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
        vectors = None if weights else _bundled_vectors()  # before a download that would be for nothing
        path = weights or fetch(ALEXNET_URL, ALEXNET_SHA256, ALEXNET_URL.rsplit("/", 1)[1])
        named = read_tensors(path)
        _check(named, [f"features.{index}.{part}" for index in CONVOLUTIONS for part in ("weight", "bias")], path)
        if vectors is None:
            vectors = named if "lin0.model.1.weight" in named else _bundled_vectors()
        keys = [f"lin{layer}.model.1.weight" for layer in range(len(CONVOLUTIONS))]
        _check(vectors, keys, path)
        self._device = torch.device(choose_device(device).value)
        self.weights = {"file": path.name, "sha256": sha256(path)}
        self._layers = {
            index: tuple(named[f"features.{index}.{part}"].float().to(self._device) for part in ("weight", "bias"))
            for index in CONVOLUTIONS
        }
        self._vectors = [vectors[key].float().to(self._device) for key in keys]

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
        x = image_to_tensor(image.astype(np.float32) / np.float32(127.5) - np.float32(1), self._device)
        shift, scale = (torch.tensor(values, device=self._device).view(1, 3, 1, 1) for values in (SHIFT, SCALE))
        x = (x - shift) / scale
        taken = []
        with exact_convolutions():
            for index, (stride, padding, pooled) in CONVOLUTIONS.items():
                x = F.max_pool2d(x, 3, 2) if pooled else x
                weight, bias = self._layers[index]
                x = F.relu(F.conv2d(x, weight, bias, stride, padding))
                taken.append(x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10))
        return taken

    @torch.inference_mode()
    def measure(self, image: NDArray[np.uint8], target: list[Tensor]) -> Error:
        """LPIPS of ``(H, W, 3)`` uint8 to an image whose `features` are given, and its spatial map."""
        total, value = torch.zeros(1, 1, *image.shape[:2], device=self._device), 0.0
        for x, y, vector in zip(self.features(image), target, self._vectors, strict=True):
            weighted = ((x - y).square() * vector).sum(dim=1, keepdim=True)
            value += float(weighted.mean())
            total += F.interpolate(weighted, size=image.shape[:2], mode="bilinear")
        return Error(value, image_from_tensor(total)[..., 0])


def _bundled_vectors() -> dict[str, Tensor]:
    """The learned vectors in torchmetrics, found without importing it."""
    spec = find_spec("torchmetrics")
    path = Path(str(spec.origin)).parent / "functional/image/lpips_models/alex.pth" if spec else None
    if path is None or not path.is_file():
        raise MissingWeightsError(
            "LPIPS needs the learned vectors that torchmetrics brings, which is not here: install it with "
            "pip install 'napari-refvae[evaluate]', or leave LPIPS out; the VGG-19 feature distance does without"
        )
    return read_tensors(path)


def _check(named: dict[str, Tensor], keys: list[str], path: Path) -> None:
    if missing := set(keys) - set(named):
        raise CheckpointError(
            f"expected AlexNet in torchvision's layout in {path.name}; missing: {list_names(missing)}: "
            "pass the right file"
        )
