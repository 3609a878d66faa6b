"""Training examples: photographs in memory, crops chosen by detail, references as the recipe says.

Example ``i`` of step ``n`` depends on the seed, ``n`` and the process's rank alone, so a resumed run
sees exactly what an uninterrupted one would have seen.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from napari_refvae.errors import InvalidInputError, TrainingError
from napari_refvae.imageio.files import IMAGE_SUFFIXES, read_image
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.resampling import downsample, project

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

    from napari_refvae.training.config import DataConfig

__all__ = ["Batch", "ExampleSource", "load_photographs"]

log = logging.getLogger(__name__)

TRIES = 8


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

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(*(tensor.to(device) for tensor in self))


def load_photographs(folder: Path, *, smallest: int) -> list[NDArray[np.uint8]]:
    """Decode every image below ``folder`` once, as ``(H, W, 3)`` uint8.

    A file that cannot be decoded, or whose short side is under ``smallest`` pixels, is skipped and
    named in the log.

    Raises
    ------
    TrainingError
        If nothing usable is left.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    with ThreadPoolExecutor() as pool:
        images = [image for image in pool.map(lambda path: _decode(path, smallest), paths) if image is not None]
    if not images:
        raise TrainingError(
            f"expected images with a short side of at least {smallest} pixels below {folder}; found none"
        )
    return images


def _decode(path: Path, smallest: int) -> NDArray[np.uint8] | None:
    try:
        stored = read_image(path)
        plain = stored.dtype == np.uint8 and stored.shape[2:] == (3,)
        pixels = stored if plain else np.rint(as_reference(stored) * 255).astype(np.uint8)
    except InvalidInputError as error:
        log.warning("skipped %s: %s", path, error)
        return None
    if min(pixels.shape[:2]) < smallest:
        log.warning("skipped %s: %d x %d is too small", path, *pixels.shape[:2])
        return None
    return pixels


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
        self.references = references or photographs
        self.config = config
        self.scale = scale
        self.seed = seed

    def batch(self, step: int, rank: int = 0) -> Batch:
        """The examples of one step, on the CPU."""
        rng = np.random.default_rng([self.seed, step, rank])
        levels = [0.0] * self.config.faithful + [self._vividness(rng) for _ in range(self.config.vivid)]
        examples = [self._example(rng, vividness) for vividness in levels]
        hr, reference, has_reference, amount, sigma = (list(column) for column in zip(*examples, strict=True))
        target, ref = _to_tensor(hr), _to_tensor(reference)
        strength = torch.tensor(amount, dtype=torch.float32)
        radius = torch.tensor(sigma, dtype=torch.float32)
        lr = (downsample(target, self.scale) * 255).round().clamp(0, 255) / 255
        altered = strength != 0
        if altered.any():
            ref[altered] = unsharp(ref[altered], strength[altered], radius[altered]).clamp(0, 1)
            sharpened = unsharp(target[altered], strength[altered], radius[altered])
            target[altered] = project(sharpened, lr[altered], self.scale, bounds=(0, 1), rounds=2)
        return Batch(target, lr, ref, torch.tensor(has_reference), torch.tensor(levels, dtype=torch.float32))

    def _example(
        self, rng: Generator, vividness: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], bool, float, float]:
        config = self.config
        photo = self.photographs[int(rng.integers(len(self.photographs)))]
        size = config.patch * self.scale
        factor = rng.uniform(config.smallest_scale, 1)
        hr = self._detailed_crop(photo, size, factor, rng)
        kind = rng.random()
        has_reference = kind >= config.dropped
        own = rng.random() < config.own_photo
        source = photo if own else self.references[int(rng.integers(len(self.references)))]
        reference = _crop(source, config.reference_size, factor if own else rng.uniform(config.smallest_scale, 1), rng)
        altered = own and has_reference and vividness > 0 and rng.random() < config.altered
        amount = rng.uniform(-1, 1.2) if altered else 0.0
        sigma = float(np.exp(rng.uniform(np.log(0.8), np.log(4))))
        return hr, reference, has_reference, amount, sigma

    def _vividness(self, rng: Generator) -> float:
        return 1.0 if rng.random() < self.config.fully_vivid else float(rng.uniform(0.02, 1))

    def _detailed_crop(self, photo: NDArray[np.uint8], size: int, factor: float, rng: Generator) -> NDArray[np.uint8]:
        for _ in range(TRIES):
            crop = _crop(photo, size, factor, rng)
            if crop[::4, ::4].mean(axis=2).std() >= self.config.flat_std:
                break
        return crop


def unsharp(image: Tensor, amount: Tensor, sigma: Tensor) -> Tensor:
    """``x + a (x - blur(x))`` per image: a = -1 is the Gaussian blur itself, a > 0 sharpens."""
    blurred = torch.stack([_gaussian_blur(x, float(s)) for x, s in zip(image, sigma, strict=True)])
    return image + amount[:, None, None, None] * (image - blurred)


def _gaussian_blur(image: Tensor, sigma: float) -> Tensor:
    radius = int(3 * sigma + 0.5)
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, dtype=image.dtype) / sigma) ** 2)
    taps = taps / taps.sum()
    padded = F.pad(image[None], (radius,) * 4, mode="reflect")[0]
    rows = F.conv2d(padded[:, None], taps[None, None, :, None])
    return F.conv2d(rows, taps[None, None, None, :])[:, 0]


def _crop(photo: NDArray[np.uint8], size: int, factor: float, rng: Generator) -> NDArray[np.uint8]:
    """A random square of ``size`` pixels of the photograph reduced by ``factor``, flipped and turned."""
    height, width = photo.shape[:2]
    source = min(round(size / factor), height, width)
    y, x = rng.integers(height - source + 1), rng.integers(width - source + 1)
    crop = photo[y : y + source, x : x + source]
    if source != size:
        crop = np.asarray(Image.fromarray(crop).resize((size, size), Image.Resampling.BICUBIC))
    crop = np.rot90(crop, int(rng.integers(4)))
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def _to_tensor(images: Sequence[NDArray[np.uint8]]) -> Tensor:
    stacked = np.stack([np.ascontiguousarray(image) for image in images])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).to(torch.float32) / 255
