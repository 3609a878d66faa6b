"""Building blocks that the networks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ModulatedBlock", "ResidualBlock", "UpsamplingStage"]

SLOPE = 0.1


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU with the slope of our own networks."""
    return functional.leaky_relu(x, SLOPE, inplace=True)


class ResidualBlock(nn.Module):
    """``x + conv(leaky(conv(x)))``, both 3x3; reaches 2 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, width, H, W)`` to the same."""
        residual: Tensor = self.conv2(leaky(self.conv1(x)))
        return x + residual


class ModulatedBlock(nn.Module):
    """A residual block whose hidden features the latent map scales and shifts.

    ``x + conv(leaky(h * (1 + scale(z)) + shift(z)))`` with ``h = conv(x)``: the paper's fusion
    ``C (1 + F_Sigma) + F_mu`` with the latent map on the other side. Reaches 2 pixels.
    """

    def __init__(self, width: int, latent_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.modulation = nn.Conv2d(latent_channels, 2 * width, 1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        """``(B, width, H, W)`` and ``(B, latent_channels, H, W)`` to ``(B, width, H, W)``."""
        scale, shift = self.modulation(latent).chunk(2, dim=1)
        residual: Tensor = self.conv2(leaky(self.conv1(x) * (1 + scale) + shift))
        return x + residual


class UpsamplingStage(nn.Module):
    """3x3 convolution, PixelShuffle x2, and a residual block on the finer grid if there is one."""

    def __init__(self, width_in: int, width_out: int, *, refine: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, 4 * width_out, 3, padding=1)
        self.refine = ResidualBlock(width_out) if refine else None

    def forward(self, x: Tensor) -> Tensor:
        """``(B, width_in, H, W)`` to ``(B, width_out, 2*H, 2*W)``."""
        x = leaky(functional.pixel_shuffle(self.conv(x), 2))
        if self.refine is not None:
            x = self.refine(x)
        return x
