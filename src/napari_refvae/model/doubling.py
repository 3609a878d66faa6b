"""Bilinear interpolation to twice the size and a 3x3 convolution behind it, as one convolution on the small grid.

Of each small pixel the two make four, and each of these is a weighted mean of the 3x3 small pixels around: so they are
four 3x3 convolutions with as many multiplications, and the enlarged features, which are slow to make and large to hold,
are never there. The outermost pixels differ, since the convolution's zeros lie around the enlarged grid: these are
computed in the two steps, from the two rows or columns at the border.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["DoublingConvolution"]

TAPS = (
    ((0.75, 0.25, 0.0), (0.25, 0.75, 0.75), (0.0, 0.0, 0.25)),
    ((0.25, 0.0, 0.0), (0.75, 0.75, 0.25), (0.0, 0.25, 0.75)),
)
"""Of the first and of the second fine pixel of a small one: what the small pixels before, at and behind it (rows) give
to the three taps of the convolution (columns). A fine pixel's centre lies a quarter of a small one off the other's."""

FRAME = 2
"""Fine pixels at the border that the one convolution gets wrong, and small ones that they depend on."""


class DoublingConvolution:
    """``conv(interpolate(x, scale_factor=2, mode="bilinear"))``, for a 3x3 convolution padded with one zero.

    To be made anew for each use: it takes on the convolution's weights of that moment.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        assert conv.bias is not None
        weight, bias = conv.weight, conv.bias
        with torch.autocast(weight.device.type, enabled=False):
            taps = torch.tensor(TAPS, dtype=weight.dtype, device=weight.device)
            fourfold = torch.einsum("pyi,qxj,ocij->opqcyx", taps, taps, weight).flatten(0, 2)
        self._conv = conv
        self._weight = fourfold.contiguous(memory_format=torch.channels_last)
        self._bias = bias.repeat_interleave(4)

    def __call__(self, x: Tensor) -> Tensor:
        """``(N, C, h, w)`` to ``(N, D, 2*h, 2*w)``."""
        made = functional.pixel_shuffle(functional.conv2d(x, self._weight, self._bias, padding=1), 2)
        made[..., :FRAME, :] = self._in_two_steps(x[..., :FRAME, :])[..., :FRAME, :]
        made[..., -FRAME:, :] = self._in_two_steps(x[..., -FRAME:, :])[..., -FRAME:, :]
        made[..., :FRAME] = self._in_two_steps(x[..., :FRAME])[..., :FRAME]
        made[..., -FRAME:] = self._in_two_steps(x[..., -FRAME:])[..., -FRAME:]
        return made

    def _in_two_steps(self, x: Tensor) -> Tensor:
        made: Tensor = self._conv(functional.interpolate(x, scale_factor=2.0, mode="bilinear"))
        return made
