"""Training examples: crops chosen by detail, references as the recipe says, the input made by D.

Example ``i`` of step ``n`` depends on the seed, ``n`` and the process's rank alone, so a resumed run
sees exactly what an uninterrupted one would have seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from napari_refvae.blurring import gaussian_blur
from napari_refvae.resampling import downsample, project
from napari_refvae.training.cropping import Crop, draw_crop, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from napari_refvae.training.config import DataConfig

__all__ = ["Batch", "ExampleSource", "unsharp"]

TRIES = 8

CPU = torch.device("cpu")

SIGMAS = (0.8, 4.0)
"""Radii, in HR pixels, of the blur that references and targets are altered by."""


class Batch(NamedTuple):
    """Tensors of one step. Images are in 0..1.

    ``hr (B, 3, 8p, 8p)`` is the target; ``lr (B, 3, p, p)`` its down-sampling rounded to 8 bits;
    ``reference (B, 3, R, R)``; ``has_reference (B,)`` bool; ``vividness (B,)`` in 0..1, first the faithful
    examples (0), then the vivid ones.
    """

    hr: Tensor
    lr: Tensor
    reference: Tensor
    has_reference: Tensor
    vividness: Tensor

    @property
    def vivid(self) -> Batch:
        """The examples whose vividness is above 0."""
        first = int((self.vividness == 0).sum())
        return Batch(*(tensor[first:] for tensor in self))


class Example(NamedTuple):
    """What is drawn for one example; ``amount`` and ``sigma`` of `unsharp` alter target and reference alike."""

    target: Crop
    reference: Crop
    has_reference: bool
    amount: float
    sigma: float
    vividness: float


class ExampleSource:
    """Draws batches from photographs and references."""

    def __init__(
        self,
        photographs: Sequence[NDArray[np.uint8]],
        references: Sequence[NDArray[np.uint8]],
        config: DataConfig,
        scale: int,
        seed: int,
    ) -> None:
        self.photographs = photographs
        self.references = references if len(references) else photographs
        self.config = config
        self.scale = scale
        self.seed = seed

    def batch(self, step: int, rank: int = 0, device: torch.device = CPU) -> Batch:
        """The examples of one step, made on ``device``."""
        config = self.config
        rng = np.random.default_rng([self.seed, step, rank])
        levels = [0.0] * config.faithful + [self._vividness(rng) for _ in range(config.vivid)]
        examples = [self._example(rng, vividness) for vividness in levels]
        target = render([example.target for example in examples], config.patch * self.scale, device)
        reference = render([example.reference for example in examples], config.reference_size, device)
        amount, sigma, vividness = (
            torch.tensor([getattr(example, name) for example in examples], dtype=torch.float32, device=device)
            for name in ("amount", "sigma", "vividness")
        )
        lr = (downsample(target, self.scale) * 255).round().clamp(0, 255) / 255
        altered = amount != 0
        if altered.any():
            reference[altered] = unsharp(reference[altered], amount[altered], sigma[altered]).clamp(0, 1)
            changed = unsharp(target[altered], amount[altered], sigma[altered])
            target[altered] = project(changed, lr[altered], self.scale, bounds=(0, 1), rounds=2)
        present = torch.tensor([example.has_reference for example in examples], device=device)
        return Batch(target, lr, reference, present, vividness)

    def _example(self, rng: Generator, vividness: float) -> Example:
        config = self.config
        photo = self.photographs[int(rng.integers(len(self.photographs)))]
        factor = rng.uniform(config.smallest_scale, 1)
        target = self._detailed_crop(photo, config.patch * self.scale, factor, rng)
        has_reference = rng.random() >= config.dropped
        own = rng.random() < config.own_photo
        source = photo if own else self.references[int(rng.integers(len(self.references)))]
        zoom = factor if own else rng.uniform(config.smallest_scale, 1)
        reference = draw_crop(source, config.reference_size, zoom, rng)
        altered = own and has_reference and vividness > 0 and rng.random() < config.altered
        amount = rng.uniform(-1, 1.2) if altered else 0.0
        sigma = float(np.exp(rng.uniform(*np.log(SIGMAS))))
        return Example(target, reference, has_reference, amount, sigma, vividness)

    def _vividness(self, rng: Generator) -> float:
        return 1.0 if rng.random() < self.config.fully_vivid else float(rng.uniform(0.02, 1))

    def _detailed_crop(self, photo: NDArray[np.uint8], size: int, factor: float, rng: Generator) -> Crop:
        for _ in range(TRIES):
            crop = draw_crop(photo, size, factor, rng)
            if crop.contrast >= self.config.flat_std:
                break
        return crop


def unsharp(image: Tensor, amount: Tensor, sigma: Tensor) -> Tensor:
    """``x + a (x - blur(x))`` per image: a = -1 is the Gaussian blur itself, a > 0 sharpens.

    ``image (B, C, H, W)``, ``amount (B,)`` and ``sigma (B,)``, at most 4 pixels.
    """
    radius = min(round(3 * SIGMAS[1]), *(side - 1 for side in image.shape[-2:]))
    return image + amount[:, None, None, None] * (image - gaussian_blur(image, sigma, radius))
