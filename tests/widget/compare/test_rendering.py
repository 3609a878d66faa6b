"""Pictures drawn onto grids: the same pixels, whatever the transform, in the colours that napari shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from comparing import add_run
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image

from napari_refvae.widget.compare.pictures import Picture, pictures_of
from napari_refvae.widget.compare.rendering import Window, averaged, rendered
from napari_refvae.widget.results.geometry import Geometry
from napari_refvae.widget.results.layers import is_result

NOISE = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)


def picture(pixels: np.ndarray[Any, Any], **layer: Any) -> Picture:
    shown = Image(pixels, rgb=pixels.ndim == 3, **layer)
    return Picture("sample 0", "#1", "run", pixels, Geometry.of(shown), shown, shown)


def test_the_grid_of_the_pixels_gives_the_pixels():
    shown = picture(NOISE, scale=(0.5, 0.5), translate=(3, 7))
    (top, left), _ = shown.extent
    image = rendered(shown, Window(top, left, 0.5, 12, 16))
    np.testing.assert_array_equal(image[..., :3], NOISE)
    assert (image[..., 3] == 255).all()


@settings(deadline=None, max_examples=30)
@given(
    angle=st.floats(-180, 180),
    scale=st.floats(0.1, 10),
    shear=st.floats(-0.5, 0.5),
    y=st.integers(0, 11),
    x=st.integers(0, 15),
)
def test_a_pixel_is_found_where_napari_puts_it(angle: float, scale: float, shear: float, y: int, x: int) -> None:
    shown = picture(NOISE, scale=(scale, 1.5), rotate=angle, shear=[shear], translate=(2, 3))
    centre = shown.layer.data_to_world((y, x))
    image = rendered(shown, Window(centre[0] - 5e-7, centre[1] - 5e-7, 1e-6, 1, 1))
    np.testing.assert_array_equal(image[0, 0, :3], NOISE[y, x])


def test_beyond_the_edge_it_is_transparent():
    shown = picture(NOISE, rotate=30)
    (top, left), (bottom, right) = shown.extent
    image = rendered(shown, Window(top - 2, left - 2, 0.25, int(4 * (bottom - top + 4)), int(4 * (right - left + 4))))
    covered = (image[..., 3] > 0).sum() * 0.25**2
    assert covered == pytest.approx(NOISE[..., 0].size, rel=0.02)


def test_small_views_are_averages():
    board = (255 * (np.indices((16, 16)).sum(axis=0) % 2)).astype(np.uint8)[..., None].repeat(3, axis=2)
    shown = picture(board)
    small = averaged(shown, Window(-0.5, -0.5, 2, 8, 8))
    assert np.abs(small[..., :3].astype(int) - 128).max() <= 1


def test_a_run_offers_input_truth_faithful_and_samples_over_the_same_field():
    viewer = ViewerModel()
    truth = np.zeros((48, 64, 3), np.uint8)
    _, run = add_run(viewer, truth=truth, scale=(2, 2), rotate=20, translate=(1, 5))
    found = pictures_of(run)
    assert [one.key for one in found] == ["input", "truth", "faithful", "sample 0", "sample 1", "sample 2"]
    for one in found:
        np.testing.assert_allclose(one.extent, found[0].extent)


def test_a_temporary_layer_is_no_input_for_a_run():
    _, run = add_run(ViewerModel())
    layer = pictures_of(run)[0].temporary_layer()
    assert is_result(layer)
    np.testing.assert_array_equal(layer.data, run.origin.lr)
