from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Image

from napari_refvae.errors import InvalidInputError
from napari_refvae.spec import Region
from napari_refvae.widget.results.geometry import Geometry

finite = st.floats(-50, 50)
positive = st.floats(0.1, 10)

CORNERS = ([-0.5, -0.5], [4.5, -0.5], [-0.5, 6.5], [4.5, 6.5], [1.25, 3.0])


def world(layer: Image, position: Any) -> np.ndarray[Any, Any]:
    return np.array(layer.data_to_world(position))[-2:]


def refined(geometry: Geometry, size: tuple[int, int], factor: int) -> Image:
    return Image(np.zeros((size[0] * factor, size[1] * factor)), **geometry.refined(factor).as_keywords())


@settings(max_examples=40, deadline=None)
@given(
    scale=st.tuples(positive, positive),
    translate=st.tuples(finite, finite),
    rotate=st.floats(-180, 180),
    shear=st.floats(-2, 2),
    affine=st.tuples(positive, finite, positive),
    factor=st.sampled_from([2, 4, 8]),
    corner=st.tuples(st.integers(0, 3), st.integers(0, 5)),
)
def test_every_point_of_an_image_or_region_stays_where_it_is_in_the_world(
    scale: tuple[float, float],
    translate: tuple[float, float],
    rotate: float,
    shear: float,
    affine: tuple[float, float, float],
    factor: int,
    corner: tuple[int, int],
) -> None:
    extra = np.array([[affine[0], 0.3, affine[1]], [-0.2, affine[2], 1.0], [0, 0, 1]])
    lr = Image(np.zeros((9, 13)), scale=scale, translate=translate, rotate=rotate, shear=[shear], affine=extra)
    region = Region(*corner, 5, 7)
    for geometry, start in ((Geometry.of(lr), (0, 0)), (Geometry.of(lr).cropped(region), corner)):
        hr = refined(geometry, (5, 7), factor)
        for point in np.array(CORNERS):
            fine = (point + 0.5) * factor - 0.5
            np.testing.assert_allclose(world(hr, fine), world(lr, point + start), rtol=1e-9, atol=1e-7)


def test_a_stack_gives_the_geometry_of_its_last_two_axes() -> None:
    stack = Image(
        np.zeros((3, 4, 5, 7)),
        scale=(9, 3, 2, 0.5),
        translate=(1, 2, 3, 4),
        units=("s", "um", "um", "um"),
        axis_labels=("t", "z", "y", "x"),
    )
    geometry = Geometry.of(stack)
    hr = refined(geometry, (5, 7), 8)
    for point in np.array(CORNERS):
        np.testing.assert_allclose(world(hr, (point + 0.5) * 8 - 0.5), world(stack, [2, 1, *point]))
    assert hr.axis_labels == ("y", "x")
    assert hr.units == stack.units[-2:]


def test_a_stack_turned_in_its_planes_keeps_its_turn() -> None:
    turn = np.eye(3)
    turn[1:, 1:] = [[0, -1], [1, 0]]
    stack = Image(np.zeros((3, 5, 7)), rotate=turn, shear=[0, 0, 0.5], scale=(4, 2, 3))
    hr = refined(Geometry.of(stack), (5, 7), 2)
    for point in np.array(CORNERS):
        np.testing.assert_allclose(world(hr, (point + 0.5) * 2 - 0.5), world(stack, [1, *point]), atol=1e-9)


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")  # napari's own
def test_a_stack_turned_out_of_its_planes_is_refused() -> None:
    stack = Image(np.zeros((3, 5, 7)), rotate=(20, 30, 40), name="tilted")
    with pytest.raises(InvalidInputError, match="'tilted', which is rotated"):
        Geometry.of(stack)
