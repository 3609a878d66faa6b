"""The divider: what it draws, where it stays, what it leaves behind; and once on a real canvas."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from comparing import LEVELS, add_run
from napari.components import ViewerModel

from napari_refvae.errors import InvalidInputError
from napari_refvae.widget.compare import divided
from napari_refvae.widget.compare.canvas import visible_part
from napari_refvae.widget.compare.pictures import pictures_of
from napari_refvae.widget.compare.slider import BeforeAfter

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_refvae.widget.compare.pictures import Picture


pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def pair(viewer: Any, **layer: Any) -> tuple[Picture, Picture]:
    _, run = add_run(viewer, **layer)
    viewer.fit_to_view()
    return tuple(pictures_of(run)[-2:])  # type: ignore[return-value]  # levels 120 and 180


def is_drawn(viewer: Any, qtbot: Any, row: float, column: float, level: int) -> None:
    """Wait until the topmost layer has a grey level at a place of the world."""

    def right() -> None:
        value = viewer.layers[-1].get_value((row, column), world=True)
        assert value is not None
        assert value.tolist() == [level, level, level, 255]

    qtbot.waitUntil(right, timeout=5000)


@pytest.mark.parametrize("angle", [0, 30])
def test_left_is_the_one_and_right_the_other(viewer: Any, qtbot: Any, angle: float) -> None:
    left, right = pair(viewer, rotate=angle)
    divider = BeforeAfter(viewer)
    divider.start(left, right)
    (top, start), (bottom, end) = visible_part(viewer, right)
    row = top + 0.4 * (bottom - top)  # not through the handle
    for fraction in (0.5, 0.7):
        divider.fraction = fraction
        place = start + fraction * (end - start)
        is_drawn(viewer, qtbot, row, place - 0.05 * (end - start), LEVELS[1])
        is_drawn(viewer, qtbot, row, place + 0.05 * (end - start), LEVELS[2])
    divider.stop()


def test_it_stays_with_the_world(viewer: Any, qtbot: Any) -> None:
    left, right = pair(viewer)
    divider = BeforeAfter(viewer)
    divider.start(left, right)
    (_, start), (_, end) = right.extent
    divider.fraction = 0.25
    place = start + 0.25 * (end - start)
    viewer.scene.camera.zoom *= 2
    viewer.scene.camera.center = (0, right.extent[:, 0].mean(), place + 1)
    (_, near), (_, far) = visible_part(viewer, right)
    assert divider.fraction == pytest.approx((place - near) / (far - near))
    is_drawn(viewer, qtbot, right.extent[:, 0].mean() - 1, place - 0.2, LEVELS[1])
    is_drawn(viewer, qtbot, right.extent[:, 0].mean() - 1, place + 0.2, LEVELS[2])
    divider.stop()


def test_a_screen_of_many_pixels_is_covered_whole(viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divided, "LARGEST", 100)
    left, right = pair(viewer)
    divider = BeforeAfter(viewer, lambda: 2)
    divider.start(left, right)
    (top, start), (bottom, end) = visible_part(viewer, right)
    for row in (top + 0.01 * (bottom - top), bottom - 0.01 * (bottom - top)):
        is_drawn(viewer, qtbot, row, start + 0.01 * (end - start), LEVELS[1])
        is_drawn(viewer, qtbot, row, end - 0.01 * (end - start), LEVELS[2])
    assert max(viewer.layers[-1].data.shape) <= 100
    divider.stop()


def test_on_another_screen_it_is_drawn_with_that_ones_pixels(viewer: Any, qtbot: Any) -> None:
    left, right = pair(viewer)
    densities = [1.0]
    divider = BeforeAfter(viewer, lambda: densities[-1])
    divider.start(left, right)
    qtbot.waitUntil(lambda: viewer.layers[-1].data.shape[0] > 1)
    before = viewer.layers[-1].data.shape[0]
    densities.append(2.0)
    viewer.scene.camera.center = tuple(np.add(viewer.scene.camera.center, 1e-3))  # as moving a window does
    qtbot.waitUntil(lambda: viewer.layers[-1].data.shape[0] > 1.9 * before)
    divider.stop()


def test_it_leaves_nothing_behind(viewer: Any) -> None:
    left, right = pair(viewer)

    def state() -> list[Any]:
        layers = [(layer.name, layer.visible, layer.contrast_limits) for layer in viewer.layers]
        return [layers, set(viewer.layers.selection), len(viewer.mouse_drag_callbacks), viewer.scene.camera.zoom]

    before, divider = state(), BeforeAfter(viewer)
    divider.start(left, right)
    assert state() != before
    divider.stop()
    assert state() == before
    divider.start(left, right)
    viewer.layers.remove(viewer.layers[-1])  # as a user may
    assert not divider.active
    assert state() == before


def test_the_mouse_drags_it_and_the_camera_stays(viewer: Any, qtbot: Any) -> None:
    left, right = pair(viewer)
    divider = BeforeAfter(viewer)
    divider.start(left, right)
    (_, start), (_, end) = visible_part(viewer, right)
    drag = viewer.mouse_drag_callbacks[-1]
    middle = (start + end) / 2
    event = SimpleNamespace(type="mouse_press", position=(0.0, middle + 3 / viewer.scene.camera.zoom))
    steps = drag(viewer, event)
    next(steps)
    assert not viewer.scene.camera.mouse_pan
    event.type, event.position = "mouse_move", (0.0, start + 0.2 * (end - start))
    next(steps)
    assert divider.fraction == pytest.approx(0.2)
    event.type = "mouse_release"
    assert list(steps) == []
    assert viewer.scene.camera.mouse_pan
    event.type, event.position = "mouse_press", (0.0, middle)  # far from it now
    assert list(drag(viewer, event)) == []
    divider.stop()


def test_views_in_which_left_and_right_mean_nothing_are_refused(viewer: Any) -> None:
    left, right = pair(viewer)
    viewer.dims.ndisplay = 3
    divider = BeforeAfter(viewer)
    with pytest.raises(InvalidInputError, match="switch to 2D"):
        divider.start(left, right)
    viewer.dims.ndisplay = 2
    viewer.dims.order = (1, 0)
    with pytest.raises(InvalidInputError, match="transposition"):
        divider.start(left, right)
    assert not divider.active


@pytest.mark.parametrize(("name", "value"), [("ndisplay", 3), ("order", (1, 0))])
def test_it_goes_when_other_axes_are_shown(viewer: Any, name: str, value: Any) -> None:
    left, right = pair(viewer)
    divider, layers = BeforeAfter(viewer), len(viewer.layers)
    divider.start(left, right)
    setattr(viewer.dims, name, value)
    assert not divider.active
    assert len(viewer.layers) == layers


def test_on_a_real_canvas(make_napari_viewer: Callable[..., Any], qtbot: Any) -> None:
    viewer = make_napari_viewer(show=True)
    left, right = pair(viewer, rotate=30)
    divider = BeforeAfter(viewer)
    divider.start(left, right)

    def both_halves_are_there() -> None:
        canvas = viewer.screenshot(canvas_only=True, flash=False)[..., 0]
        row = canvas[int(0.4 * len(canvas))]  # not through the handle
        middle = canvas.shape[1] // 2
        assert (row[[middle - 20, middle + 20]] == LEVELS[1:3]).all()
        assert (row[middle - 4 : middle + 5] == 255).any()

    qtbot.waitUntil(both_halves_are_there, timeout=20_000)
    divider.stop()


@pytest.mark.parametrize("centre", [(300, 400), (2000, 2000), (4, 4)])
def test_what_is_hardly_in_view_is_brought_there(viewer: Any, centre: tuple[float, float]) -> None:
    viewer.add_image(np.zeros((600, 800)), name="large")
    left, right = pair(viewer)
    viewer.scene.camera.center = (0, *centre)
    divider = BeforeAfter(viewer)
    divider.start(left, right)
    np.testing.assert_allclose(visible_part(viewer, right), right.extent)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], right.extent.mean(axis=0))
    divider.stop()


def test_a_detail_that_is_looked_at_stays_in_view(viewer: Any) -> None:
    left, right = pair(viewer)
    viewer.scene.camera.zoom *= 3
    viewer.scene.camera.center = (0, 2, 3)
    before = viewer.scene.camera.zoom, viewer.scene.camera.center
    divider = BeforeAfter(viewer)
    divider.start(left, right)
    assert (viewer.scene.camera.zoom, viewer.scene.camera.center) == before
    divider.stop()
