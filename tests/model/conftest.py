"""What the tests of the networks share: laws that every network keeps, and files as the paper's authors made them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import torch
from torch.nn import functional

from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import CompactConfig, PaperConfig

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from napari_refvae.model.doors import ReferenceVAE

BLOCK = {"conv1": (512, 512, 3, 3), "conv2": (512, 512, 3, 3)}
CONV_VAE = {
    "init_feat.0": (64, 512, 1, 1),
    "init_feat.1": (64,),
    "init_feat.3": (64, 64, 3, 3),
    "init_feat.4": (64,),
    "VAE_encoder.0": (512, 16384),
    "VAE_decoder.0": (16384, 256),
    "dec_feat.0": (512, 64, 1, 1),
    **{f"dec_feat.1.{name}": shape for name, shape in BLOCK.items()},
    "mask.0": (512, 512, 1, 1),
    **{f"mask.{index}.{name}": shape for index in (1, 2, 3) for name, shape in BLOCK.items()},
    "mask.4": (1024, 512, 1, 1),
    "decoder.1": (256, 512, 3, 3),
    "decoder.4": (128, 256, 3, 3),
    "decoder.7": (64, 128, 3, 3),
    "decoder.9": (64, 64, 1, 1),
    "decoder.11": (3, 64, 3, 3),
    "bn": (256,),
}
VGG_WIDTHS = (3, 3, 64, 64, 128, 128, 256, 256, 256, 256, 512)
VGG_R41 = {
    f"conv{index}": (width_out, width_in, *((1, 1) if index == 1 else (3, 3)))
    for index, (width_in, width_out) in enumerate(pairwise(VGG_WIDTHS), start=1)
}


class Authors:
    """Random weights in the layout of the authors' two files, and the function that they stand for.

    It is written from the description of the paper's code, layer by layer, and shares nothing with ours.
    """

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        self.conv_vae = _random_layers(CONV_VAE, generator)
        self.vgg = _random_layers(VGG_R41, generator)

    def features(self, image: Tensor) -> Tensor:
        x = self._conv(self.vgg, image, "conv1")
        for index in range(2, 11):
            if index in (4, 6, 10):
                x = functional.max_pool2d(x, 2, 2)
            x = functional.pad(x, (1, 1, 1, 1), mode="reflect")
            x = functional.relu(self._conv(self.vgg, x, f"conv{index}"))
        return x

    def posterior(self, reference: Tensor) -> tuple[Tensor, Tensor]:
        x = self.features(reference)
        for conv, norm, padding in (("init_feat.0", "init_feat.1", 0), ("init_feat.3", "init_feat.4", 1)):
            x = self._conv(self.conv_vae, x, conv, padding)
            part = {name: self.conv_vae[f"{norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")}
            x = functional.leaky_relu(functional.batch_norm(x, **part))
        x = functional.interpolate(x, size=[16, 16], mode="bilinear")
        mean, log_variance = self._linear(x.reshape(len(x), -1), "VAE_encoder.0").chunk(2, dim=1)
        return mean, log_variance

    def super_resolve(self, lr: Tensor, z: Tensor, scale: int) -> Tensor:
        bicubic = functional.interpolate(lr, scale_factor=scale, mode="bicubic")
        features = self.features(bicubic)
        x = self._linear(z, "VAE_decoder.0").reshape(-1, 64, 16, 16)
        x = functional.interpolate(x, size=features.shape[-2:], mode="bilinear")
        condition = self._block(self._conv(self.conv_vae, x, "dec_feat.0"), "dec_feat.1")
        x = self._conv(self.conv_vae, features, "mask.0")
        for index in (1, 2, 3):
            x = self._block(x, f"mask.{index}")
        shift, gain = self._conv(self.conv_vae, x, "mask.4").chunk(2, dim=1)
        x = condition * (1 + gain) + shift
        for index in (1, 4, 7):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear")
            x = functional.leaky_relu(self._conv(self.conv_vae, x, f"decoder.{index}", 1))
        x = functional.leaky_relu(self._conv(self.conv_vae, x, "decoder.9"))
        return self._conv(self.conv_vae, x, "decoder.11", 1) + bicubic

    def _block(self, x: Tensor, name: str) -> Tensor:
        inner = functional.leaky_relu(self._conv(self.conv_vae, x, f"{name}.conv1", 1))
        return functional.leaky_relu(self._conv(self.conv_vae, inner, f"{name}.conv2", 1) + x)

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self.conv_vae[f"{name}.weight"], self.conv_vae[f"{name}.bias"])

    @staticmethod
    def _conv(state: dict[str, Tensor], x: Tensor, name: str, padding: int = 0) -> Tensor:
        return functional.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=padding)


def _random_layers(shapes: dict[str, tuple[int, ...]], generator: torch.Generator) -> dict[str, Tensor]:
    state = {}
    for name, shape in shapes.items():
        if len(shape) == 1:
            state[f"{name}.weight"] = 0.5 + torch.rand(shape, generator=generator)
            state[f"{name}.running_mean"] = 0.1 * torch.randn(shape, generator=generator)
            state[f"{name}.running_var"] = 0.5 + torch.rand(shape, generator=generator)
            state[f"{name}.num_batches_tracked"] = torch.tensor(7)
        else:
            fan_in = math.prod(shape[1:])
            state[f"{name}.weight"] = torch.randn(shape, generator=generator) * math.sqrt(1.5 / fan_in)
        state[f"{name}.bias"] = 0.1 * torch.randn(shape[0], generator=generator)
    return state


@pytest.fixture(autouse=True)
def _same_numbers_each_time():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="session")
def authors() -> Authors:
    return Authors()


@pytest.fixture(scope="session")
def authors_files(authors, tmp_path_factory) -> tuple[Path, Path]:
    """``ConVAE.pth`` and ``vgg_r41.pth``, as PyTorch saves state dicts."""
    folder = tmp_path_factory.mktemp("authors")
    paths = folder / "ConVAE.pth", folder / "vgg_r41.pth"
    for path, state in zip(paths, (authors.conv_vae, authors.vgg), strict=True):
        torch.save(state, path)
    return paths


@pytest.fixture
def small_config() -> CompactConfig:
    return CompactConfig(
        width=8, trunk_blocks=2, decoder_blocks=1, tail_widths=(8, 8, 4), code=5, noise=2, reference_widths=(4, 6)
    )


@pytest.fixture(scope="session")
def paper_models() -> dict[int, ReferenceVAE]:
    """The paper's network for each scale, random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        models = {scale: build_model(PaperConfig(scale)).eval().requires_grad_(False) for scale in (8, 4)}
    return models


@pytest.fixture
def reach():
    """Measure how far one LR pixel's output looks along the last axis, left and right, by its gradient."""

    def measure(model: ReferenceVAE, width: int, column: int) -> tuple[int, int, int, int]:
        generator = torch.Generator().manual_seed(2)
        dtype = next(model.parameters()).dtype
        lr = torch.rand(1, 3, 2, width, generator=generator, dtype=dtype).requires_grad_()
        layout = model.layout
        code = torch.randn(1, layout.code, generator=generator, dtype=dtype)
        noise = torch.randn(1, layout.noise, 2, width, generator=generator, dtype=dtype)
        latent = model.lift(code, noise, torch.ones(1, dtype=dtype)).detach().requires_grad_()
        detail = model.decode(model.encode(lr), latent)
        seen = detail[..., column * model.scale : (column + 1) * model.scale]
        seen.square().sum().backward()
        sides = []
        for gradient in (lr.grad, latent.grad):
            columns = gradient.abs().sum(dim=(0, 1, 2)).nonzero().flatten()
            sides += [column - int(columns.min()), int(columns.max()) - column]
        return tuple(sides)

    return measure


@pytest.fixture
def tiled():
    """Detail made from strips along ``axis`` that are read with the halo, beginning where the model allows."""

    def run(model: ReferenceVAE, lr: Tensor, latent: Tensor, cuts: tuple[int, ...], axis: int) -> Tensor:
        length, strips = lr.shape[axis], []
        for start, stop in pairwise((0, *cuts, length)):
            first = max(0, start - model.halo) // model.alignment * model.alignment
            last = min(length, stop + model.halo)
            part = (x.narrow(axis, first, last - first) for x in (lr, latent))
            features, strip = (next(part), next(part))
            detail = model.decode(model.encode(features), strip)
            strips.append(detail.narrow(axis, model.scale * (start - first), model.scale * (stop - start)))
        return torch.cat(strips, dim=axis)

    return run
