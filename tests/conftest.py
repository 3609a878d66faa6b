"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from napari_refvae.loading import LoadedModel

# Before napari is imported: tests neither read nor change anybody's settings.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp(prefix="napari-refvae-tests-")) / "settings.yaml")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the compact family, far too small to be good: fast, and its samples depend on latents."""
    import torch

    from napari_refvae.model.checkpoint import build_model, save_checkpoint
    from napari_refvae.model.config import CompactConfig

    config = CompactConfig(
        width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(8, 8, 8), code=4, noise=2, reference_widths=(4, 8)
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model(config)
        state = model.state_dict()
        state["last.weight"] = 0.05 * torch.randn_like(state["last.weight"])
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    save_checkpoint(path, state, preset="compact", config=config, training={"summary": "random weights, for tests"})
    return path


@pytest.fixture(scope="session")
def fourfold_model(tiny_model: Path) -> LoadedModel:
    """A model that upscales 4x."""
    import torch

    from napari_refvae.loading import LoadedModel, load_model
    from napari_refvae.model.checkpoint import build_model
    from napari_refvae.model.config import CompactConfig

    config = CompactConfig(
        width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(8, 8), code=4, noise=2, reference_widths=(4, 8)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_model(config).eval()
    return LoadedModel(network, load_model(tiny_model).info, "fourfold")


@pytest.fixture(scope="session")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in torchvision's layout, thin: the arithmetic is tested, not the perception."""
    import torch
    from safetensors.torch import save_file

    from napari_refvae.model.features import VGG19_LAYERS

    generator, state, width = torch.Generator().manual_seed(0), {}, 3
    for layer in (name for name in VGG19_LAYERS if name != "pool"):
        state[f"features.{layer}.weight"] = 0.3 * torch.randn(8, width, 3, 3, generator=generator)
        state[f"features.{layer}.bias"] = torch.zeros(8)
        width = 8
    path = tmp_path_factory.mktemp("vgg") / "vgg.safetensors"
    save_file(state, path)
    return path


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """A disk that is full after so many bytes of a file, as far as this process can tell; not on Windows."""
    import resource

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited
