"""Channels are seen as one picture: in windows, in layers, on the canvas."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from comparing import LEVELS, add_channels
from napari.components import ViewerModel
from napari.layers import Image

from napari_refvae.widget.compare.composites import Composite, blended, composed, lie_together, same
from napari_refvae.widget.compare.grid import SideBySide
from napari_refvae.widget.compare.rendering import Window, rendered
from napari_refvae.widget.compare.slider import BeforeAfter
from napari_refvae.widget.compare.stage import Stage
from napari_refvae.widget.results.channels import read_channel_axis
from napari_refvae.widget.results.layers import METADATA_KEY
from napari_refvae.widget.results.runs import Runs

pytestmark = pytest.mark.usefixtures("qapp")

RED_GREEN = [(LEVELS[index], LEVELS[index + 1], 0, 255) for index in range(2)]
"""Of the two samples that `add_channels` makes."""


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def filled(composite: Composite) -> np.ndarray[Any, Any]:
    pixels = composite.temporary_layer().data
    for _ in composite.mix_into(pixels):
        pass
    return pixels


def colour(*values: int) -> np.ndarray[Any, Any]:
    return np.full((1, 1, 4), values, np.uint8)


@pytest.mark.parametrize(
    ("blending", "mixture"),
    [("additive", (255, 120, 30, 255)), ("minimum", (100, 20, 10, 255)), ("translucent", (200, 20, 20, 255))],
)
def test_layers_are_mixed_by_their_blending(blending: str, mixture: tuple[int, ...]) -> None:
    below, above = colour(100, 100, 10, 255), colour(200, 20, 20, 255)
    assert blended([(below, "additive"), (above, blending)])[0, 0].tolist() == list(mixture)
    outside = colour(9, 9, 9, 0)
    assert blended([(below, blending), (outside, blending)])[0, 0].tolist() == below[0, 0].tolist()
    if blending != "minimum":
        assert blended([(outside, blending), (above, blending)])[0, 0].tolist() == above[0, 0].tolist()
    assert below[0, 0].tolist() == [100, 100, 10, 255]


def test_windows_and_layers_show_the_same_mixture(viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_refvae.widget.compare.composites.BAND", 100)
    _, runs = add_channels(viewer)
    noise = np.random.default_rng(0).integers(0, 256, (48, 64), np.uint8)
    runs[1].samples[1].image.data = noise
    composite = composed(runs)[-1]
    (top, left), _ = composite.extent
    window = rendered(composite, Window(top, left, composite.pixel_size, 48, 64))
    np.testing.assert_array_equal(filled(composite), window)
    np.testing.assert_array_equal(window[..., 1], noise)
    assert (window[..., 0] == LEVELS[1]).all()


def test_a_run_of_channels_offers_each_picture_once(viewer: ViewerModel) -> None:
    _, runs = add_channels(viewer, samples=3)
    viewer.layers.remove(runs[0].samples[1].image)
    found = composed(runs)
    assert [one.key for one in found] == ["input", "faithful", "sample 0", "sample 1", "sample 2"]
    assert [len(one.parts) for one in found] == [2, 2, 2, 1, 2]
    assert all(same(one, other) == (one is other) for one in found for other in found)
    assert same(found[0], composed(runs)[0])
    assert not same(found[0], composed(runs[:1])[0])


def test_only_what_covers_the_same_pixels_is_one_picture(viewer: ViewerModel) -> None:
    _, (first, second) = add_channels(viewer)
    assert lie_together([first, second])
    assert lie_together([first])
    moved = replace(second.origin.geometry, translate=second.origin.geometry.translate + 0.5)
    second.origin = replace(second.origin, geometry=moved)
    assert not lie_together([first, second])


def test_planes_that_are_channels_are_pictures_each(viewer: ViewerModel) -> None:
    stack = Image(np.zeros((2, 6, 8), np.uint8), name="stack")
    viewer.layers.append(stack)
    runs = Runs.of_viewer(viewer)
    made = [runs.begin(origin, click="one", channel_axis=0) for origin in read_channel_axis(stack, 0)]
    assert not lie_together(made)


def test_the_grid_shows_all_channels_and_leaves_all_as_it_was(viewer: ViewerModel, qtbot: Any) -> None:
    _, runs = add_channels(viewer)
    before = [(layer.name, layer.visible) for layer in viewer.layers]
    grid = SideBySide(viewer)
    samples = composed(runs)[-2:]
    grid.show(samples)
    mixtures = viewer.layers[-1:-3:-1]
    assert [layer.name for layer in mixtures] == ["#1", "#2"]
    assert [layer.name for layer in viewer.layers if layer.visible] == ["#2", "#1"]
    assert all(METADATA_KEY in layer.metadata for layer in mixtures)

    def mixed() -> None:
        assert [tuple(layer.data[7, 7]) for layer in mixtures] == RED_GREEN

    qtbot.waitUntil(mixed)
    grid.show(composed(runs[:1])[-2:])  # as if the other channel were gone
    assert [layer.name for layer in viewer.layers if layer.visible] == ["red 8x #2", "red 8x #1"]
    grid.show(samples)
    grid.stop()
    assert [(layer.name, layer.visible) for layer in viewer.layers] == before


def test_the_divider_shows_all_channels_and_follows_their_looks(viewer: ViewerModel, qtbot: Any) -> None:
    _, runs = add_channels(viewer)
    viewer.fit_to_view()
    divider = BeforeAfter(viewer)
    divider.start(*composed(runs)[-2:])

    def drawn(left: tuple[int, ...], right: tuple[int, ...]) -> None:
        row = viewer.layers[-1].data[len(viewer.layers[-1].data) // 5]
        assert (tuple(row[len(row) // 4]), tuple(row[3 * len(row) // 4])) == (left, right)

    qtbot.waitUntil(lambda: drawn(*RED_GREEN))
    runs[1].samples[1].image.contrast_limits = (0, LEVELS[2])
    qtbot.waitUntil(lambda: drawn(RED_GREEN[0], (LEVELS[1], 255, 0, 255)))
    runs[1].samples[0].image.blending = "translucent"
    qtbot.waitUntil(lambda: drawn((0, LEVELS[1], 0, 255), (LEVELS[1], 255, 0, 255)))
    divider.stop()
    runs[1].samples[1].image.contrast_limits = (0, 255)
    assert not divider._timer.isActive()


def test_inputs_lie_on_each_other_in_their_order(viewer: ViewerModel) -> None:
    runs, made = add_channels(viewer, colours=("red", "green", "blue", "gray"))
    stage = Stage(runs, viewer)
    stage.show(made[0], composed(made)[0])
    guests = [layer for layer in viewer.layers if layer.name.startswith("Input")]
    assert [layer.colormap.name for layer in guests] == ["red", "green", "blue", "gray"]
    assert [layer.blending for layer in guests] == ["translucent", "additive", "additive", "additive"]


def test_the_canvas_shows_the_same_in_layers_and_in_the_grid(make_napari_viewer: Any, qtbot: Any) -> None:
    viewer = make_napari_viewer(show=True)
    _, runs = add_channels(viewer)
    viewer.fit_to_view()

    def shown() -> None:
        canvas = viewer.screenshot(canvas_only=True, flash=False)
        assert tuple(canvas[len(canvas) // 2 + 5, canvas.shape[1] // 2 + 5]) == RED_GREEN[0]

    qtbot.waitUntil(shown, timeout=20_000)
    grid = SideBySide(viewer)
    grid.show(composed(runs)[-2:-1])
    qtbot.waitUntil(shown, timeout=20_000)
    grid.stop()
