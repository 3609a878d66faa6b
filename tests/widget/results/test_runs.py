"""What a run puts into a viewer. Without a window: napari's viewer model has the same layers."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_refvae.regions import Region
from napari_refvae.widget.results.layers import METADATA_KEY, is_result, read_input
from napari_refvae.widget.results.maps import MapSpec
from napari_refvae.widget.results.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_refvae.widget.results.run import Run

LR = np.zeros((5, 7), np.uint8)


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def runs(viewer: ViewerModel) -> Runs:
    return Runs(viewer)


@pytest.fixture
def play(
    viewer: ViewerModel, runs: Runs, make_result: Callable[..., Any], finished_of: Callable[..., Any]
) -> Callable[..., Run]:
    """A whole run on a layer of the viewer."""

    def run(samples: int = 2, maps: MapSpec | None = None, layer: Image | None = None, **options: Any) -> Run:
        layer = layer or viewer.add_image(LR, name="cell")
        begun = runs.begin(read_input(layer), maps=maps)
        result = make_result(np.asarray(layer.data), samples, **options)
        for finished in finished_of(result):
            runs.add_sample(begun, finished)
        runs.complete(begun, result)
        return begun

    return run


def names(viewer: ViewerModel) -> list[str]:
    """From the top, as the layer list shows them."""
    return [layer.name for layer in viewer.layers][::-1]


class TestLayers:
    def test_each_sample_lies_on_its_residual_and_the_first_on_top(
        self, viewer: ViewerModel, play: Callable[..., Run]
    ) -> None:
        play(samples=2, reference="bark", faithful=True)
        assert names(viewer) == [
            "cell 8x by bark #1",
            "cell 8x by bark #1 residual",
            "cell 8x by bark #2",
            "cell 8x by bark #2 residual",
            "cell 8x faithful",
            "cell 8x spread",
            "cell",
        ]

    @pytest.mark.parametrize("samples", [1, 2, 20])
    def test_only_the_first_sample_is_visible_and_selected(
        self, viewer: ViewerModel, play: Callable[..., Run], samples: int
    ) -> None:
        run = play(samples, faithful=True)
        assert [layer for layer in viewer.layers if layer.visible and is_result(layer)] == [run.samples[0].image]
        assert viewer.layers.selection == {run.samples[0].image}

    def test_one_sample_has_no_spread(self, play: Callable[..., Run]) -> None:
        assert play(samples=1).spread is None

    def test_samples_stay_in_order_when_they_come_late(
        self, viewer: ViewerModel, runs: Runs, make_result: Callable[..., Any], finished_of: Callable[..., Any]
    ) -> None:
        run = runs.begin(read_input(viewer.add_image(LR, name="cell")))
        for finished in sorted(finished_of(make_result(LR, 3)), key=lambda one: one.index != 1):
            runs.add_sample(run, finished)
        assert names(viewer) == ["cell 8x #1", "cell 8x #2", "cell 8x #3", "cell"]

    def test_residuals_are_against_what_was_asked_for(self, play: Callable[..., Run]) -> None:
        assert play(maps=MapSpec(against="bicubic")).samples[1].residual.data.max() == 2
        assert play(maps=MapSpec(against="mean")).samples[1].residual.data.max() == 0.5
        run = play(maps=MapSpec(against=None, spread=False))
        assert [layer.metadata[METADATA_KEY]["kind"] for layer in run.layers] == ["sample", "sample"]

    def test_residuals_are_diverging_symmetric_and_comparable(self, play: Callable[..., Run]) -> None:
        run = play(samples=3, maps=MapSpec(gain=10))
        for sample in run.samples.values():
            assert list(sample.residual.contrast_limits) == [-255 / 20, 255 / 20]
            assert sample.residual.colormap.name == "bwr"

    def test_a_grey_sample_looks_like_its_input(self, viewer: ViewerModel, play: Callable[..., Run]) -> None:
        lr = Image(LR.astype(np.uint16), contrast_limits=(3, 900), gamma=0.7, colormap="green", blending="additive")
        viewer.layers.append(lr)
        sample = play(layer=lr).samples[0].image
        assert list(sample.contrast_limits) == [3, 900]
        assert sample.gamma == pytest.approx(0.7)
        assert sample.colormap.name == "green"
        assert sample.blending == "translucent"

    @pytest.mark.parametrize("channels", [3, 4])
    def test_colours_stay_colours(self, viewer: ViewerModel, play: Callable[..., Run], channels: int) -> None:
        run = play(layer=viewer.add_image(np.zeros((5, 7, channels), np.uint8), rgb=True), faithful=True)
        assert run.samples[0].image.rgb
        assert run.faithful.rgb
        assert run.samples[0].image.data.shape == (40, 56, channels)
        assert run.samples[0].residual.data.shape == run.spread.data.shape == (40, 56)

    def test_float_colours_beyond_1_look_like_their_input(self, viewer: ViewerModel, play: Callable[..., Run]) -> None:
        pixels = np.random.default_rng(0).uniform(-2, 7, (5, 7, 3)).astype(np.float32)
        lr = viewer.add_image(pixels, rgb=True, contrast_limits=(0, 1))
        run = play(layer=lr, faithful=True)
        assert list(run.samples[0].image.contrast_limits) == list(run.faithful.contrast_limits) == [0, 1]

    def test_metadata_say_what_made_each_layer(self, play: Callable[..., Run]) -> None:
        run = play(samples=2, reference="bark", faithful=True)
        records = [layer.metadata[METADATA_KEY] for layer in run.layers]
        assert {record["run"] for record in records} == {run.id}
        assert [record["provenance"] for record in records] == [{"format": "test"}] * 6
        assert [record["kind"] for record in records][-2:] == ["faithful", "spread"]
        second = run.samples[1].image.metadata[METADATA_KEY]
        assert (second["sample"], second["reference"], second["seed"], second["lr_psnr"]) == (1, "bark", 1, 50.0)

    @pytest.mark.parametrize("channels", [None, 3, 4])
    def test_hidden_layers_have_thumbnails_too(
        self, viewer: ViewerModel, play: Callable[..., Run], channels: int | None
    ) -> None:
        shape = (5, 7) if channels is None else (5, 7, channels)
        bright = viewer.add_image(np.full(shape, 200, np.uint8), rgb=channels is not None, contrast_limits=(0, 3))
        run = play(samples=3, layer=bright)
        assert not run.samples[2].image.visible
        assert run.samples[2].image.thumbnail[16, 16, :3].any()
        assert not run.samples[2].image.thumbnail[0, 0, :3].any()  # beyond a wide image


class TestSeveralRuns:
    def test_names_tell_runs_apart(self, viewer: ViewerModel, play: Callable[..., Run]) -> None:
        first = play(samples=1, reference="bark")
        second = play(samples=2, layer=viewer.layers["cell"], reference="bark", faithful=True)
        assert names(viewer) == [
            "cell 8x run 2 by bark #1",
            "cell 8x run 2 by bark #1 residual",
            "cell 8x run 2 by bark #2",
            "cell 8x run 2 by bark #2 residual",
            "cell 8x run 2 faithful",
            "cell 8x run 2 spread",
            "cell 8x by bark #1",
            "cell 8x by bark #1 residual",
            "cell",
        ]
        assert (first.title, second.title) == ("cell", "cell run 2")

    def test_numbers_are_those_of_the_image(self, viewer: ViewerModel, runs: Runs, play: Callable[..., Run]) -> None:
        first, second = play(), play(layer=viewer.layers["cell"])
        assert play(layer=viewer.add_image(LR, name="leaf")).number == 1
        runs.remove(first)
        assert second.number == 2
        assert play(layer=viewer.layers["cell"]).number == 3

    def test_a_new_run_hides_what_it_covers_and_undo_shows_that_again(
        self, viewer: ViewerModel, runs: Runs, play: Callable[..., Run]
    ) -> None:
        elsewhere = play(layer=viewer.add_image(LR, name="leaf", translate=(0, 50)))
        older = play()
        runs.show_only(older, 1)
        newer = play(layer=viewer.layers["cell"])
        assert shown(older) == []
        assert shown(newer) == ["cell 8x run 2 #1"]
        assert shown(elsewhere) == ["leaf 8x #1"]
        runs.remove(newer)
        assert shown(older) == ["cell 8x #2"]
        assert viewer.layers["cell"].visible

    def test_what_another_run_covers_stays_hidden(
        self, viewer: ViewerModel, runs: Runs, play: Callable[..., Run]
    ) -> None:
        first, second = play(), play(layer=viewer.layers["cell"])
        third = play(layer=viewer.layers["cell"])
        runs.remove(second)
        assert (shown(first), shown(third)) == ([], ["cell 8x run 3 #1"])
        runs.remove(third)
        assert shown(first) == []


class TestPlanes:
    def test_a_plane_of_a_stack_is_shown_at_that_plane_only(
        self, viewer: ViewerModel, runs: Runs, make_result: Callable[..., Any], finished_of: Callable[..., Any]
    ) -> None:
        turn = np.eye(4)
        turn[2:, 2:] = [[0, -1], [1, 0]]
        stack = viewer.add_image(
            np.zeros((2, 3, 5, 7), np.uint8), name="stack", scale=(1, 4, 2, 2), translate=(0, 10, 1, 1), rotate=turn
        )
        viewer.dims.set_current_step((0, 1), (1, 2))
        run = runs.begin(read_input(stack, viewer.dims.point))
        result = make_result(np.asarray(stack.data[1, 2]), 2, faithful=True)
        for finished in finished_of(result):
            runs.add_sample(run, finished)
        runs.complete(run, result)
        for layer in run.layers:
            assert layer.data.shape == (1, 1, 40, 56)
            layer.visible = True
            corner = layer.data_to_world((0, 0, -0.5, -0.5))
            np.testing.assert_allclose(corner, stack.data_to_world((1, 2, -0.5, -0.5)), atol=1e-9)
        image = run.samples[1].image
        for step, value in ((2, 2), (1, None), (2, 2), (0, None)):
            viewer.dims.set_current_step(1, step)
            found = (
                image.get_value(np.mean(image.extent.world, axis=0), world=True) if on_plane(viewer, image) else None
            )
            assert found == value
        assert viewer.dims.range[:2] == ((0.0, 1.0, 1.0), (10.0, 18.0, 4.0))

    def test_its_samples_can_be_freed(
        self, viewer: ViewerModel, runs: Runs, make_result: Callable[..., Any], finished_of: Callable[..., Any]
    ) -> None:
        stack = viewer.add_image(np.zeros((3, 5, 7), np.uint8))
        run = runs.begin(read_input(stack), maps=MapSpec(None))
        result = make_result(np.asarray(stack.data[0]), 3)
        for finished in finished_of(result):
            runs.add_sample(run, finished)
        runs.complete(run, result)
        viewer.layers.remove(run.samples[1].image)
        viewer.layers.remove(run.samples[2].image)
        assert run.samples[0].finished.sr.base is None
        assert np.shares_memory(run.samples[0].image.data, run.samples[0].finished.sr)


def shown(run: Run) -> list[str]:
    return [layer.name for layer in run.layers if layer.visible]


def on_plane(viewer: ViewerModel, layer: Image) -> bool:
    """Whether the viewer's position is within a layer, on the axes before the last two."""
    low, high = np.asarray(layer.extent.world)[:, :-2]
    step = np.asarray(layer.scale)[:-2] / 2
    point = np.array(viewer.dims.point)[: len(low)]
    return bool(((point >= low - step) & (point <= high + step)).all())


class TestUndo:
    def test_removing_a_run_leaves_all_else_as_it_was(
        self, viewer: ViewerModel, runs: Runs, play: Callable[..., Run]
    ) -> None:
        kept = play(samples=2)
        before = list(viewer.layers)
        gone = play(samples=3, layer=viewer.layers["cell"], faithful=True)
        copy = Image(gone.samples[0].image.data, metadata=gone.samples[0].image.metadata)
        viewer.layers.append(copy)
        runs.remove(gone)
        assert list(viewer.layers) == [*before, copy]
        assert list(runs) == [kept]
        assert runs.latest() is kept

    def test_a_map_goes_with_its_run_even_if_its_sample_went_before(
        self, viewer: ViewerModel, runs: Runs, play: Callable[..., Run]
    ) -> None:
        run = play(samples=2)
        viewer.layers.remove(run.samples[0].image)
        assert list(run.samples) == [1]
        runs.remove(run)
        assert names(viewer) == ["cell"]

    def test_a_run_whose_samples_are_gone_can_be_undone(
        self, viewer: ViewerModel, runs: Runs, play: Callable[..., Run]
    ) -> None:
        run = play(samples=2, faithful=True)
        for sample in list(run.samples.values()):
            viewer.layers.remove(sample.image)
        assert runs.latest() is run
        runs.remove(run)
        assert names(viewer) == ["cell"]

    def test_a_run_without_layers_is_gone(self, viewer: ViewerModel, runs: Runs, play: Callable[..., Run]) -> None:
        run = play(samples=2)
        seen: list[str] = []
        runs.removed.connect(seen.append)
        for layer in [layer for layer in viewer.layers if is_result(layer)]:
            assert seen == []
            viewer.layers.remove(layer)
        assert seen == [run.id]
        assert runs.latest() is None

    def test_maps_of_a_sample_that_was_removed_meanwhile_are_not_added(
        self, viewer: ViewerModel, runs: Runs, make_result: Callable[..., Any], finished_of: Callable[..., Any]
    ) -> None:
        run = runs.begin(read_input(viewer.add_image(LR, name="cell")))
        result = make_result(LR, 2)
        first, second = finished_of(result)
        runs.add_sample(run, first)
        viewer.layers.remove(run.samples[0].image)
        runs.add_sample(run, second)
        runs.complete(run, result)
        assert list(run.samples) == [1]
        assert names(viewer)[:2] == ["cell 8x #2", "cell 8x #2 residual"]


def test_changes_are_told(viewer: ViewerModel, runs: Runs, play: Callable[..., Run]) -> None:
    seen: list[Run] = []
    runs.changed.connect(seen.append)
    run = play(samples=2)
    assert len(seen) >= 3
    assert set(seen) == {run}
    seen.clear()
    viewer.layers.remove(run.samples[1].residual)
    assert seen == [run]
    assert run.samples[1].residual is None


def test_a_layer_knows_its_run(viewer: ViewerModel, runs: Runs, play: Callable[..., Run]) -> None:
    run = play()
    assert all(runs.of(layer) is run for layer in run.layers)
    assert runs.of(viewer.layers["cell"]) is None


def test_one_sample_can_be_shown_alone(runs: Runs, play: Callable[..., Run]) -> None:
    run = play(samples=3, faithful=True)
    run.samples[2].residual.visible = True
    runs.show_only(run, 1)
    assert [layer for layer in run.layers if layer.visible] == [run.samples[1].image]


def test_a_viewer_has_one_record() -> None:
    viewer, other = ViewerModel(), ViewerModel()
    assert Runs.of_viewer(viewer) is Runs.of_viewer(viewer)
    assert Runs.of_viewer(viewer) is not Runs.of_viewer(other)


def test_the_record_does_not_keep_its_viewer_alive() -> None:
    viewer = ViewerModel()
    Runs.of_viewer(viewer)
    gone = weakref.ref(viewer)
    del viewer
    gc.collect()
    assert gone() is None


class TestMemory:
    def test_what_is_discarded_and_removed_is_freed(
        self, viewer: ViewerModel, runs: Runs, make_result: Callable[..., Any], finished_of: Callable[..., Any]
    ) -> None:
        run = runs.begin(read_input(viewer.add_image(LR, name="cell")), maps=MapSpec(None))
        result = make_result(LR, 4)
        for finished in finished_of(result):
            runs.add_sample(run, finished)
        runs.complete(run, result)
        pixels, layer = weakref.ref(result.sr), weakref.ref(run.samples[1].image)
        del result, finished
        gc.collect()
        viewer.layers.remove(run.faithful or run.spread)
        assert run.samples[0].finished.sr.base is pixels()  # copied only where that frees something
        for index in (1, 3):
            run.samples[index].kept = False
        for index in (1, 3):
            viewer.layers.remove(run.samples[index].image)
        gc.collect()
        assert pixels() is None
        assert layer() is None
        for index in (0, 2):
            sample = run.samples[index]
            assert np.shares_memory(sample.image.data, sample.finished.sr)
            assert (sample.image.data == index + 1).all()

    def test_pixels_are_copied_only_once_half_of_them_can_be_freed(
        self, viewer: ViewerModel, runs: Runs, make_result: Callable[..., Any], finished_of: Callable[..., Any]
    ) -> None:
        run = runs.begin(read_input(viewer.add_image(LR, name="cell")), maps=MapSpec(None))
        result = make_result(LR, 5)
        for finished in finished_of(result):
            runs.add_sample(run, finished)
        runs.complete(run, result)
        shared = []
        for index in (1, 3, 0):
            viewer.layers.remove(run.samples[index].image)
            shared.append([sample.finished.sr.base is result.sr for sample in run.samples.values()])
        assert shared == [[True] * 4, [True] * 3, [False] * 2]

    def test_a_region_does_not_hold_the_image_around_it(self, runs: Runs) -> None:
        origin = read_input(Image(np.arange(3500.0).reshape(50, 70))).within(Region(3, 4, 2, 5))
        run = runs.begin(origin)
        np.testing.assert_array_equal(run.origin.lr, origin.lr)
        assert run.origin.pixels.base is None
        assert run.origin.pixels.shape == (2, 5)
        assert (run.origin.region, run.origin.geometry) == (origin.region, origin.geometry)
