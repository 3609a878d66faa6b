"""Frozen feature networks, and the loss terms that compare features.

``vgg19-distilled`` is a network 16 times smaller than VGG-19 (Collaborative Distillation, Wang et
al., 2020) with the same layers; ``vgg19`` is VGG-19 itself up to relu3_4. Neither is bundled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from napari_refvae.errors import TrainingError
from napari_refvae.training import losses

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from napari_refvae.training.data import Batch

__all__ = ["FeatureNetwork"]

DISTILLED = ("conv11", "conv12", "pool", "conv21", "conv22", "pool", "conv31", "conv32", "conv33", "conv34", "pool", "conv41")
DISTILLED_TAPS = ("conv12", "conv22", "conv34", "conv41")
VGG19 = ("0", "2", "pool", "5", "7", "pool", "10", "12", "14", "16")
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
    def load(cls, name: str, path: Path | None) -> FeatureNetwork:
        """Load one of the networks from a safetensors file.

        Raises
        ------
        TrainingError
            If the file is not given or is not that network.
        """
        if path is None or not path.is_file():
            raise TrainingError(f"the losses need the weights of {name}; got {path}: pass --feature-weights FILE")
        state = load_file(path)
        if name == "vgg19":
            mean, std = (torch.tensor(values) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
            embed = {"embed.weight": torch.diag(1 / std)[:, :, None, None], "embed.bias": -mean / std}
            layers, taps = VGG19, VGG19_TAPS
            named = {key.removeprefix("features."): value for key, value in state.items()}
        else:
            embed = {"embed.weight": state["conv0.weight"], "embed.bias": state["conv0.bias"]}
            layers, taps, named = DISTILLED, DISTILLED_TAPS, state
        wanted = {f"{layer}.{part}" for layer in layers if layer != "pool" for part in ("weight", "bias")}
        if missing := sorted(wanted - set(named)):
            raise TrainingError(f"{path} is not {name}: it lacks {', '.join(missing[:4])}")
        return cls(layers, taps, {key: named[key] for key in wanted} | embed)

    def forward(self, image: Tensor) -> list[Tensor]:
        """``(B, 3, H, W)`` to one ``(B, C_i, H_i, W_i)`` a tap."""
        x = F.conv2d(image.contiguous(memory_format=torch.channels_last), self.weights["embed/weight"], self.weights["embed/bias"])
        taken = []
        for layer in self.layers:
            if layer == "pool":
                x = F.max_pool2d(x, 2)
                continue
            x = F.relu(F.conv2d(x, self.weights[f"{layer}/weight"], self.weights[f"{layer}/bias"], padding=1))
            if layer in self.taps:
                taken.append(x)
        return taken

    def terms(self, samples: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Perceptual, local-best and style terms of samples ``(P + 1, B, 3, H, W)``; entry 0 is the posterior's."""
        count, vivid = len(samples), batch.vividness
        with torch.no_grad():
            target = self(batch.hr)
            reference = self(batch.reference)
        sr = self(samples.flatten(0, 1))
        maps = [distance_map(a, b.repeat(count, 1, 1, 1)).unflatten(0, (count, -1)) for a, b in zip(sr, target, strict=True)]
        perceptual = sum((m.mean(dim=(0, 2, 3)) for m in maps), torch.zeros_like(vivid))
        best = sum((_locally_best(m[1:]) for m in maps), torch.zeros_like(vivid))
        toward = losses.style(sr, [f.repeat(count, 1, 1, 1) for f in reference]).unflatten(0, (count, -1))[1:].mean(dim=0)
        return {
            "perceptual": (vivid * perceptual).mean(),
            "local_best": (vivid * best).mean(),
            "style": (vivid * batch.has_reference * toward).mean(),
        }


def distance_map(a: Tensor, b: Tensor) -> Tensor:
    """Squared difference of channel-normalised features, summed over channels: ``(B, H, W)``, as in LPIPS."""
    a, b = a.float(), b.float()
    a, b = (x * torch.rsqrt(x.square().sum(dim=1, keepdim=True) + 1e-6) for x in (a, b))
    return (a - b).square().sum(dim=1)


def _locally_best(maps: Tensor) -> Tensor:
    """Mean over pixels of the least distance among samples: ``(P, B, H, W)`` to ``(B,)``."""
    return maps.amin(dim=0).mean(dim=(1, 2))
