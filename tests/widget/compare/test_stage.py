"""One picture at a time: shown, previewed, blinked."""

from __future__ import annotations

import pytest
from comparing import add_run
from napari.components import ViewerModel

from napari_refvae.widget.compare.pictures import pictures_of
from napari_refvae.widget.compare.stage import Stage


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def visible(viewer: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer.layers if layer.visible]


def test_blinking_changes_between_two(viewer: ViewerModel) -> None:
    runs, run = add_run(viewer)
    first, second = pictures_of(run)[-2:]
    stage = Stage(runs, viewer)
    seen = []
    for _ in range(3):
        stage.flip(run, first, second)
        seen.append(visible(viewer))
    assert seen == [["photo", "photo 8x #2"], ["photo", "photo 8x #3"], ["photo", "photo 8x #2"]]


def test_a_picture_without_a_layer_is_a_guest(viewer: ViewerModel) -> None:
    runs, run = add_run(viewer)
    pictures = {one.key: one for one in pictures_of(run)}
    stage, layers = Stage(runs, viewer), len(viewer.layers)
    stage.flip(run, pictures["input"], pictures["sample 1"])
    assert stage.shown(run) == "input"
    assert visible(viewer) == ["photo", "Input"]
    stage.flip(run, pictures["input"], pictures["sample 1"])
    assert stage.shown(run) == "sample 1"
    assert len(viewer.layers) == layers
    stage.show(run, pictures["input"])
    stage.leave()
    assert len(viewer.layers) == layers
    assert stage.shown(run) == "sample 0"


def test_a_preview_leaves_no_trace(viewer: ViewerModel) -> None:
    runs, run = add_run(viewer)
    run.samples[1].residual.visible = True
    before = visible(viewer)
    pictures = pictures_of(run)
    stage = Stage(runs, viewer)
    stage.preview(run, pictures[-1])
    stage.preview(run, pictures[-2])
    assert visible(viewer) == ["photo", "photo 8x #2"]
    stage.end_preview()
    assert visible(viewer) == before


def test_showing_ends_a_preview(viewer: ViewerModel) -> None:
    runs, run = add_run(viewer)
    stage, pictures = Stage(runs, viewer), pictures_of(run)
    stage.preview(run, pictures[-1])
    stage.show(run, pictures[-1])
    stage.end_preview()
    assert stage.shown(run) == "sample 2"
