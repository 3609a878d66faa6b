from __future__ import annotations

from typing import Any

import dask.array
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
    """A canvas of 400 x 600 screen pixels, four of which are one unit of the world: 100 x 150 units."""

    @pytest.fixture
    def viewer(self) -> ViewerModel:
        made = ViewerModel()
        made.canvas.size = (400, 600)
        return made

    def look_at(self, viewer: ViewerModel, centre: tuple[float, float], zoom: float = 4.0) -> None:
        viewer.scene.camera.center, viewer.scene.camera.zoom = (0, *centre), zoom

    def test_it_is_what_the_canvas_shows_and_all_pixels_that_are_seen_in_part(self, viewer: ViewerModel) -> None:
        layer = viewer.add_image(np.zeros((500, 500), np.uint8))
        self.look_at(viewer, (250, 200))
        assert view_region(viewer, layer) == Region(200, 125, 101, 151)  # from the middle of pixels to that of others
        self.look_at(viewer, (249.5, 199.5))
        assert view_region(viewer, layer) == Region(200, 125, 100, 150)

    @settings(max_examples=30, deadline=None)
    @given(
        centre=st.tuples(st.floats(-40, 40), st.floats(-40, 40)),
        scale=st.floats(0.2, 5),
        angle=st.floats(0, 360),
        levels=st.integers(1, 3),
    )
    def test_what_is_seen_lies_in_it_and_nothing_could_be_left_out(
        self, centre: tuple[float, float], scale: float, angle: float, levels: int
    ) -> None:
        viewer = ViewerModel()
        viewer.canvas.size = (400, 600)
        data = [np.zeros((512 >> level, 512 >> level), np.uint8) for level in range(levels)]
        layer = viewer.add_image(
            data if levels > 1 else data[0], multiscale=levels > 1, scale=(scale, scale), rotate=angle
        )
        middle = np.array(layer.data_to_world((256, 256))) + np.array(centre) * scale
        self.look_at(viewer, tuple(middle), zoom=8 / scale)  # 50 x 75 pixels
        region = view_region(viewer, layer)
        half = np.array([25, 37.5]) * scale
        corners = [middle + half * sign for sign in ((-1, -1), (-1, 1), (1, -1), (1, 1))]
        seen = np.array([layer.world_to_data(corner) for corner in corners]) + 0.5
        low, high = seen.min(axis=0), seen.max(axis=0)
        start, stop = np.array([region.y, region.x]), np.array([region.y + region.height, region.x + region.width])
        assert (np.abs(start - low) <= 1 + 1e-5).all()
        assert (start <= low + 1e-5).all()
        assert (np.abs(stop - high) <= 1 + 1e-5).all()
        assert (stop >= high - 1e-5).all()

    def test_it_ends_with_the_image(self, viewer: ViewerModel) -> None:
        layer = viewer.add_image(np.zeros((60, 500), np.uint8))
        self.look_at(viewer, (0, 0))
        assert view_region(viewer, layer) == Region(0, 0, 51, 76)
        self.look_at(viewer, (200, 200))
        with pytest.raises(InvalidInputError, match="got a view beside it"):
            view_region(viewer, layer)

    def test_of_a_stack_it_is_a_part_of_the_plane(self, viewer: ViewerModel) -> None:
        layer = viewer.add_image(np.zeros((3, 500, 500), np.uint8), scale=(7, 2, 2))
        self.look_at(viewer, (249, 299))
        assert view_region(viewer, layer) == Region(100, 112, 50, 76)

    @pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1)])
    def test_other_axes_on_the_canvas_are_refused(self, viewer: ViewerModel, order: tuple[int, ...]) -> None:
        layer = viewer.add_image(np.zeros((3, 500, 500), np.uint8))
        viewer.dims.order = order
        with pytest.raises(InvalidInputError, match="for the part in view; got axes"):
            view_region(viewer, layer)

    def test_of_a_chunked_pyramid_on_a_real_canvas_it_is_no_more_than_is_seen(
        self, shared_viewer: Any, qtbot: Any
    ) -> None:
        """napari itself fetches whole chunks, and says so of its corners."""
        full = dask.array.zeros((4096, 4096), chunks=1024, dtype=np.uint8)
        layer = shared_viewer.add_image([full, full[::2, ::2], full[::4, ::4]], multiscale=True, contrast_limits=(0, 9))
        try:
            shared_viewer.scene.camera.zoom = 6
            shared_viewer.scene.camera.center = (0, 2000, 2100)
            qtbot.wait(50)
            region = view_region(shared_viewer, layer)
            height, width = np.array(shared_viewer.canvas.size) / 6
            assert (region.height, region.width) == pytest.approx((height, width), abs=2)
            assert (region.y + region.height / 2, region.x + region.width / 2) == pytest.approx((2000, 2100), abs=1)
        finally:
            shared_viewer.layers.clear()
