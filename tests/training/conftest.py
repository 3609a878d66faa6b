"""A tiny network under the name of the bundled one, and a tiny feature network: mechanisms are tested, not pictures."""

import pytest
import torch
from safetensors.torch import save_file

from napari_refvae.model.config import PRESETS, CompactConfig
from napari_refvae.model.features import DISTILLED_LAYERS


@pytest.fixture(autouse=True)
def tiny_preset(monkeypatch):
    config = CompactConfig(
        width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(8, 8, 8), code=4, noise=2, reference_widths=(8, 8)
    )
    monkeypatch.setitem(PRESETS, "compact", config)
    return config


@pytest.fixture(scope="session")
def feature_weights(tmp_path_factory):
    """Random weights in the layout of the distilled VGG."""
    generator = torch.Generator().manual_seed(0)
    state, width = {"conv0.weight": torch.eye(3)[:, :, None, None].clone(), "conv0.bias": torch.zeros(3)}, 3
    for layer in (name for name in DISTILLED_LAYERS if name != "pool"):
        state[f"{layer}.weight"] = 0.3 * torch.randn(8, width, 3, 3, generator=generator)
        state[f"{layer}.bias"] = torch.zeros(8)
        width = 8
    path = tmp_path_factory.mktemp("features") / "distilled.safetensors"
    save_file(state, path)
    return path
