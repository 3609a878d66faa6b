"""A run in small pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from skimage import data

from napari_refvae.planning import RunSettings
from napari_refvae.spec import SampleSpec
from napari_refvae.stacks import noise, streaming

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

PIECE = 16


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 16 pixels, chunks of 128; and noise that lies on the disk."""
    monkeypatch.setattr(streaming, "PIECE", PIECE)
    monkeypatch.setattr(streaming, "CHUNK", 64)
    monkeypatch.setattr(noise, "IN_MEMORY", 100)
    monkeypatch.setattr(noise, "PART", 160)


@pytest.fixture
def image() -> NDArray[np.uint8]:
    return np.ascontiguousarray(data.astronaut()[100:255:5, 150:355:5])  # (31, 41, 3): six pieces


@pytest.fixture
def settings(tiny_model: Path) -> Callable[..., RunSettings]:
    def make(count: int = 1, seed: int = 3, vividness: float = 1.0, device: str = "cpu", **others: Any) -> RunSettings:
        spec = SampleSpec(count, seed, vividness=vividness)
        return RunSettings(samples=spec, model=tiny_model, device=device, precision="float32", **others)

    return make
