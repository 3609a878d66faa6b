"""The adversary: PatchGAN heads on frozen features, trained with the hinge loss.

Frozen features make it learn within hundreds of steps (projected GANs, Sauer et al., 2021). The heads
see a sample's features beside those of the bicubic base, so they judge the detail given the input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_refvae.resampling import upsample
from napari_refvae.training import losses
from napari_refvae.training.state import flatten_optimizer, restore_optimizer

if TYPE_CHECKING:
    from lightning.fabric import Fabric
    from torch import Tensor

    from napari_refvae.training.config import TrainingConfig
    from napari_refvae.training.data import Batch
    from napari_refvae.training.features import FeatureNetwork

__all__ = ["Adversary", "PatchHeads"]


class PatchHeads(nn.Module):
    """One small spectrally normalised PatchGAN a feature map."""

    def __init__(self, widths: list[int], hidden: int = 64) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                _normed(2 * width, hidden, 1),
                nn.LeakyReLU(0.2),
                _normed(hidden, hidden, 3),
                nn.LeakyReLU(0.2),
                _normed(hidden, 1, 3),
            )
            for width in widths
        )

    def forward(self, features: list[Tensor], base: list[Tensor]) -> list[Tensor]:
        pairs = zip(self.heads, features, base, strict=True)
        return [head(torch.cat([f, b], dim=1)).float() for head, f, b in pairs]


def _normed(width_in: int, width_out: int, kernel: int) -> nn.Module:
    return nn.utils.parametrizations.spectral_norm(nn.Conv2d(width_in, width_out, kernel, padding=kernel // 2))


class Adversary:
    """The heads, their optimiser and the two sides of the game."""

    def __init__(self, features: FeatureNetwork, fabric: Fabric, config: TrainingConfig) -> None:
        self.features, self.fabric, self.scale = features, fabric, 8
        heads = PatchHeads(features.widths).to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(heads.parameters(), betas=(0.5, 0.99), weight_decay=0.0)
        self.heads, self.optimizer = fabric.setup(heads, optimizer)
        self._base: list[Tensor] = []

    def generator_term(self, samples: Tensor, batch: Batch) -> Tensor:
        """Hinge term of all samples, weighted by vividness."""
        with torch.no_grad():
            self._base = self.features(upsample(batch.lr, self.scale))
        count = len(samples)
        fake = self._judge(samples.flatten(0, 1), count)
        weights = batch.vividness.repeat(count)
        return torch.stack([(weights * losses.hinge_generator(score)).mean() for score in fake]).mean()

    def step(self, samples: Tensor, batch: Batch, learning_rate: float) -> dict[str, Tensor]:
        """Train the heads on the vivid examples; call after `generator_term` of the same batch."""
        vivid = batch.vividness > 0.5
        if not vivid.any():
            return {}
        for group in self.optimizer.param_groups:
            group["lr"] = 2 * learning_rate
        with self.fabric.autocast():
            base = [feature[vivid] for feature in self._base]
            with torch.no_grad():
                real, fake = self.features(batch.hr[vivid]), self.features(samples[1][vivid])
            scores = zip(self.heads(real, base), self.heads(fake, base), strict=True)
            loss = torch.stack([losses.hinge_discriminator(r, f) for r, f in scores]).mean()
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.optimizer.step()
        return {"discriminator": loss.detach()}

    def _judge(self, images: Tensor, count: int) -> list[Tensor]:
        base = [feature.repeat(count, 1, 1, 1) for feature in self._base]
        self.heads.requires_grad_(False)
        scores: list[Tensor] = self.heads(self.features(images), base)
        self.heads.requires_grad_(True)
        return scores

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Tensors for the run's state file."""
        return {"heads": self.heads.module.state_dict(), "heads_optimizer": flatten_optimizer(self.optimizer)}

    def restore(self, parts: dict[str, dict[str, Tensor]]) -> None:
        """Put back what `state` gave, if the state holds it."""
        if "heads" in parts:
            self.heads.module.load_state_dict(parts["heads"])
            restore_optimizer(self.optimizer, parts.get("heads_optimizer", {}))
