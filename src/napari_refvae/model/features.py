"""Frozen feature networks, for perceptual losses and for the feature distance.

``vgg19`` is VGG-19 up to relu3_4, zero-padded as in torchvision; ``vgg19-distilled`` is a network 16 times
smaller with the same layers (Collaborative Distillation, Wang et al., 2020). Neither is bundled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_refvae.errors import CheckpointError
from napari_refvae.model.checkpoint import list_names, read_tensors
from napari_refvae.model.vgg import TORCHVISION_MEAN, TORCHVISION_STD, fetch_vgg19

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FeatureNetwork"]

DISTILLED_LAYERS = (
    "conv11",
    "conv12",
    "pool",
    "conv21",
    "conv22",
    "pool",
    "conv31",
    "conv32",
    "conv33",
    "conv34",
    "pool",
    "conv41",
)
DISTILLED_TAPS = ("conv12", "conv22", "conv34", "conv41")
VGG19_LAYERS = ("0", "2", "pool", "5", "7", "pool", "10", "12", "14", "16")
VGG19_TAPS = ("2", "7", "16")


class FeatureNetwork(nn.Module):
    """Features of images in 0..1 at the ends of VGG-19's stages (relu1_2, 2_2, 3_4 and, distilled, 4_1)."""

    def __init__(self, layers: tuple[str, ...], taps: tuple[str, ...], state: dict[str, Tensor]) -> None:
        super().__init__()
        self.layers, self.taps = layers, taps
        self.weights = nn.ParameterDict()
        for name, value in state.items():
            self.weights[name.replace(".", "/")] = nn.Parameter(value.float(), requires_grad=False)
        self.widths = [state[f"{name}.weight"].shape[0] for name in taps]

    @classmethod
    def vgg19(cls, path: Path | None = None) -> FeatureNetwork:
        """VGG-19 from a file in torchvision's layout, or from torchvision itself, downloaded once.

        Raises
        ------
        CheckpointError
            If the file is not that network.
        MissingWeightsError
            If it must be fetched and cannot be.
        """
        path = path or fetch_vgg19()
        return cls(VGG19_LAYERS, VGG19_TAPS, _vgg19_layers(read_tensors(path), path))

    @classmethod
    def load(cls, path: Path | None = None) -> FeatureNetwork:
        """Whichever of the two networks a file holds; without a file VGG-19 from torchvision.

        Raises
        ------
        CheckpointError
            If the file is neither.
        MissingWeightsError
            If VGG-19 must be fetched and cannot be.
        """
        if path is None:
            return cls.vgg19()
        named = read_tensors(path)
        if "conv0.weight" in named:
            return cls(DISTILLED_LAYERS, DISTILLED_TAPS, _distilled_layers(named, path))
        return cls(VGG19_LAYERS, VGG19_TAPS, _vgg19_layers(named, path))

    def forward(self, image: Tensor) -> list[Tensor]:
        """``(B, 3, H, W)`` to one ``(B, C_i, H_i, W_i)`` a tap."""
        x = F.conv2d(
            image.contiguous(memory_format=torch.channels_last),
            self.weights["embed/weight"],
            self.weights["embed/bias"],
        )
        taken = []
        for layer in self.layers:
            if layer == "pool":
                x = F.max_pool2d(x, 2)
                continue
            x = F.relu(F.conv2d(x, self.weights[f"{layer}/weight"], self.weights[f"{layer}/bias"], padding=1))
            if layer in self.taps:
                taken.append(x)
        return taken


def _vgg19_layers(named: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """VGG-19 in torchvision's layout, its normalisation as a 1x1 convolution; its later layers are left out."""
    named = {key.removeprefix("features."): value for key, value in named.items()}
    mean, std = torch.tensor(TORCHVISION_MEAN), torch.tensor(TORCHVISION_STD)
    embed = {"embed.weight": torch.diag(1 / std)[:, :, None, None], "embed.bias": -mean / std}
    return _taken(named, VGG19_LAYERS, path, "VGG-19 in torchvision's layout") | embed


def _distilled_layers(named: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    layers = _taken(named, ("conv0", *DISTILLED_LAYERS), path, "the distilled VGG-19")
    return {key.replace("conv0.", "embed."): value for key, value in layers.items()}


def _taken(named: dict[str, Tensor], layers: tuple[str, ...], path: Path, kind: str) -> dict[str, Tensor]:
    wanted = [f"{layer}.{part}" for layer in layers if layer != "pool" for part in ("weight", "bias")]
    if missing := set(wanted) - set(named):
        raise CheckpointError(f"expected {kind} in {path.name}; missing: {list_names(missing)}: pass the right file")
    return {key: named[key] for key in wanted}
