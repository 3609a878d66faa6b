"""Frozen feature networks, and what they see of a training step.

``vgg19-distilled`` is a network 16 times smaller than VGG-19 (Collaborative Distillation, Wang et
al., 2020) with the same layers; ``vgg19`` is VGG-19 itself up to relu3_4. Neither is bundled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from napari_refvae.errors import TrainingError
from napari_refvae.resampling import upsample

if TYPE_CHECKING:
    from pathlib import Path

    from napari_refvae.training.data import Batch

__all__ = ["FeatureNetwork", "Seen", "look"]

DISTILLED = (
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
            layers: tuple[str, ...] = VGG19
            taps: tuple[str, ...] = VGG19_TAPS
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


class Seen(NamedTuple):
    """Features of a step's vivid examples: one tensor a layer.

    ``rows (b,)`` are those examples' indices in the batch; ``sr`` has ``P * b`` rows (sample by sample), the
    others ``b``.
    """

    rows: Tensor
    sr: list[Tensor]
    hr: list[Tensor]
    reference: list[Tensor]
    base: list[Tensor]


def look(network: FeatureNetwork, samples: Tensor, batch: Batch, scale: int) -> Seen | None:
    """See prior samples ``(P, B, 3, H, W)``, targets, references and bicubic bases once; None if none is vivid."""
    rows = batch.vividness.nonzero()[:, 0]
    if not len(rows):
        return None
    with torch.no_grad():
        with torch.autocast(samples.device.type, enabled=False):
            base = upsample(batch.lr[rows], scale)
        hr, reference, seen_base = (network(x) for x in (batch.hr[rows], batch.reference[rows], base))
    return Seen(rows, network(samples[:, rows].flatten(0, 1)), hr, reference, seen_base)
