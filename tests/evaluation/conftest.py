"""What the tests of evaluation share: a feature network and a model that are far too small to be good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from napari_refvae.api import LoadedModel, load_model
from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import CompactConfig
from napari_refvae.model.features import VGG19_LAYERS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in torchvision's layout, thin: the arithmetic is tested, not the perception."""
    generator, state, width = torch.Generator().manual_seed(0), {}, 3
    for layer in (name for name in VGG19_LAYERS if name != "pool"):
        state[f"features.{layer}.weight"] = 0.3 * torch.randn(8, width, 3, 3, generator=generator)
        state[f"features.{layer}.bias"] = torch.zeros(8)
        width = 8
    path = tmp_path_factory.mktemp("vgg") / "vgg.safetensors"
    save_file(state, path)
    return path


@pytest.fixture(scope="session")
def fourfold_model(tiny_model: Path) -> LoadedModel:
    """A model that upscales 4x."""
    config = CompactConfig(
        width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(8, 8), code=4, noise=2, reference_widths=(4, 8)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_model(config).eval()
    return LoadedModel(network, load_model(tiny_model).info, "fourfold")
