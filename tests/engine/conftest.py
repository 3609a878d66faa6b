"""A small network and what runs it."""

from __future__ import annotations

import pytest
import torch

from napari_refvae.engine.upscaler import Upscaler
from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import CompactConfig

SMALL = CompactConfig(width=16, trunk_blocks=1, decoder_blocks=2, tail_widths=(16, 8, 8), code=8, noise=4)


@pytest.fixture(scope="session")
def network():
    """Random weights, as strong as it takes for samples to differ."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model(SMALL)
        torch.nn.init.normal_(model.last.weight, std=0.05)
        for block in model.blocks:
            torch.nn.init.normal_(block.modulation.weight, std=0.3)
    return model


@pytest.fixture(scope="session")
def upscaler(network):
    """The network on the CPU in float32."""
    return Upscaler(network, device="cpu", precision="float32")
