"""A run in small pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from skimage import data

from napari_refvae.imageio.arrays import describe_array
from napari_refvae.imageio.files import open_source
from napari_refvae.planning import RunSettings
from napari_refvae.spec import SampleSpec
from napari_refvae.stacks import noise, streaming
from napari_refvae.stacks.planning import plan_stack
from napari_refvae.stacks.saving import save_stack

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
    def make(count: int = 1, seed: int = 3, vividness: float = 1.0, **others: Any) -> RunSettings:
        spec = SampleSpec(count, seed, vividness=vividness)
        return RunSettings(samples=spec, model=tiny_model, **{"device": "cpu", "precision": "float32"} | others)

    return make


@pytest.fixture
def stream(settings: Callable[..., RunSettings], tmp_path: Path) -> Callable[..., list[NDArray[Any]]]:
    """Stream an image; the pixels of what is made."""

    def run(
        image: Any,
        references: Any = (),
        folder: str = "out",
        resume: bool = False,
        on_progress: Any = None,
        axes: str | None = None,
        latent: Any = "same",
        **others: Any,
    ) -> list[NDArray[Any]]:
        source = describe_array(image, axes) if isinstance(image, np.ndarray) else image
        plan = plan_stack(source, references, settings(**others), latent=latent)
        made, _ = save_stack(plan, tmp_path / folder, "a", ".zarr", resume=resume, on_progress=on_progress)
        return [np.stack([plane for _, plane in open_source(path).planes()]) for path, *_ in made]

    return run
