"""The code of a run makes the same pixels again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.components import ViewerModel
from PIL import Image as Picture

from napari_refvae import TileSpec, upscale_layer
from napari_refvae.errors import InvalidInputError
from napari_refvae.widget.maps import MapSpec
from napari_refvae.widget.runs import Runs
from napari_refvae.widget.snippet import python_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
TEXTURE = np.random.default_rng(1).integers(0, 4096, (40, 30), np.uint16)


@pytest.fixture
def viewer() -> ViewerModel:
    model = ViewerModel()
    model.add_image(PHOTOGRAPH, rgb=True, name="photo", scale=(2, 2), translate=(5, 7), units=("um", "um"))
    model.add_image(TEXTURE, name="bark", contrast_limits=(100, 3000), units=("um", "um"))
    return model


@pytest.fixture
def run_layer(viewer: ViewerModel, tiny_model: Path) -> Callable[..., list[Any]]:
    """`upscale_layer` with the tiny network."""

    def run(layer: Any = "photo", references: Any = (), **settings: Any) -> list[Any]:
        return upscale_layer(viewer, layer, references, model=tiny_model, **settings)

    return run


def replayed(viewer: ViewerModel) -> list[np.ndarray]:
    """Samples of the last run, made by the code of its snippet, whose own layers go again."""
    runs = Runs.of_viewer(viewer)
    told = runs.latest()
    assert told is not None
    scope: dict[str, Any] = {"viewer": viewer}
    exec(python_of(told), scope)
    made = runs.latest()
    assert made is not None
    assert made.id != told.id
    assert [layer.name.replace(" [1]", "") for layer in made.layers] == [layer.name for layer in told.layers]
    runs.remove(made)
    return [layer.data for layer in scope["layers"]]


def test_it_makes_the_same_pixels_again(
    viewer: ViewerModel, run_layer: Callable[..., list[Any]], tmp_path: Path
) -> None:
    Picture.fromarray(PHOTOGRAPH).save(tmp_path / "file.png")
    settings = {"samples": 2, "seed": 5, "temperature": 0.7, "strength": 0.6, "vividness": 0.9}
    layers = run_layer("photo", ["bark", tmp_path / "file.png", "none"], **settings, tile=TileSpec(6, 4))
    np.testing.assert_array_equal(replayed(viewer), [layer.data for layer in layers])


def test_it_knows_plane_region_scale_range_and_maps(viewer: ViewerModel, run_layer: Callable[..., list[Any]]) -> None:
    stack = np.random.default_rng(2).integers(0, 4000, (3, 12, 10), np.uint16)
    layer = viewer.add_image(stack, name="it's a stack", contrast_limits=(200, 3000), units=("um",) * 3)
    maps = MapSpec("mean", 3.0, False)
    layers = run_layer(layer, "self", plane=[2], region=(1, 2, 6, 5), scale=4, maps=maps, consistency=None)
    layer.contrast_limits = (0, 4000)
    viewer.dims.set_current_step(0, 0)
    np.testing.assert_array_equal(replayed(viewer), [sample.data for sample in layers])


def test_it_says_what_it_takes_for_granted(
    viewer: ViewerModel, run_layer: Callable[..., list[Any]], tiny_model: Path
) -> None:
    run_layer("photo", ["bark", "self"], samples=1)
    run = Runs.of_viewer(viewer).latest()
    assert run is not None
    assert run.result is not None
    code = python_of(run)
    assert "as they were: 'photo', 'bark'." in code
    assert f"Model {tiny_model}, sha256 {run.result.provenance['model']['sha256'][:12]}" in code


def test_a_run_under_way_has_none_yet(viewer: ViewerModel, run_layer: Callable[..., list[Any]]) -> None:
    run_layer(samples=1)
    run = Runs.of_viewer(viewer).latest()
    assert run is not None
    run.result = None
    with pytest.raises(InvalidInputError, match="still under way"):
        python_of(run)
