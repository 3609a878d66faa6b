"""The panel in a real viewer, used as a user does: sliders, keeping, history; with a real, tiny network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from exploring import LOW, PATIENCE, decoded, samples
from qtpy.QtWidgets import QApplication, QWidget

from napari_refvae import upscale_layer
from napari_refvae.explore import Draw, Exploration, Fade, Mix, recipe_from_dict, reopen
from napari_refvae.imageio.files import read_image
from napari_refvae.metrics import low_resolution
from napari_refvae.widget.explore.dock import ExploreDock
from napari_refvae.widget.explore.panel import ExplorePanel
from napari_refvae.widget.results.export import Export
from napari_refvae.widget.results.layers import METADATA_KEY, is_result
from napari_refvae.widget.results.runs import Runs
from napari_refvae.widget.results.snippet import python_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari_refvae.widget.preferences import Preferences


class TestPreview:
    def test_a_slider_is_previewed_over_the_image_exactly(self, viewer: Any, panel: ExplorePanel, shown: Any) -> None:
        assert [one.name for one in viewer.layers] == ["bark", "moss", "photo"]  # nothing is computed unasked
        panel.weights.sliders[0].setValue(0.75)
        layer = shown()
        assert panel.explorer.recipe == Draw(Mix((0.75, 0.0)))
        np.testing.assert_array_equal(layer.data, decoded(panel, panel.explorer.recipe))
        photo = viewer.layers["photo"]
        for corner in ((-0.5, -0.5), (-0.5, 11.5), (13.5, 11.5)):
            mine = layer.data_to_world(8 * (np.array(corner) + 0.5) - 0.5)
            np.testing.assert_allclose(mine, photo.data_to_world(corner))
        assert layer.units == photo.units
        assert "12 x 14" in panel.foot.text.text()

    def test_it_stays_one_layer_whatever_is_turned(self, viewer: Any, panel: ExplorePanel, shown: Any) -> None:
        panel.weights.sliders[0].setValue(1.0)
        first, before = shown(), shown().data
        viewer.layers.selection = {viewer.layers["moss"]}
        for turn in (
            lambda: panel.weights.sliders[1].setValue(0.5),
            lambda: panel.dials.strength.setValue(0.5),
            lambda: panel.dials.temperature.setValue(0.3),
            lambda: panel.dials.vividness.setValue(0.2),
            panel.dials.roll,
        ):
            turn()
            assert shown() is first
            assert not np.array_equal(first.data, before)
            before = first.data
        recipe = panel.explorer.recipe
        assert (recipe.mix, recipe.strength, recipe.temperature, recipe.vividness) == (Mix((0.5, 0.5)), 0.5, 0.3, 0.2)
        assert recipe.seed == panel.dials.seed.value() != 0
        assert viewer.layers.selection == {viewer.layers["moss"]}
        assert len(viewer.layers) == 4

    def test_vividness_is_blended_while_it_moves_and_the_networks_own_once_it_rests(
        self, panel: ExplorePanel, shown: Any, qtbot: Any
    ) -> None:
        explorer = panel.explorer
        explorer._settled.setInterval(10)
        panel.dials.seed.setValue(2)
        shown()
        explorer._resting.setInterval(100_000)
        panel.dials.vividness.setValue(0.4)
        qtbot.waitUntil(lambda: "Quick preview" in panel.foot.text.text(), timeout=PATIENCE)
        np.testing.assert_array_equal(explorer.preview.layer.data, decoded(panel, Fade(Draw(seed=2), 0.4)))
        qtbot.wait(50)
        assert [step.recipe for step in explorer.history.steps] == [Draw(seed=2)]  # a blend is no step
        explorer._resting.setInterval(10)
        panel.dials.vividness.setValue(0.6)
        np.testing.assert_array_equal(shown().data, decoded(panel, Draw(seed=2, vividness=0.6)))
        qtbot.waitUntil(lambda: len(explorer.history.steps) == 2, timeout=PATIENCE)
        assert explorer.history.steps[1].recipe == Draw(seed=2, vividness=0.6)

    def test_the_camera_alone_makes_nothing_anew_of_a_small_image(
        self, viewer: Any, panel: ExplorePanel, shown: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        panel.dials.roll()
        shown()
        monkeypatch.setattr(panel.explorer.live, "ask", lambda wish: pytest.fail("made anew"))
        panel.ground.moved.emit()

    def test_discard_takes_it_away(self, viewer: Any, panel: ExplorePanel, shown: Any, qtbot: Any) -> None:
        panel.dials.roll()
        shown()
        panel.discard.click()
        assert len(viewer.layers) == 3
        panel.dials.roll()
        panel.discard.click()
        qtbot.wait(200)  # what was under way is not shown any more
        assert len(viewer.layers) == 3

    def test_of_a_large_image_a_part_is_previewed_where_it_lies(
        self, viewer: Any, panel: ExplorePanel, shown: Any
    ) -> None:
        large = viewer.add_image(np.random.default_rng(5).integers(90, 150, (40, 100), np.uint8), name="large")
        panel.ground.image.value = large
        marks = viewer.add_shapes([np.array([(2.5, 69.5), (2.5, 89.5), (19.5, 89.5), (19.5, 69.5)])], name="here")
        panel.ground.part.value = marks
        panel.dials.roll()
        layer = shown()
        assert layer.data.shape == (8 * 17, 8 * 20)
        np.testing.assert_allclose(layer.data_to_world((-0.5, -0.5)), (2.5, 69.5), atol=1e-9)
        marks.data = [np.array([(9.5, -0.5), (9.5, 89.5), (37.5, 89.5), (37.5, -0.5)])]
        panel.explorer.look()
        panel.dials.roll()
        assert shown() is layer
        assert layer.data.shape == (8 * 28, 8 * 64)
        np.testing.assert_allclose(layer.data_to_world((-0.5, -0.5)), (9.5, 12.5), atol=1e-9)

    def test_of_a_stack_the_plane_that_is_shown_is_previewed_there(
        self, viewer: Any, panel: ExplorePanel, shown: Any, qtbot: Any
    ) -> None:
        pixels = np.random.default_rng(6).integers(90, 150, (3, 14, 12), np.uint8)
        stack = viewer.add_image(pixels, name="stack", scale=(5, 1, 1))
        viewer.dims.set_current_step(0, 2)
        panel.ground.image.value = stack
        for plane in (2, 1):
            viewer.dims.set_current_step(0, plane)
            qtbot.waitUntil(lambda plane=plane: panel.explorer.subject.origin.plane == (plane,), timeout=PATIENCE)
            panel.dials.roll()
            layer = shown()
            grey = np.repeat(np.squeeze(layer.data)[..., None], 3, axis=2)
            np.testing.assert_array_equal(low_resolution(grey)[..., 0], pixels[plane])
            assert layer.extent.world[0, -3:-2].tolist() in ([], [5 * plane])  # on all planes, or on its own

    def test_a_reference_that_goes_is_gone_from_the_recipe(self, viewer: Any, panel: ExplorePanel, shown: Any) -> None:
        panel.weights.sliders[1].setValue(0.75)
        shown()
        for name, left in (("bark", Mix((0.75,))), ("moss", Mix())):
            panel.weights.remove(viewer.layers[name])
            assert panel.explorer.recipe == Draw(left)
            np.testing.assert_array_equal(shown().data, decoded(panel, Draw(left)))
            assert panel.weights.mix == left

    def test_what_cannot_be_previewed_is_said(
        self, viewer: Any, panel: ExplorePanel, preferences: Preferences, qtbot: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "napari_refvae.widget.explore.panel.read_preferences", lambda: replace(preferences, model="absent")
        )
        panel.weights.remove(viewer.layers["moss"])
        panel.dials.roll()
        qtbot.waitUntil(lambda: "No preview" in panel.foot.text.text(), timeout=PATIENCE)
        assert "absent" in panel.foot.text.text()


class TestKeep:
    def test_a_kept_sample_is_one_of_a_run_and_replays(
        self, viewer: Any, panel: ExplorePanel, shown: Any, done: Any, tmp_path: Path
    ) -> None:
        panel.weights.sliders[1].setValue(0.5)
        shown()
        panel.keep.click()
        done()
        panel.dials.seed.setValue(3)
        panel.keep.click()
        done()
        [second_shown, first] = sorted(samples(viewer), key=lambda one: -one.metadata[METADATA_KEY]["sample"])
        assert second_shown.visible
        assert not first.visible
        assert panel.explorer.preview.layer is None
        np.testing.assert_array_equal(low_resolution(first.data), LOW)
        record = first.metadata[METADATA_KEY]["provenance"]
        again = reopen(
            record,
            image=LOW,
            references=panel.explorer.subject.references,
            model=panel.explorer.subject.preferences.model,
            device="cpu",
            precision="float32",
        )
        recipe = recipe_from_dict(record["settings"]["recipe"])
        np.testing.assert_array_equal(again.decode(recipe).sr, first.data)
        self.pasted(viewer, panel, first.data)
        self.exported(panel, tmp_path, [first.data, second_shown.data])

    @pytest.mark.parametrize(("kind", "size"), [("stack", (100, 40)), ("small", (25, 33))])
    def test_what_is_copied_makes_the_same_pixels_in_the_same_place(
        self, viewer: Any, panel: ExplorePanel, shown: Any, done: Any, kind: str, size: tuple[int, int]
    ) -> None:
        """Of a plane of a stack; and of an image so small that napari would take its colours for planes."""
        rng = np.random.default_rng(7)
        panel.copy.click()
        assert "nothing to copy" in panel.foot.text.text()
        if kind == "stack":
            image = viewer.add_image(rng.integers(90, 150, (3, 14, 12), np.uint16), name=kind, scale=(5, 2, 3))
            viewer.dims.set_current_step(0, 1)
        else:
            image = viewer.add_image(rng.integers(90, 150, (3, 9, 3), np.uint8), rgb=True, name=kind, rotate=30)
            size = (5, 33)
        panel.ground.image.value = image
        panel.weights.sliders[0].setValue(0.5)
        previewed = shown()
        viewer.layers.selection = {image}
        self.copied(viewer, panel, previewed)
        sizes = panel.sections["Other sizes"]
        sizes.tied.setChecked(False)
        sizes.down.setValue(size[0])
        sizes.across.setValue(size[1])
        sizes.sized.click()
        done()
        made = viewer.layers.selection.active
        assert np.squeeze(made.data).shape[:2] == size
        np.testing.assert_allclose(made._extent_data_augmented[0], -0.5)
        self.copied(viewer, panel, made)

    def copied(self, viewer: Any, panel: ExplorePanel, wanted: Any) -> None:
        panel.copy.click()
        assert "Copied" in panel.foot.text.text()
        exec(QApplication.clipboard().text(), {"viewer": viewer})
        made = viewer.layers[-1]
        np.testing.assert_array_equal(made.data, wanted.data)
        np.testing.assert_allclose(made.extent.world, wanted.extent.world)
        assert made.rgb == wanted.rgb
        viewer.layers.remove(made)
        viewer.layers.selection = {wanted}

    def test_what_comes_after_the_pixels_changed_is_of_those_before(
        self, viewer: Any, panel: ExplorePanel, done: Any
    ) -> None:
        explorer, before = panel.explorer, panel.explorer.subject
        panel.keep.click()
        explorer.renew(replace(before, origin=replace(before.origin, pixels=LOW[::-1].copy())))
        done()
        [made] = samples(viewer)
        np.testing.assert_array_equal(low_resolution(made.data), LOW)
        assert panel.runs.of(made).origin is before.origin
        assert explorer.history.steps == ()

    def test_a_job_ends_when_a_reference_goes(self, viewer: Any, panel: ExplorePanel, done: Any) -> None:
        panel.weights.sliders[0].setValue(1.0)
        panel.keep.click()
        panel.weights.remove(viewer.layers["bark"])
        done()
        assert samples(viewer) == []
        assert not any(
            any(step.recipe.mix.weights) for step in panel.explorer.history.steps
        )  # what is left was previewed

    def pasted(self, viewer: Any, panel: ExplorePanel, wanted: Any) -> None:
        source = python_of(panel.runs.latest())
        exec(source, {"viewer": viewer})
        made = viewer.layers["50\N{NO-BREAK SPACE}% moss; seed 0"]
        np.testing.assert_array_equal(made.data, wanted)
        np.testing.assert_allclose(made.extent.world, samples(viewer)[0].extent.world)

    def exported(self, panel: ExplorePanel, folder: Path, wanted: list[Any]) -> None:
        run = panel.runs.latest()
        for sample in run.samples.values():
            sample.kept = True
        *files, record = Export.of(run, folder).write()
        for file, pixels in zip(files, wanted, strict=True):
            np.testing.assert_array_equal(read_image(file), pixels)
        exploration = Exploration.load(record)
        assert [step.recipe.seed for step in exploration.steps] == [0, 3]

    def test_a_kept_sample_can_be_gone_on_from(self, viewer: Any, panel: ExplorePanel, shown: Any, done: Any) -> None:
        panel.weights.sliders[0].setValue(0.5)
        panel.keep.click()
        done()
        kept = panel.explorer.recipe
        panel.dials.roll()
        panel.weights.sliders[1].setValue(0.4)
        viewer.layers.selection = {samples(viewer)[0]}
        panel.start.click()
        assert panel.explorer.recipe == kept
        assert panel.weights.names == ("bark", "moss")
        assert panel.explorer.history.steps  # it is the same exploration
        assert panel.weights.mix.used == {0: 0.5}
        viewer.layers.selection = {viewer.layers["photo"]}
        panel.start.click()
        assert "select the layer" in panel.foot.text.text()

    def test_a_runs_sample_is_where_a_panel_begins(self, viewer: Any, preferences: Preferences, qtbot: Any) -> None:
        upscale_layer(
            viewer, "photo", ["moss"], samples=1, seed=6, model=preferences.model, precision="float32", device="cpu"
        )
        made = ExplorePanel(Runs.of_viewer(viewer), viewer)
        assert made.ground.layer is viewer.layers["photo"]
        assert made.weights.names == ("moss",)
        assert made.explorer.recipe == Draw(Mix.of(0), seed=6)
        assert made.explorer.subject.preferences.model == preferences.model  # the run's, not the preferred one
        assert made.explorer.preview.layer is None
        made.detach()


class TestHistory:
    def test_steps_are_undone_redone_applied_and_kept_in_a_file(
        self, viewer: Any, panel: ExplorePanel, shown: Any, qtbot: Any, tmp_path: Path
    ) -> None:
        explorer, strip = panel.explorer, panel.history
        explorer._settled.setInterval(10)
        for count, weight in enumerate((0.2, 0.5, 0.9), start=1):
            panel.weights.sliders[0].setValue(weight)
            qtbot.waitUntil(lambda count=count: len(explorer.history.steps) == count, timeout=PATIENCE)
        assert strip.list.count() == 3
        assert not strip.list.item(0).icon().isNull()
        strip.undo.click()
        shown()
        assert panel.weights.mix.used == {0: 0.5}
        strip.redo.click()
        assert panel.weights.mix.used == {0: 0.9}
        strip.list.itemClicked.emit(strip.list.item(0))
        shown()
        assert panel.weights.mix.used == {0: 0.2}
        assert len(explorer.history.steps) == 3
        strip.write(tmp_path / "mine.json")
        panel.weights._remove(viewer.layers["bark"])  # a step uses it
        assert panel.weights.names == ("bark", "moss")
        strip.clear.click()
        assert strip.list.count() == 0
        panel.weights._remove(viewer.layers["bark"])
        assert panel.weights.names == ("moss",)
        panel.load(tmp_path / "mine.json")
        assert panel.weights.names == ("bark", "moss")
        assert panel.weights.mix.used == {0: 0.2}
        assert strip.list.count() == 3
        viewer.layers.remove("bark")
        panel.load(tmp_path / "mine.json")
        assert "'bark' among the layers" in panel.foot.text.text()
        panel.ground.image.value = viewer.layers["moss"]
        panel.load(tmp_path / "mine.json")
        assert "'photo', to be chosen" in panel.foot.text.text()


class TestImages:
    def test_another_image_begins_anew_and_none_is_said(self, viewer: Any, panel: ExplorePanel, shown: Any) -> None:
        panel.dials.roll()
        shown()
        panel.ground.image.value = viewer.layers["moss"]
        assert panel.explorer.recipe == Draw()
        assert panel.weights.names == ("bark",)  # an image is no reference of itself
        assert panel.explorer.preview.layer is None
        viewer.layers.remove("moss")
        assert panel.ground.layer is viewer.layers["bark"]
        assert "'moss' is no longer open" in panel.foot.text.text()
        assert "'bark' now" in panel.foot.text.text()
        for name in ("photo", "bark"):
            viewer.layers.remove(name)
        assert panel.explorer.subject is None
        assert "Open an image" in panel.foot.text.text()
        panel.dials.roll()  # harmless

    def test_other_pixels_of_the_image_are_followed(
        self, viewer: Any, panel: ExplorePanel, shown: Any, qtbot: Any
    ) -> None:
        panel.dials.seed.setValue(5)
        layer, before = shown(), shown().data
        viewer.layers["photo"].data = LOW[::-1].copy()
        qtbot.waitUntil(lambda: not np.array_equal(panel.explorer.subject.origin.pixels, LOW), timeout=PATIENCE)
        shown()
        assert panel.explorer.recipe == Draw(seed=5)
        layer = panel.explorer.preview.layer
        assert not np.array_equal(layer.data, before)
        np.testing.assert_array_equal(low_resolution(layer.data), LOW[::-1])

    def test_a_dock_that_is_closed_lets_its_panel_go(self, viewer: Any, preferences: Preferences) -> None:
        dock = ExploreDock(viewer)
        viewer.window.add_dock_widget(dock)
        viewer.window.remove_dock_widget(dock)
        assert not dock.panel._attached

    def test_a_panel_that_goes_lets_go_of_everything(self, viewer: Any, panel: ExplorePanel, qtbot: Any) -> None:
        panel.dials.roll()
        panel.keep.click()
        panel.detach()
        panel.detach()
        viewer.add_image(LOW, name="later")
        qtbot.wait(300)
        assert not any(is_result(one) for one in viewer.layers)


class TestEnding:
    def test_makes_no_part_anew(self, panel: ExplorePanel) -> None:
        """A closing window has begun to take its parts down: what is made in it then is drawn in nothing."""
        before = panel.findChildren(QWidget)
        panel.detach()
        assert panel.findChildren(QWidget) == before
