"""The network of the paper, layer for layer as its published code computes it.

Liu, Siu and Wang, "Variational AutoEncoder for Reference based Image Super-Resolution", NTIRE workshop
at CVPR 2021; names follow its figure 2 and sections 3.1 to 3.3. Where paper and code differ the code
counts, so that the authors' weights give the authors' images.

Three poolings make one feature cell out of 8x8 pixels of the up-sampled input. At 8x a cell is one LR
pixel; at 4x it is two by two of them, and tiles have to begin on even pixels. Features and latent maps
travel on the LR grid at both scales: at 4x each cell's value stands on all its pixels.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_refvae.model.doors import LatentLayout, ReferenceVAE
from napari_refvae.model.doubling import DoublingConvolution
from napari_refvae.model.gaussian import DiagonalGaussian
from napari_refvae.model.parts import GRID_BYTES, STRIP_BYTES, Cropped, in_strips, row_cuts, strip_rows
from napari_refvae.model.vgg import VGG19
from napari_refvae.regions import Region
from napari_refvae.resampling import upsample

if TYPE_CHECKING:
    from torch import Tensor

    from napari_refvae.model.config import PaperConfig

__all__ = ["PaperRefVAE"]

CODE = 256  # entries of z
WIDTH = 512  # channels of relu4_1, of C_R and of F_mu and F_Sigma each
MAP_WIDTH, MAP_SIZE = 64, 16  # the feature map that z stands for is 64 x 16 x 16
REFERENCE_SIZE = 256  # references are resized to a square of this side
CELL = 8  # pixels of the up-sampled input a side of a feature cell
REACH = 2  # cells that the fusion looks beyond a cell, and the image decoder as many again


class PaperRefVAE(ReferenceVAE):
    """The paper's RefVAE at 8x or 4x: 33.92 M parameters and 3.51 M of VGG-19, which is frozen.

    Its latent map is the 64-channel map of z (section 3.2) stretched over the whole image. There is no
    spatial noise and no vividness. Note that the authors' "random" samples feed images of noise through
    `posterior`; here, as their paper says, a sample without a reference draws z from N(0, I).
    """

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.config = config
        self.scale = config.scale
        self.layout = LatentLayout(code=CODE, noise=0, vividness=False)
        self.alignment = CELL // config.scale
        self.halo = _halo(config.scale)
        self.vgg = VGG19().requires_grad_(False)
        self.feature_encoder = FeatureEncoder()
        self.feature_decoder = FeatureDecoder()
        self.modulation = Modulation()
        self.image_decoder = ImageDecoder()

    def encode(self, lr: Tensor) -> Tensor:
        """Make F_mu and F_Sigma (section 3.2) from the VGG features of the bicubic up-sampled input.

        ``(B, 3, h, w)`` in 0..1 to ``(B, 1024 + 3 * scale**2, h, w)``: F_mu, F_Sigma, and what the paper's
        bicubic (a = -0.75) adds to ours, folded onto the LR grid, so that ``upsample(lr) + detail`` is the
        authors' output exactly. At 4x an odd side is continued by its last row or column.
        """
        whole = _whole_cells(lr, self.alignment)
        enlarged = functional.interpolate(whole, scale_factor=float(self.scale), mode="bicubic")
        modulation = _spread(self.modulation(self.vgg(enlarged)), self.alignment, lr.shape[-2:])
        return torch.cat([modulation, self._base_difference(lr)], dim=1)

    def posterior(self, reference: Tensor) -> DiagonalGaussian:
        """Make P(z|R) of equation 4: ``(B, 3, H, W)`` in 0..1, of any size, to ``(B, 256)``.

        As in the authors' code the reference is resized to 256x256, whatever its shape, by antialiased
        bilinear interpolation (Pillow's, without its rounding to 8 bits; for the input itself they took
        bicubic).
        """
        if reference.shape[-2:] != (REFERENCE_SIZE, REFERENCE_SIZE):
            size = (REFERENCE_SIZE, REFERENCE_SIZE)
            reference = functional.interpolate(reference, size=size, mode="bilinear", antialias=True)
        mean, log_variance = self.feature_encoder(self.vgg(reference)).float().chunk(2, dim=1)
        return DiagonalGaussian(mean, log_variance)

    def lift(self, code: Tensor, noise: Tensor, vividness: Tensor) -> Tensor:
        """Stretch the map of z over the image: ``code (N, 256)`` to ``(N, 64, h, w)``, with (h, w) of ``noise``.

        At 4x the map is made on the grid of cells, and each cell's value repeated on its pixels.
        """
        size = noise.shape[-2:]
        cells = [math.ceil(length / self.alignment) for length in size]
        small = self.feature_decoder.expand(code)
        return _spread(functional.interpolate(small, size=cells, mode="bilinear"), self.alignment, size)

    def decode(self, features: Tensor, latent: Tensor, part: Region | None = None) -> Tensor:
        """Fuse and reconstruct: F_X|R = C_R (1 + F_Sigma) + F_mu (section 3.2), then the image decoder (3.3).

        ``(1 or N, F, h, w)`` and ``(N, 64, h, w)`` to ``(N, 3, scale*h, scale*w)``, or the same of a part. A latent
        map that varies within a cell (4x only) is averaged over it.
        """
        wanted = part or Region(0, 0, *latent.shape[-2:])
        rows = strip_rows(latent, ImageDecoder.WIDTHS[1] * (4 // self.alignment) ** 2, GRID_BYTES)
        cuts = [wanted.y + row for row in row_cuts(wanted.height, rows)]
        strips = (Region(top, wanted.x, bottom - top, wanted.width) for top, bottom in pairwise(cuts))
        return torch.cat([self._decode_rows(features, latent, strip) for strip in strips], dim=-2)

    def decode_bytes(self, pixels: int, itemsize: int = 4) -> int:
        """Features, float32 always, and what they are joined of; or in place of that the detail, and strips."""
        features, detail = 2 * WIDTH + 3 * self.scale**2, 3 * self.scale**2
        decoding = 4 * (features + 2 * detail) * pixels + 3 * GRID_BYTES + 4 * STRIP_BYTES
        return max(8 * features * pixels, decoding)

    def _decode_rows(self, features: Tensor, latent: Tensor, part: Region) -> Tensor:
        cells = _cells(part, self.alignment)
        modulation, difference = features.split((2 * WIDTH, 3 * self.scale**2), dim=1)
        condition = Cropped(_cell_means(latent, self.alignment), cells)
        condition.values = self.feature_decoder(condition.around(2 * REACH))
        fused = condition.around(REACH)
        shift, gain = _cell_means(modulation, self.alignment)[..., *condition.slices].chunk(2, dim=1)
        condition.enlarged(self.image_decoder(fused * (1 + gain) + shift), CELL)
        inner = part.relative_to(Region(cells.y * self.alignment, cells.x * self.alignment, 0, 0))
        detail = condition.around(0)[..., *inner.scaled(self.scale).slices]
        return detail + functional.pixel_shuffle(difference[..., *part.slices], self.scale)

    def _base_difference(self, lr: Tensor) -> Tensor:
        """Torch's bicubic up-sampling minus `upsample`, in float32: ``(B, 3 * scale**2, h, w)``."""
        with torch.autocast(lr.device.type, enabled=False):
            exact = lr.float()
            theirs = functional.interpolate(exact, scale_factor=float(self.scale), mode="bicubic")
            return functional.pixel_unshuffle(theirs - upsample(exact, self.scale), self.scale)


class FeatureEncoder(nn.Module):
    """From relu4_1 of a reference to mean and log-variance of z: the paper's "Feature Encoder"."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(WIDTH, MAP_WIDTH, 1)
        self.norm1 = nn.BatchNorm2d(MAP_WIDTH)
        self.conv2 = nn.Conv2d(MAP_WIDTH, MAP_WIDTH, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(MAP_WIDTH)
        self.linear = nn.Linear(MAP_WIDTH * MAP_SIZE**2, 2 * CODE)

    def forward(self, features: Tensor) -> Tensor:
        """``(B, 512, H, W)`` to ``(B, 512)``."""
        x = _leaky(self.norm1(self.conv1(features)))
        x = _leaky(self.norm2(self.conv2(x)))
        x = functional.interpolate(x, size=(MAP_SIZE, MAP_SIZE), mode="bilinear")
        statistics: Tensor = self.linear(x.flatten(1))
        return statistics


class FeatureDecoder(nn.Module):
    """From z to the conditional features C_R: the paper's "Feature Decoder", in two steps."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(CODE, MAP_WIDTH * MAP_SIZE**2)
        self.conv = nn.Conv2d(MAP_WIDTH, WIDTH, 1)
        self.block = PaperResidualBlock()

    def expand(self, code: Tensor) -> Tensor:
        """``(N, 256)`` to ``(N, 64, 16, 16)``."""
        flat: Tensor = self.linear(code)
        return flat.unflatten(1, (MAP_WIDTH, MAP_SIZE, MAP_SIZE))

    def forward(self, latent: Tensor) -> Tensor:
        """``(N, 64, H, W)`` to C_R ``(N, 512, H, W)``; reaches 2 cells."""
        condition: Tensor = self.block(self.conv(latent))
        return condition


class Modulation(nn.Module):
    """The "convolution block" of section 3.2 that reads F_mu and F_Sigma off the LR features; reaches 6 cells."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(WIDTH, WIDTH, 1)
        self.blocks = nn.ModuleList(PaperResidualBlock() for _ in range(3))
        self.conv_out = nn.Conv2d(WIDTH, 2 * WIDTH, 1)

    def forward(self, features: Tensor) -> Tensor:
        """``(B, 512, H, W)`` to ``(B, 1024, H, W)``: F_mu, then F_Sigma."""
        x: Tensor = self.conv_in(features)
        for block in self.blocks:
            x = block(x)
        x = self.conv_out(x)
        return x


class ImageDecoder(nn.Module):
    """From fused features to the detail image, 8x as large (section 3.3); reaches 2 cells."""

    WIDTHS = (256, 128, 64)

    def __init__(self) -> None:
        super().__init__()
        first, second, third = self.WIDTHS
        self.conv1 = nn.Conv2d(WIDTH, first, 3, padding=1)
        self.conv2 = nn.Conv2d(first, second, 3, padding=1)
        self.conv3 = nn.Conv2d(second, third, 3, padding=1)
        self.mix = nn.Conv2d(third, third, 1)
        self.last = nn.Conv2d(third, 3, 3, padding=1)

    def forward(self, fused: Tensor) -> Tensor:
        """``(N, 512, H, W)`` to ``(N, 3, 8*H, 8*W)``, the finest grid in strips."""
        x = _leaky(self.conv1(functional.interpolate(fused, scale_factor=2.0, mode="bilinear")))
        x = _leaky(DoublingConvolution(self.conv2)(x))
        rows = strip_rows(x, 4 * self.WIDTHS[2], STRIP_BYTES)
        return in_strips(partial(self._finest, DoublingConvolution(self.conv3)), x, rows=rows, reach=2)

    def _finest(self, conv3: DoublingConvolution, x: Tensor) -> Tensor:
        """From the second grid to detail; reaches 2 of its pixels."""
        detail: Tensor = self.last(_leaky(self.mix(_leaky(conv3(x)))))
        return detail


class PaperResidualBlock(nn.Module):
    """``leaky(x + conv(leaky(conv(x))))`` on 512 channels: the activation comes after the sum. Reaches 2 cells."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, 512, H, W)`` to the same."""
        return _leaky(self.conv2(_leaky(self.conv1(x))) + x)


def _leaky(x: Tensor) -> Tensor:
    """Leaky ReLU with PyTorch's default slope, as in the authors' code."""
    return functional.leaky_relu(x, 0.01, inplace=True)


def _whole_cells(x: Tensor, cell: int) -> Tensor:
    """Repeat the last row and column until both sides are multiples of ``cell``."""
    height, width = x.shape[-2:]
    down, right = -height % cell, -width % cell
    return functional.pad(x, (0, right, 0, down), mode="replicate") if down or right else x


def _spread(x: Tensor, cell: int, size: torch.Size) -> Tensor:
    """Repeat each cell's value on its ``cell`` x ``cell`` LR pixels, as far as an image of ``size`` goes."""
    if cell == 1:
        return x
    wide = x.repeat_interleave(cell, dim=-2).repeat_interleave(cell, dim=-1)
    return wide[..., : size[0], : size[1]]


def _cell_means(x: Tensor, cell: int) -> Tensor:
    """Average over cells; gives back exactly what `_spread` spread, since halves of equal sums are exact."""
    if cell == 1:
        return x
    x = _whole_cells(x, cell)
    x = 0.5 * (x[..., ::2, :] + x[..., 1::2, :])
    return 0.5 * (x[..., ::2] + x[..., 1::2])


def _cells(pixels: Region, cell: int) -> Region:
    """The cells in which a region of LR pixels lies."""
    y, x = pixels.y // cell, pixels.x // cell
    bottom, right = -(-(pixels.y + pixels.height) // cell), -(-(pixels.x + pixels.width) // cell)
    return Region(y, x, bottom - y, right - x)


def _halo(scale: int) -> int:
    """Reach in LR pixels: 14 at 8x, 26 at 4x.

    Backwards from the 8x8 output pixels of one cell: the image decoder reaches 2 cells, the modulation 6;
    relu4_1 of a cell sees 30 pixels beyond the cell's own (two 3x3 convolutions there, two on the
    grid half as fine, four on the next, one on the last: 2 + 2*2 + 4*4 + 8); bicubic interpolation takes
    two LR pixels a side. The last pixel of a cell looks furthest back.
    """
    pixels = (2 + 6) * CELL + 30
    first = math.floor((0.5 - pixels) / scale - 0.5) - 1
    return CELL // scale - 1 - first
