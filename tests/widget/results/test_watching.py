"""What the user looks at, in viewers without a window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_refvae.errors import InvalidInputError
from napari_refvae.widget.results.watching import ViewWatcher, require_plane_view, visible_extent


@pytest.fixture
def viewer() -> ViewerModel:
    made = ViewerModel()
    made.add_image(np.zeros((3, 12, 10)))
    return made


class TestPlaneView:
    def test_rows_and_columns_are_accepted(self, viewer: ViewerModel) -> None:
        require_plane_view(viewer, "the slider")

    @pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1), (1, 2, 0)])
    def test_other_axes_are_refused(self, viewer: ViewerModel, order: tuple[int, ...]) -> None:
        viewer.dims.order = order
        for turned in (False, True):
            with pytest.raises(InvalidInputError, match=r"for the slider; got axes .*: undo"):
                require_plane_view(viewer, "the slider", turned=turned)

    def test_exchanged_ones_are_the_same_plane_and_another_view(self, viewer: ViewerModel) -> None:
        viewer.dims.order = (0, 2, 1)
        require_plane_view(viewer, "a stack", turned=True)
        with pytest.raises(InvalidInputError, match="undo the transposition"):
            require_plane_view(viewer, "the slider")

    def test_so_is_3d(self, viewer: ViewerModel) -> None:
        viewer.dims.ndisplay = 3
        with pytest.raises(InvalidInputError, match="switch to 2D"):
            require_plane_view(viewer, "a stack", turned=True)


def test_the_extent_is_that_of_the_canvas(viewer: ViewerModel) -> None:
    viewer.canvas.size = (400, 600)
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 5, 7), 100
    np.testing.assert_allclose(visible_extent(viewer), [(3, 4), (7, 10)])


def test_a_watcher_tells_of_planes_axes_and_views_until_it_is_stopped(viewer: ViewerModel) -> None:
    planes: list[Any] = []
    views: list[Any] = []
    watcher = ViewWatcher(viewer, planes.append, views.append)

    def told() -> tuple[int, int]:
        counts = len(planes), len(views)
        planes.clear()
        views.clear()
        return counts

    viewer.dims.set_current_step(0, 2)
    assert told() == (1, 0)
    viewer.dims.order = (1, 0, 2)
    assert told()[0] >= 1
    viewer.dims.ndisplay = 3
    assert told()[0] >= 1
    viewer.scene.camera.zoom *= 2
    assert told() == (0, 1)
    viewer.canvas.size = (300, 500)
    assert told() == (0, 1)
    watcher.stop()
    viewer.dims.ndisplay = 2
    viewer.scene.camera.zoom *= 2
    assert told() == (0, 0)
