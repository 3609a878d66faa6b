from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image, Shapes

from napari_refvae.errors import InvalidInputError
from napari_refvae.regions import Region
from napari_refvae.widget.form.parts import add_rectangle_layer, rectangle_region, view_region


def rectangle(low: tuple[float, float], high: tuple[float, float]) -> np.ndarray[Any, Any]:
    (top, left), (bottom, right) = low, high
    return np.array([[top, left], [top, right], [bottom, right], [bottom, left]])


def image(**placed: Any) -> Image:
    return Image(np.zeros((12, 10), np.uint8), name="photo", **placed)


class TestRectangle:
    @settings(max_examples=30, deadline=None)
    @given(
        corner=st.tuples(st.integers(0, 8), st.integers(0, 6)),
        size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
        scale=st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)),
        shift=st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
    )
    def test_pixels_under_a_rectangle_of_the_world_are_found(
        self, corner: tuple[int, int], size: tuple[int, int], scale: tuple[float, float], shift: tuple[float, float]
    ) -> None:
        layer = image(scale=scale, translate=shift)
        edges = np.array([corner, np.add(corner, size)]) - 0.5
        low, high = (layer.data_to_world(edge) for edge in edges)
        assert rectangle_region(Shapes([rectangle(low, high)]), layer) == Region(*corner, *size)

    def test_edges_go_to_the_nearest_pixel_edge(self) -> None:
        assert rectangle_region(Shapes([rectangle((1.8, 2.2), (6.9, 8.4))]), image()) == Region(2, 3, 5, 6)

    def test_what_sticks_out_is_cut_and_a_dot_is_a_pixel(self) -> None:
        assert rectangle_region(Shapes([rectangle((-9, -9), (2.5, 3.5))]), image()) == Region(0, 0, 3, 4)
        assert rectangle_region(Shapes([rectangle((4.9, 5.1), (5.0, 5.2))]), image()) == Region(5, 5, 1, 1)

    def test_the_selected_one_counts_or_the_last(self) -> None:
        shapes = Shapes([rectangle((-0.5, -0.5), (1.5, 1.5)), rectangle((3.5, 3.5), (6.5, 6.5))])
        shapes.selected_data = set()
        assert rectangle_region(shapes, image()) == Region(4, 4, 3, 3)
        shapes.selected_data = {0}
        assert rectangle_region(shapes, image()) == Region(0, 0, 2, 2)

    def test_it_lies_on_the_last_two_axes_of_a_stack(self) -> None:
        stack = Image(np.zeros((3, 12, 10)), scale=(9, 2, 2))
        flat = Shapes([rectangle((3, 5), (9, 13))])
        deep = Shapes([np.insert(rectangle((3, 5), (9, 13)), 0, 9, axis=1)])
        assert rectangle_region(flat, stack) == rectangle_region(deep, stack) == Region(2, 3, 3, 4)

    def test_none_and_one_beside_the_image_are_refused(self) -> None:
        with pytest.raises(InvalidInputError, match="draw one on the image"):
            rectangle_region(Shapes(name="empty"), image())
        with pytest.raises(InvalidInputError, match="beside it"):
            rectangle_region(Shapes([rectangle((50, 50), (60, 60))]), image())

    def test_the_layer_to_draw_on_has_the_grid_of_the_image(self) -> None:
        viewer = ViewerModel()
        layer = viewer.add_image(np.zeros((12, 10)), scale=(2, 3), translate=(5, 7), rotate=20, units=("um", "um"))
        shapes = add_rectangle_layer(viewer, layer)
        shapes.add_rectangles(rectangle((1.5, 2.5), (6.5, 8.5)))
        assert rectangle_region(shapes, layer) == Region(2, 3, 5, 6)
        assert shapes.units == layer.units


class TestView:
    def test_it_is_what_the_canvas_shows(self) -> None:
        layer = image()
        layer.corner_pixels = np.array([[2, 3], [5, 9]])
        assert view_region(layer) == Region(2, 3, 4, 7)

    def test_of_a_pyramid_it_counts_in_full_resolution(self) -> None:
        layer = Image([np.zeros((64, 64)), np.zeros((32, 32))], multiscale=True)
        layer._data_level = 1
        layer.corner_pixels = np.array([[2, 4], [9, 11]])
        assert view_region(layer) == Region(4, 8, 15, 15)
