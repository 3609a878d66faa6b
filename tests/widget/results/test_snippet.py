"""The code of a run makes the same pixels again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as Picture
from sample_pictures import PHOTOGRAPH

from napari_refvae import TileSpec
from napari_refvae.errors import InvalidInputError
from napari_refvae.widget.results.maps import MapSpec
from napari_refvae.widget.results.runs import Runs
from napari_refvae.widget.results.snippet import python_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.components import ViewerModel


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
    assert [layer.name.replace(" run 2", "") for layer in made.layers] == [layer.name for layer in told.layers]
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
    assert "stack" not in code
    assert f"Model {tiny_model}, sha256 {run.result.provenance['model']['sha256'][:12]}" in code


def test_an_average_over_symmetries_is_named(viewer: ViewerModel, run_layer: Callable[..., list[Any]]) -> None:
    layers = run_layer("photo", "bark", samples=1, self_ensemble=True)
    run = Runs.of_viewer(viewer).latest()
    assert run is not None
    assert "self_ensemble=True" in python_of(run)
    np.testing.assert_array_equal(replayed(viewer), [layer.data for layer in layers])


def test_another_plane_of_a_reference_is_not_taken_silently(
    viewer: ViewerModel, run_layer: Callable[..., list[Any]]
) -> None:
    textures = np.random.default_rng(3).integers(0, 4096, (3, 20, 20), np.uint16)
    viewer.add_image(textures, name="textures", contrast_limits=(0, 4095), units=("um",) * 3)
    viewer.dims.set_current_step(0, 2)
    layers = run_layer("photo", ["textures", "none"], samples=1)
    run = Runs.of_viewer(viewer).latest()
    assert run is not None
    code = python_of(run)
    assert "# Of the stack 'textures' the plane (2,) is on show" in code
    np.testing.assert_array_equal(replayed(viewer), [layer.data for layer in layers])
    viewer.dims.set_current_step(0, 1)
    with pytest.raises(ValueError, match="shown plane"):
        exec(code, {"viewer": viewer})


def test_a_ground_truth_is_named_and_residuals_against_it_come_again(
    viewer: ViewerModel, run_layer: Callable[..., list[Any]]
) -> None:
    viewer.add_image(PHOTOGRAPH.repeat(8, 0).repeat(8, 1), name="the original", units=("um", "um"))
    layers = run_layer("photo", truth="the original", maps=MapSpec("truth"), samples=1)
    told = Runs.of_viewer(viewer).latest()
    assert told is not None
    assert "as they were: 'photo', 'the original'." in python_of(told)
    np.testing.assert_array_equal(replayed(viewer), [layers[0].data])


def test_matching_is_named(viewer: ViewerModel, run_layer: Callable[..., list[Any]]) -> None:
    layers = run_layer("photo", "bark", samples=1, matching=True)
    told = Runs.of_viewer(viewer).latest()
    assert told is not None
    assert "matching=True" in python_of(told)
    np.testing.assert_array_equal(replayed(viewer), [layer.data for layer in layers])


def test_a_run_under_way_has_none_yet(viewer: ViewerModel, run_layer: Callable[..., list[Any]]) -> None:
    run_layer(samples=1)
    run = Runs.of_viewer(viewer).latest()
    assert run is not None
    run.result = None
    with pytest.raises(InvalidInputError, match="still under way"):
        python_of(run)
