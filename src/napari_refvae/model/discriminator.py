"""The PatchGAN that judges pixels, used in training only.

Wang et al., High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs, 2018, which the paper
names in section 3.4: every output judges one patch of the image. Spectral normalisation (Miyato et al., 2018) stands
where theirs has instance normalisation, which would hide from it how strong an image's texture is.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PatchDiscriminator"]

KERNEL = 4


class PatchDiscriminator(nn.Module):
    """Convolutions of 4x4, the first three with stride 2: one logit for patches of 70 pixels, 8 pixels apart.

    Parameters
    ----------
    width
        Channels after the first convolution; they double with each of the next three.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = [3, width, 2 * width, 4 * width, 8 * width, 1]
        strides = [2, 2, 2, 1, 1]
        self.convs = nn.ModuleList(
            nn.utils.parametrizations.spectral_norm(nn.Conv2d(a, b, KERNEL, stride, padding=1))
            for (a, b), stride in zip(pairwise(widths), strides, strict=True)
        )

    def forward(self, image: Tensor) -> Tensor:
        """``(B, 3, H, W)`` in 0..1, at least 32 pixels a side, to logits ``(B, 1, H // 8 - 2, W // 8 - 2)``."""
        x = 2 * image - 1
        for conv in self.convs[:-1]:
            x = F.leaky_relu(conv(x), 0.2)
        logits: Tensor = self.convs[-1](x)
        return logits
