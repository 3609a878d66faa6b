from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.components import ViewerModel
from skimage import data

from napari_refvae.metrics import low_resolution, modulo_crop
from napari_refvae.widget import sample_data

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = {"photograph": data.chelsea, "micrograph": lambda: data.immunohistochemistry()[:, : sample_data.SPLIT]}


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch) -> ViewerModel:
    """The current viewer, as the sample data see it."""
    model = ViewerModel()
    monkeypatch.setattr(sample_data.napari, "current_viewer", lambda: model)
    return model


def show(viewer: ViewerModel, sample: Callable[[], list[Any]]) -> list[Any]:
    """Open a sample as napari does."""
    return [viewer._add_layer_from_data(*layer)[0] for layer in sample()]


def edges(layers: list[Any]) -> np.ndarray:
    """``(low, high)`` of the layers in the world, from outer edge to outer edge."""
    world = np.array([layer.extent.world + np.outer([-1, 1], layer.scale / 2) for layer in layers])
    return np.array([world[:, 0].min(axis=0), world[:, 1].max(axis=0)])


@pytest.mark.parametrize("name", SMALL)
def test_small_images_are_down_sampled_as_the_models_assume(name: str) -> None:
    lr, keywords, kind = getattr(sample_data, name)()[-1]
    expected = low_resolution(modulo_crop(SMALL[name]()))
    assert kind == "image"
    assert keywords["rgb"]
    assert lr.dtype == np.uint8
    assert lr.shape == expected.shape
    assert np.abs(lr.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("name", ["brick", "grass", "gravel"])
def test_textures_are_grey_references(name: str) -> None:
    [(image, keywords, kind)] = getattr(sample_data, name)()
    assert (kind, image.shape, image.dtype, keywords["name"]) == ("image", (512, 512), np.uint8, name)


@pytest.mark.parametrize(
    ("first", "second"), [("photograph", "brick"), ("brick", "photograph"), ("photograph", "micrograph")]
)
def test_a_second_sample_lies_beside_the_first_and_both_are_in_view(
    viewer: ViewerModel, first: str, second: str
) -> None:
    low, high = edges(show(viewer, getattr(sample_data, first)))
    added = edges(show(viewer, getattr(sample_data, second)))
    np.testing.assert_allclose(added[:, 0], [low[0], high[0]], atol=1e-6)
    assert high[1] < added[0, 1] < high[1] + 0.1 * (high[0] - low[0])
    everything = edges(list(viewer.layers))
    centre = np.array(viewer.scene.camera.center[-2:])
    shown = np.array(viewer.canvas.size) / viewer.scene.camera.zoom
    assert (centre - shown / 2 <= everything[0]).all()
    assert (centre + shown / 2 >= everything[1]).all()


def test_the_first_of_several_views_is_the_last_that_is_changed(viewer: ViewerModel) -> None:
    """Once a sample is open, layers of anybody leave the view alone."""
    show(viewer, sample_data.photograph)
    show(viewer, sample_data.brick)
    viewer.scene.camera.zoom = 123
    viewer.add_image(np.zeros((900, 900)))
    assert viewer.scene.camera.zoom == 123


def test_the_original_lies_over_the_photograph_wherever_that_is(viewer: ViewerModel) -> None:
    show(viewer, sample_data.grass)
    cat = show(viewer, sample_data.photograph)
    original = show(viewer, sample_data.original)
    np.testing.assert_allclose(edges(original), edges(cat), atol=1e-9)


def test_the_micrographs_two_fields_meet(viewer: ViewerModel) -> None:
    viewer.add_image(np.zeros((100, 80)), scale=(0.3, 0.3), translate=(5, -7), units=("um", "um"))
    beside, tissue = show(viewer, sample_data.micrograph)
    np.testing.assert_allclose(edges([tissue])[1, 1], edges([beside])[0, 1])
    np.testing.assert_allclose(edges([tissue])[:, 0], edges([beside])[:, 0])
    assert tissue.units == viewer.layers[0].units
