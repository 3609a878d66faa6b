"""The grid shows what it is told, and leaves everything as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from comparing import add_run
from napari.components import ViewerModel

from napari_refvae.engine.result import FinishedSample
from napari_refvae.errors import InvalidInputError
from napari_refvae.widget.compare.canvas import visible_part
from napari_refvae.widget.compare.grid import SideBySide
from napari_refvae.widget.compare.pictures import pictures_of

pytestmark = pytest.mark.usefixtures("qapp")


def state(viewer: ViewerModel) -> list[Any]:
    grid = viewer.canvas.grid
    camera = viewer.scene.camera
    names = [layer.name_overlay for layer in viewer.layers]
    layers = [(layer.name, layer.visible) for layer in viewer.layers]
    layers += [(overlay.visible, overlay.font_size, overlay.position) for overlay in names]
    return [grid.enabled, grid.stride, grid.shape, grid.spacing, camera.center, round(camera.zoom, 9), layers]


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def test_it_shows_its_pictures_in_order_under_their_names(viewer: ViewerModel) -> None:
    _, run = add_run(viewer)
    pictures = {one.key: one for one in pictures_of(run)}
    grid = SideBySide(viewer)
    grid.show([pictures[key] for key in ("input", "sample 0", "sample 2")])
    visible = [layer for layer in viewer.layers if layer.visible]
    places = [viewer.canvas.grid.position(viewer.layers.index(layer), viewer.layers) for layer in visible]
    assert dict(zip([layer.name for layer in visible], places, strict=True)) == {
        "Input": (0, 0),
        "photo 8x #1": (0, 1),
        "photo 8x #3": (1, 0),
    }
    assert all(layer.name_overlay.visible for layer in visible)


def test_each_box_shows_what_the_canvas_showed(viewer: ViewerModel) -> None:
    _, run = add_run(viewer)
    viewer.scene.camera.zoom = 100
    shown = min(viewer.canvas.size) / 100
    SideBySide(viewer).show(pictures_of(run)[-3:])
    assert min(viewer.canvas.viewbox_size(viewer.layers)) / viewer.scene.camera.zoom == pytest.approx(shown, rel=0.05)


def test_stopping_restores_everything(viewer: ViewerModel) -> None:
    _, run = add_run(viewer)
    viewer.canvas.grid.stride = 2
    before, selected = state(viewer), set(viewer.layers.selection)
    grid = SideBySide(viewer)
    pictures = pictures_of(run)
    grid.show(pictures)
    grid.show(pictures[1:3])
    assert state(viewer) != before
    grid.stop()
    assert state(viewer) == before
    assert set(viewer.layers.selection) == selected
    assert not grid.active


def test_it_ends_with_napari_s_own_grid(viewer: ViewerModel) -> None:
    _, run = add_run(viewer)
    before = state(viewer)
    grid = SideBySide(viewer)
    ended = []
    grid.ended.connect(lambda: ended.append(True))
    grid.show(pictures_of(run))
    viewer.canvas.grid.enabled = False
    assert ended
    assert state(viewer) == before


def test_layers_that_come_meanwhile_are_put_back_too(viewer: ViewerModel) -> None:
    runs, run = add_run(viewer, samples=1)
    grid = SideBySide(viewer)
    grid.show(pictures_of(run))
    for index in (1, 2):
        pixels = np.full_like(run.samples[0].finished.sr, index)
        runs.add_sample(run, FinishedSample(index, pixels, "none", index, 50.0))
    own = viewer.add_image(np.zeros((3, 3)), name="of the user")
    grid.show(pictures_of(run))
    assert not own.visible
    assert run.samples[2].image.visible
    grid.stop()
    assert own.visible
    assert [sample.image.visible for sample in run.samples.values()] == [True, False, False]


@pytest.mark.parametrize(("name", "value"), [("ndisplay", 3), ("order", (1, 0))])
def test_it_goes_when_other_axes_are_shown_and_is_refused_there(viewer: ViewerModel, name: str, value: Any) -> None:
    _, run = add_run(viewer)
    before, grid = state(viewer)[-1], SideBySide(viewer)
    grid.show(pictures_of(run))
    setattr(viewer.dims, name, value)
    assert not grid.active
    assert state(viewer)[-1] == before
    with pytest.raises(InvalidInputError, match="for the grid"):
        grid.show(pictures_of(run))
    assert not grid.active
    assert state(viewer)[-1] == before


def test_layers_that_went_meanwhile_are_left_alone(viewer: ViewerModel) -> None:
    runs, run = add_run(viewer)
    grid = SideBySide(viewer)
    grid.show(pictures_of(run))
    runs.remove(run)
    grid.stop()
    assert [layer.name for layer in viewer.layers] == ["photo"]
    assert viewer.layers[0].visible


def test_each_box_is_filled_and_the_view_put_back(viewer: ViewerModel) -> None:
    """Beside an image of the same size, too: half of each box would be empty."""
    viewer.add_image(np.zeros((6, 8)), translate=(0, 9), name="beside")
    runs, run = add_run(viewer, samples=2)
    viewer.fit_to_view()
    before, grid = state(viewer), SideBySide(viewer)
    grid.show(pictures_of(run))
    assert filled(viewer, run) == pytest.approx(0.95, rel=0.03)
    runs.add_sample(run, FinishedSample(2, run.samples[0].finished.sr, "none", 2, 50.0))
    grid.show(pictures_of(run))
    assert filled(viewer, run) == pytest.approx(0.95, rel=0.03)
    viewer.layers.remove(run.samples[2].image)
    grid.stop()
    assert state(viewer) == before


def test_who_moves_the_view_in_the_grid_keeps_the_place(viewer: ViewerModel) -> None:
    _, run = add_run(viewer)
    viewer.fit_to_view()
    before, grid = viewer.scene.camera.zoom, SideBySide(viewer)
    grid.show(pictures_of(run))
    viewer.scene.camera.zoom *= 3
    viewer.scene.camera.center = (0, 1, 2)
    grid.show(pictures_of(run)[1:])
    grid.stop()
    assert viewer.scene.camera.center == (0, 1, 2)
    assert viewer.scene.camera.zoom == pytest.approx(3 * before, rel=0.1)


def test_of_names_that_do_not_fit_the_end_is_seen(viewer: ViewerModel) -> None:
    _, run = add_run(viewer)
    run.samples[0].image.name = "a name that is far too long for a box " * 9
    SideBySide(viewer).show(pictures_of(run)[-3:])
    positions = [run.samples[index].image.name_overlay.position for index in range(3)]
    assert positions == ["top_right", "top_left", "top_left"]


def filled(viewer: ViewerModel, run: Any) -> float:
    """How much of a box a sample fills, across or down."""
    extent = pictures_of(run)[-1].extent
    box = np.array(viewer.canvas.viewbox_size(viewer.layers)) / viewer.scene.camera.zoom
    return float(((extent[1] - extent[0]) / box).max())


def test_beside_a_large_image_it_turns_to_the_run(viewer: ViewerModel) -> None:
    viewer.add_image(np.zeros((600, 800)), name="large")
    _, run = add_run(viewer)
    viewer.fit_to_view()
    pictures = pictures_of(run)[-2:]
    SideBySide(viewer).show(pictures)
    extent = pictures[0].extent
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], extent.mean(axis=0))
    np.testing.assert_allclose(visible_part(viewer, pictures[0]), extent)
    box = np.array(viewer.canvas.viewbox_size(viewer.layers)) / viewer.scene.camera.zoom
    assert ((extent[1] - extent[0]) / box).max() == pytest.approx(0.95, rel=0.05)
