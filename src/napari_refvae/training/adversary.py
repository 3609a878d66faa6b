"""The adversary: what tells samples from photographs, trained against the network.

Of two kinds. `PatchHeads` are small PatchGANs on frozen features, which learn within hundreds of steps (projected
GANs, Sauer et al., 2021); they see a sample's features beside those of the bicubic base, so they judge the detail
given the input. `PixelJudge` is a PatchGAN on the pixels, as in the paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from napari_refvae.model.discriminator import PatchDiscriminator
from napari_refvae.training import losses
from napari_refvae.training.state import flatten_optimizer, restore_optimizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning.fabric import Fabric
    from torch import Tensor

    from napari_refvae.training.perception import Seen

__all__ = ["Adversary", "PatchHeads", "PixelJudge"]


FINEST = 1
"""The first layer that is judged: the features at full resolution cost more than all others together."""


class PatchHeads(nn.Module):
    """One small spectrally normalised PatchGAN a feature map."""

    def __init__(self, widths: list[int], hidden: int = 32) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                _normed(2 * width, hidden, 1),
                nn.LeakyReLU(0.2),
                _normed(hidden, hidden, 3),
                nn.LeakyReLU(0.2),
                _normed(hidden, 1, 3),
            )
            for width in widths[FINEST:]
        )

    def forward(self, features: list[Tensor], base: list[Tensor]) -> list[Tensor]:
        pairs = zip(self.heads, features[FINEST:], base[FINEST:], strict=True)
        return [head(torch.cat([f, b], dim=1)).float() for head, f, b in pairs]


class PixelJudge(nn.Module):
    """The paper's discriminator: it sees the image alone (equation 5)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.judge = PatchDiscriminator(width)

    def forward(self, pixels: list[Tensor], base: list[Tensor]) -> list[Tensor]:
        return [self.judge(pixels[0]).float()]


def _normed(width_in: int, width_out: int, kernel: int) -> nn.Module:
    return nn.utils.parametrizations.spectral_norm(nn.Conv2d(width_in, width_out, kernel, padding=kernel // 2))


class Game(NamedTuple):
    """The two sides' losses."""

    generator: Callable[[Tensor], Tensor]
    discriminator: Callable[[Tensor, Tensor], Tensor]


GAMES = {
    "hinge": Game(losses.hinge_generator, losses.hinge_discriminator),
    "minimax": Game(losses.minimax_generator, losses.minimax_discriminator),
}


class Adversary:
    """A judge, its optimiser and the two sides of the game.

    Parameters
    ----------
    judge
        From what is seen of images and of their bicubic bases to logits.
    fabric
        Where it is trained.
    game
        ``hinge`` or ``minimax``.
    """

    def __init__(self, judge: PatchHeads | PixelJudge, fabric: Fabric, game: str = "hinge") -> None:
        self.fabric, self.game = fabric, GAMES[game]
        judge = judge.to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(judge.parameters(), betas=(0.5, 0.99), weight_decay=0.0)
        self.heads, self.optimizer = fabric.setup(judge, optimizer)

    def generator_term(self, seen: Seen, vividness: Tensor) -> Tensor:
        """Mean over all samples, weighted by ``vividness (V,)``."""
        judge = self.heads.module  # not its DDP wrapper, which would wait for gradients of the judge
        judge.requires_grad_(False)
        scores = judge(seen.sr, _repeated(seen.base, seen.sr))
        judge.requires_grad_(True)
        each = [self.game.generator(score).unflatten(0, (-1, len(vividness))).mean(dim=0) for score in scores]
        return (vividness * torch.stack(each).mean(dim=0)).mean()

    def step(self, seen: Seen, learning_rate: float) -> dict[str, Tensor]:
        """Train the judge on what was seen of targets and of samples."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        both = [torch.cat([real, fake.detach()]) for real, fake in zip(seen.hr, seen.sr, strict=True)]
        with self.fabric.autocast():
            scores, reals = self.heads(both, _repeated(seen.base, both)), len(seen.hr[0])
            loss = torch.stack([self.game.discriminator(s[:reals], s[reals:]) for s in scores]).mean()
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.optimizer.step()
        return {"discriminator": loss.detach()}

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Tensors for the run's state file."""
        return {"heads": self.heads.module.state_dict(), "heads_optimizer": flatten_optimizer(self.optimizer)}

    def restore(self, parts: dict[str, dict[str, Tensor]]) -> None:
        """Put back what `state` gave, if the state holds it."""
        if "heads" in parts:
            self.heads.module.load_state_dict(parts["heads"])
            restore_optimizer(self.optimizer, parts.get("heads_optimizer", {}))


def _repeated(base: list[Tensor], like: list[Tensor]) -> list[Tensor]:
    """One base for each sample; none for a judge that sees none."""
    return [b.repeat(len(x) // len(b), 1, 1, 1) for b, x in zip(base, like, strict=False)]
