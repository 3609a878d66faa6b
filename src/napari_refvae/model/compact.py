"""Our own network: a hierarchy of two latents, and all the work at LR resolution.

A global code says what the reference looks like (its texture statistics); a spatial noise field
says where the invented detail goes; one scalar says how vivid it is. Together they are the latent
map. It implements what the paper's section 4.4 asks for ("hierarchical latent space").
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_refvae.model.blocks import ModulatedBlock, ResidualBlock, UpsamplingStage, leaky
from napari_refvae.model.doors import LatentLayout, ReferenceVAE
from napari_refvae.model.gaussian import DiagonalGaussian
from napari_refvae.model.parts import GRID_BYTES, STRIP_BYTES, Cropped, in_strips, strip_rows

if TYPE_CHECKING:
    from torch import Tensor

    from napari_refvae.model.config import CompactConfig
    from napari_refvae.regions import Region

__all__ = ["CompactRefVAE", "DetailPosterior", "ReferenceEncoder"]

BLOCK_REACH, STAGE_REACH = 2, 2
"""Pixels that a block looks beyond a pixel, and rows that a stage of the tail does, on the grid that it begins with."""


class CompactRefVAE(ReferenceVAE):
    """Encoder and modulated decoder on the LR grid, PixelShuffle tail, reference encoder."""

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.config = config
        self.scale = config.scale
        self.layout = LatentLayout(code=config.code, noise=config.noise, vividness=True)
        self.halo = _halo(config)
        channels = config.code + config.noise + 1
        self.head = nn.Conv2d(3, config.width, 3, padding=1)
        self.trunk = nn.ModuleList(ResidualBlock(config.width) for _ in range(config.trunk_blocks))
        self.blocks = nn.ModuleList(ModulatedBlock(config.width, channels) for _ in range(config.decoder_blocks))
        widths = (config.width, *config.tail_widths)
        last = len(config.tail_widths) - 1
        self.tail = nn.ModuleList(
            UpsamplingStage(width, wider, refine=stage < last) for stage, (width, wider) in enumerate(pairwise(widths))
        )
        self.last = nn.Conv2d(widths[-1], 3, 3, padding=1)
        self.reference = ReferenceEncoder(config.reference_widths, config.code)
        self.apply(_initialise)
        nn.init.zeros_(self.last.weight)  # detail starts at zero: the first output is the consistent upsampling

    def encode(self, lr: Tensor) -> Tensor:
        """Features at LR resolution: ``(B, 3, h, w)`` in 0..1 to ``(B, width, h, w)``."""
        first: Tensor = self.head(lr - 0.5)
        features = first
        for block in self.trunk:
            features = block(features)
        return features + first

    def posterior(self, reference: Tensor) -> DiagonalGaussian:
        """Distribution of the global code: ``(B, 3, H, W)`` in 0..1, of any size, to ``(B, code)``."""
        found: DiagonalGaussian = self.reference(reference)
        return found

    def lift(self, code: Tensor, noise: Tensor, vividness: Tensor) -> Tensor:
        """Put code and vividness (on -1..1) on every pixel, behind the noise: ``(N, noise + code + 1, h, w)``."""
        height, width = noise.shape[-2:]
        scalars = torch.cat([code, 2 * vividness[:, None].to(code) - 1], dim=1)
        return torch.cat([noise, scalars[:, :, None, None].expand(-1, -1, height, width)], dim=1)

    def decode(self, features: Tensor, latent: Tensor, part: Region | None = None) -> Tensor:
        """Modulated blocks on the LR grid, then the tail: to detail ``(N, 3, scale*h, scale*w)``.

        Of a part, each block computes what the next ones look at.
        """
        reach = math.ceil(_tail_reach(self.config))
        x = Cropped(features.expand(latent.shape[0], -1, -1, -1), part)
        for left, block in zip(reversed(range(len(self.blocks))), self.blocks, strict=True):
            x.around(reach + BLOCK_REACH * (left + 1))
            x.values = block(x.values, latent[..., *x.slices])
        x.around(reach)
        x.enlarged(self._enlarge(x.values), self.scale)
        return x.around(0)

    def decode_bytes(self, pixels: int, itemsize: int = 4) -> int:
        """First a block's features on the LR grid, then the last of them, the detail, and grids of some rows.

        As measured, a block holds eight times its width: its input, what modulates it, and what comes of both. A
        strip holds its input, what is convolved of it, the same shuffled, and what comes of that.
        """
        width = self.config.width
        last = (width + 2 * 3 * self.scale**2) * pixels
        return itemsize * max(8 * width * pixels, last) + 2 * GRID_BYTES + 4 * STRIP_BYTES

    def _enlarge(self, x: Tensor) -> Tensor:
        """The tail, on some rows at a time: ``(N, width, h, w)`` to detail."""
        inner = [4 ** (stage + 1) * width for stage, width in enumerate(self.config.tail_widths[:-1])]
        rows = strip_rows(x, max(inner, default=1), GRID_BYTES)
        return in_strips(self._enlarge_rows, x, rows=rows, reach=math.ceil(_tail_reach(self.config)))

    def _enlarge_rows(self, x: Tensor) -> Tensor:
        """Stage by stage, each in strips."""
        for stage in self.tail[:-1]:
            x = in_strips(stage, x, rows=_strip_rows(stage, x), reach=STAGE_REACH)
        return in_strips(self._finest, x, rows=_strip_rows(self.tail[-1], x), reach=STAGE_REACH)

    def _finest(self, x: Tensor) -> Tensor:
        """The tail's last stage, and detail from its features."""
        detail: Tensor = self.last(self.tail[-1](x))
        return detail


class ReferenceEncoder(nn.Module):
    """Global code of a reference from the channel statistics of a small CNN: any size, nothing squashed.

    Of a reference larger than `LARGEST` pixels a regular grid of tiles is read, at its own scale: statistics of
    that many pixels tell a texture as well as those of all, at bounded time and memory.
    """

    SMALLEST = 16
    LARGEST = 2**21
    TILE = 256

    def __init__(self, widths: tuple[int, ...], code: int) -> None:
        super().__init__()
        pairs = zip((3, *widths[:-1]), widths, strict=True)
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=1 if i == 0 else 2, padding=1) for i, (a, b) in enumerate(pairs)
        )
        self.head = nn.Linear(2 * sum(widths), 2 * code)

    def forward(self, reference: Tensor) -> DiagonalGaussian:
        """``(B, 3, H, W)`` in 0..1, at least one pixel, to a distribution over ``(B, code)``."""
        tiles = _grid_of_tiles(_at_least(reference, self.SMALLEST), self.TILE, self.LARGEST)
        moments = [self._moments(tile) for tile in tiles]
        statistics = []
        for layer in zip(*moments, strict=True):
            means, squares = (torch.stack(column).mean(dim=0) for column in zip(*layer, strict=True))
            statistics += [means, (squares - means.square() + 1e-6).clamp(min=1e-6).sqrt()]
        mean, log_variance = self.head(torch.cat(statistics, dim=1)).float().chunk(2, dim=1)
        return DiagonalGaussian(mean, log_variance.clamp(-10, 4))

    def _moments(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Mean and mean square of each layer's channels, ``(B, C)`` each."""
        x, moments = image - 0.5, []
        for conv in self.convs:
            x = leaky(conv(x))
            variance, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0)
            moments.append((mean, variance + mean.square()))
        return moments


class DetailPosterior(nn.Module):
    """Posterior of the spatial noise field given the true detail. It is used in training only.

    The HR detail (``hr - upsample(lr)``) is folded onto the LR grid; a small CNN reads mean and
    log-variance of the noise field from it and from the encoder's features.
    """

    def __init__(self, config: CompactConfig, hidden: int = 64) -> None:
        super().__init__()
        self.scale = config.scale
        self.fold = nn.Conv2d(3 * config.scale**2, hidden, 3, padding=1)
        self.join = nn.Conv2d(hidden + config.width, hidden, 1)
        self.block = ResidualBlock(hidden)
        self.out = nn.Conv2d(hidden, 2 * config.noise, 1)
        self.apply(_initialise)

    def forward(self, detail: Tensor, features: Tensor) -> DiagonalGaussian:
        """``detail (B, 3, scale*h, scale*w)`` and ``features (B, F, h, w)`` to a field ``(B, noise, h, w)``."""
        x = leaky(self.fold(nn.functional.pixel_unshuffle(detail, self.scale)))
        x = self.block(leaky(self.join(torch.cat([x, features], dim=1))))
        mean, log_variance = self.out(x).float().chunk(2, dim=1)
        return DiagonalGaussian(mean, log_variance.clamp(-10, 4))


def _halo(config: CompactConfig) -> int:
    """Receptive field in LR pixels: 3x3 convolutions, each worth 1 / (its grid's scale)."""
    return 1 + 2 * (config.trunk_blocks + config.decoder_blocks) + math.ceil(_tail_reach(config))


def _tail_reach(config: CompactConfig) -> float:
    last = len(config.tail_widths)
    return sum((1.0 + (2.0 if stage < last - 1 else 0.0) / 2) / 2**stage for stage in range(last)) + 1 / 2**last


def _strip_rows(stage: nn.Module, x: Tensor) -> int:
    assert isinstance(stage, UpsamplingStage)
    return strip_rows(x, stage.conv.out_channels, STRIP_BYTES)


def _grid_of_tiles(image: Tensor, side: int, largest: int) -> list[Tensor]:
    """The image itself, or, if it is larger than ``largest`` pixels, equal tiles of about as many, evenly spread."""
    height, width = image.shape[-2:]
    if height * width <= largest:
        return [image]
    tall, wide = min(side, height), min(side, width)
    count = largest // (tall * wide)
    rows = min(max(1, round(math.sqrt(count * height / width))), height // tall, count)
    columns = min(max(1, count // rows), width // wide)
    tops = torch.linspace(0, height - tall, rows).long().tolist()
    lefts = torch.linspace(0, width - wide, columns).long().tolist()
    return [image[..., top : top + tall, left : left + wide] for top in tops for left in lefts]


def _at_least(image: Tensor, smallest: int) -> Tensor:
    """Repeat an image that is smaller than ``smallest`` until it is not: statistics stay the same."""
    height, width = image.shape[-2:]
    return image.repeat(1, 1, math.ceil(smallest / height), math.ceil(smallest / width))


def _initialise(module: nn.Module) -> None:
    """He initialisation at a tenth for residual branches' ends, as is usual for super-resolution."""
    if any(parameter.is_meta for parameter in module.parameters(recurse=False)):
        return  # shapes only
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, a=0.1)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    if isinstance(module, ResidualBlock | ModulatedBlock):
        module.conv2.weight.data.mul_(0.1)
    if isinstance(module, ModulatedBlock):
        module.modulation.weight.data.mul_(0.1)
