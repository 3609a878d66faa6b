"""What is made of a recipe, in a real viewer: variations, painting, picks, trust, compositions, scales, suggestions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from exploring import LOW, PATIENCE, REFERENCES, decoded, place_of, samples

from napari_refvae.explore import Composition, Draw, Mix, Painting, Variation
from napari_refvae.imageio.writing import write_image
from napari_refvae.metrics import low_resolution
from napari_refvae.widget.results.layers import METADATA_KEY, is_result

if TYPE_CHECKING:
    from pathlib import Path

    from napari_refvae.widget.explore.panel import ExplorePanel


class TestMoreLikeThis:
    def test_variations_are_samples_and_steps(self, viewer: Any, panel: ExplorePanel, done: Any) -> None:
        panel.weights.sliders[0].setValue(1.0)
        near = panel.sections["More like this"]
        near.amount.setValue(0.4)
        near.count.setValue(2)
        near.make.click()
        assert not near.make.isEnabled()
        done()
        assert near.make.isEnabled()
        steps = [step.recipe for step in panel.explorer.history.steps if isinstance(step.recipe, Variation)]
        assert [(type(one), one.amount, one.of) for one in steps] == [(Variation, 0.4, Draw(Mix((1.0, 0.0))))] * 2
        assert steps[0].seed != steps[1].seed
        assert len(samples(viewer)) == 2
        assert panel.explorer.recipe == Draw(Mix((1.0, 0.0)))  # from where the next ones are made

    def test_what_is_locked_stays(self, viewer: Any, panel: ExplorePanel, shown: Any) -> None:
        before = decoded(panel, Draw())
        photo, near = viewer.layers["photo"], panel.sections["More like this"]
        corners = np.array([(-0.5, -0.5), (-0.5, 11.5), (6.5, 11.5), (6.5, -0.5)])
        near.lock.value = viewer.add_shapes([corners], name="sky", **place_of(photo))
        near.amount.setValue(1.0)
        near.step.click()
        layer = shown()
        assert panel.explorer.recipe.locked.sum() == 7 * 12
        change = np.abs(layer.data.astype(float) - before)
        assert change[:24].mean() < 0.2 * change[-24:].mean()

    def test_an_empty_lock_is_said(self, viewer: Any, panel: ExplorePanel) -> None:
        near = panel.sections["More like this"]
        near.lock.value = viewer.add_shapes(name="nothing yet", ndim=2)
        near.make.click()
        assert "draw a region" in panel.foot.text.text()
        assert not panel.explorer.tasks.running


class TestPaint:
    def test_the_brush_is_previewed_as_it_paints(
        self, viewer: Any, panel: ExplorePanel, shown: Any, qtbot: Any
    ) -> None:
        paint = panel.sections["Paint with references"]
        paint.begin.click()
        labels = viewer.layers["references"]
        np.testing.assert_allclose(labels.extent.world, viewer.layers["photo"].extent.world)
        assert viewer.layers.selection == {labels}
        assert labels.mode == "paint"
        assert [one.text() for one in paint.brushes] == ["as the weights say", "bark", "moss"]
        paint.brushes[2].click()
        labels.paint((3, 3), labels.selected_label)
        qtbot.waitUntil(lambda: isinstance(panel.explorer.recipe, Painting), timeout=PATIENCE)
        shown()
        np.testing.assert_array_equal(panel.explorer.recipe.labels, labels.data)
        assert panel.explorer.recipe.mixes == {1: Mix.of(0), 2: Mix.of(1)}
        assert viewer.layers.index(labels) > viewer.layers.index(panel.explorer.preview.layer)
        paint.softness.setValue(2.0)
        qtbot.waitUntil(lambda: panel.explorer.recipe.softness == 2.0, timeout=PATIENCE)
        paint.end.click()
        assert panel.explorer.recipe == Draw()
        assert "references" not in viewer.layers

    def test_undo_takes_paint_back_too(self, viewer: Any, panel: ExplorePanel, shown: Any, qtbot: Any) -> None:
        explorer, paint = panel.explorer, panel.sections["Paint with references"]
        explorer._settled.setInterval(10)
        paint.begin.click()
        for count, at in enumerate(((3, 3), (11, 8)), start=1):
            viewer.layers["references"].paint(at, 1)
            qtbot.waitUntil(lambda count=count: len(explorer.history.steps) == count, timeout=PATIENCE)
        panel.history.undo.click()
        np.testing.assert_array_equal(viewer.layers["references"].data, explorer.history.steps[0].recipe.labels)
        qtbot.wait(100)
        assert explorer.recipe == explorer.history.steps[0].recipe
        assert len(explorer.history.steps) == 2

    def test_what_is_painted_follows_when_a_reference_goes(
        self, viewer: Any, panel: ExplorePanel, shown: Any, qtbot: Any
    ) -> None:
        panel.sections["Paint with references"].begin.click()
        labels = viewer.layers["references"]
        for at, number in (((3, 3), 1), ((11, 8), 2)):
            labels.paint(at, number)
        qtbot.waitUntil(lambda: isinstance(panel.explorer.recipe, Painting), timeout=PATIENCE)
        moss = labels.data == 2
        panel.weights.remove(viewer.layers["bark"])
        recipe = panel.explorer.recipe
        assert recipe.mixes == {1: Mix.of(0)}
        np.testing.assert_array_equal(recipe.labels, moss)
        np.testing.assert_array_equal(labels.data, moss)
        np.testing.assert_array_equal(shown().data, decoded(panel, recipe))

    def test_another_image_has_paint_of_its_own(self, viewer: Any, panel: ExplorePanel) -> None:
        paint = panel.sections["Paint with references"]
        paint.begin.click()
        before = paint.labels
        panel.ground.image.value = viewer.layers["moss"]
        assert paint.labels is None
        assert before in viewer.layers
        paint.begin.click()
        assert paint.labels.data.shape == REFERENCES["moss"].shape[:2]

    def test_without_a_reference_there_is_nothing_to_paint_with(self, viewer: Any, panel: ExplorePanel) -> None:
        for name in REFERENCES:
            panel.weights.remove(viewer.layers[name])
        panel.sections["Paint with references"].begin.click()
        assert "add a reference" in panel.foot.text.text()


class TestMany:
    def test_the_most_different_of_many_come_as_samples(self, viewer: Any, panel: ExplorePanel, done: Any) -> None:
        many = panel.sections["A spread of samples"]
        many.draws.setValue(6)
        many.picks.setValue(3)
        many.make.click()
        done()
        assert len(samples(viewer)) == 3
        assert len({step.recipe.seed for step in panel.explorer.history.steps}) == 3
        assert many.found.text().count("seed") == 3

    def test_cancel_stops_between_draws(self, viewer: Any, panel: ExplorePanel, done: Any, qtbot: Any) -> None:
        many = panel.sections["A spread of samples"]
        many.draws.setValue(200)
        advanced: list[float] = []
        panel.explorer.tasks.advanced.connect(lambda part, _: advanced.append(part))
        many.make.click()
        qtbot.waitUntil(lambda: bool(advanced), timeout=PATIENCE)
        panel.foot.cancel.click()
        done()
        assert "Cancelled" in panel.foot.text.text()
        assert samples(viewer) == []
        assert max(advanced) < 1

    def test_trust_maps_lie_over_the_image(self, viewer: Any, panel: ExplorePanel, done: Any, qtbot: Any) -> None:
        trust = panel.sections["Trust"]
        panel.dials.roll()  # a preview is on its way
        panel.dials.seed.setValue(0)
        trust.make.click()
        done()
        qtbot.wait(200)
        assert panel.explorer.preview.layer is None  # it would lie on top
        maps = [one for one in viewer.layers if is_result(one) and one.metadata[METADATA_KEY]["kind"] == "trust"]
        half, spread = maps
        drawn = np.stack([decoded(panel, Draw(seed=seed)) for seed in range(8)]).astype(np.float64)
        np.testing.assert_allclose(spread.data, drawn.std(axis=0, ddof=1).mean(axis=2), atol=1e-3)
        assert (half.data > spread.data).all()
        assert "another model" in panel.foot.text.text()
        corner = viewer.layers["photo"].data_to_world((-0.5, -0.5))
        np.testing.assert_allclose(spread.data_to_world((-0.5, -0.5)), corner)

    def test_trust_is_of_the_pixels_that_were_drawn_from(self, viewer: Any, panel: ExplorePanel, done: Any) -> None:
        explorer, before = panel.explorer, panel.explorer.subject
        trust = panel.sections["Trust"]
        trust.make.click()
        explorer.renew(replace(before, origin=replace(before.origin, name="other")))
        done()
        names = [one.name for one in viewer.layers if is_result(one)]
        assert len(names) == 2
        assert all(name.startswith("photo ") for name in names)

    def test_a_value_that_is_missing_is_no_invention(self, viewer: Any, panel: ExplorePanel, done: Any) -> None:
        gappy = np.linspace(0.3, 0.7, 14 * 12, dtype=np.float32).reshape(14, 12)
        gappy[3, 4] = np.nan
        panel.ground.image.value = viewer.add_image(gappy, name="gappy", contrast_limits=(0, 1))
        trust = panel.sections["Trust"]
        trust.make.click()
        done()
        [half, spread] = [one for one in viewer.layers if is_result(one)]
        for layer in (half, spread):
            assert (layer.data[24:32, 32:40] == 0).all()
            assert (np.delete(layer.data, slice(24, 32), axis=0) > 0).mean() > 0.99


class TestSizes:
    def test_other_scales_give_the_image_back(self, viewer: Any, panel: ExplorePanel, done: Any) -> None:
        for factor, made in panel.sections["Other sizes"].buttons.items():
            made.click()
            done()
            layer = next(one for one in samples(viewer) if one.data.shape[0] == 14 * factor)
            np.testing.assert_array_equal(low_resolution(layer.data, factor), LOW)

    def test_any_size_lies_over_the_image(self, viewer: Any, panel: ExplorePanel, done: Any, shown: Any) -> None:
        sizes, photo = panel.sections["Other sizes"], viewer.layers["photo"]
        panel.dials.seed.setValue(5)
        shown()
        sizes.across.setValue(60)
        assert sizes.down.value() == 70  # proportions are kept
        sizes.down.setValue(42)
        assert sizes.across.value() == 36
        sizes.tied.setChecked(False)
        sizes.across.setValue(50)
        sizes.sized.click()
        done()
        [layer] = [one for one in viewer.layers if is_result(one)]
        np.testing.assert_array_equal(layer.data, decoded(panel, Draw(seed=5), size=(42, 50)))
        for corner, mine in (((-0.5, -0.5), (-0.5, -0.5)), ((13.5, 11.5), (41.5, 49.5))):
            np.testing.assert_allclose(layer.data_to_world(mine), photo.data_to_world(corner))
        assert layer.metadata[METADATA_KEY]["provenance"]["settings"]["size"] == [42, 50]
        assert "50 x 42 pixels" in panel.foot.text.text()
        panel.ground.image.value = viewer.layers["moss"]
        assert (sizes.down.value(), sizes.across.value()) == (60, 72)


class TestCompose:
    def test_regions_show_the_steps_that_are_chosen(
        self, viewer: Any, panel: ExplorePanel, shown: Any, qtbot: Any
    ) -> None:
        explorer, compose = panel.explorer, panel.sections["Compose"]
        explorer._settled.setInterval(10)
        for count, seed in enumerate((3, 4), start=1):
            panel.dials.seed.setValue(seed)
            qtbot.waitUntil(lambda count=count: len(explorer.history.steps) == count, timeout=PATIENCE)
        compose.make.click()
        assert "draw some" in panel.foot.text.text()
        compose.layer.value = "draw regions ..."
        viewer.layers["regions"].data[:7] = 1
        compose.refreshed.click()
        compose.parts[1].value = 0
        compose.feather.setValue(0.0)
        compose.make.click()
        layer = shown()
        assert isinstance(explorer.recipe, Composition)
        np.testing.assert_array_equal(low_resolution(layer.data), LOW)
        np.testing.assert_array_equal(
            layer.data,
            decoded(panel, Composition(Draw(seed=4), ((Draw(seed=3), viewer.layers["regions"].data == 1),), 0.0)),
        )
        assert not panel.dials.seed.isEnabled()
        panel.sections["More like this"].make.click()
        assert "no variations" in panel.foot.text.text()

    def test_more_labels_than_rows_are_said(self, viewer: Any, panel: ExplorePanel) -> None:
        compose = panel.sections["Compose"]
        rows = np.arange(14)[:, None].repeat(12, 1)
        compose.layer.value = viewer.add_labels(rows, **place_of(viewer.layers["photo"]))
        assert len(compose.parts) == 12
        assert "There are 13 labels; the first 12" in panel.foot.text.text()


class TestSuggest:
    def test_layers_are_ranked_and_used(self, viewer: Any, panel: ExplorePanel, done: Any) -> None:
        for name in REFERENCES:
            panel.weights.remove(viewer.layers[name])
        alike = np.random.default_rng(0).integers(110, 130, (96, 96, 3), np.uint8)
        viewer.add_image(alike, rgb=True, name="alike")
        fit = panel.sections["References that fit"]
        fit.layers.click()
        done()
        assert len(fit.uses) == 3
        fit.uses[0].click()
        assert len(panel.weights.names) == 1

    def test_files_of_one_stem_are_told_apart_and_bad_ones_left_out(
        self, panel: ExplorePanel, done: Any, tmp_path: Path
    ) -> None:
        write_image(tmp_path / "one.png", np.random.default_rng(0).integers(110, 130, (96, 96, 3), np.uint8))
        write_image(tmp_path / "one.tiff", np.zeros((96, 96, 3), np.uint8))
        (tmp_path / "bad.png").write_bytes(b"no image")
        fit = panel.sections["References that fit"]
        fit.rank_folder(tmp_path)
        done()
        fit.uses[0].click()
        assert panel.weights.choices[-1] == tmp_path / "one.png"
        fit.rank_folder(tmp_path)
        done()
        assert "Ranked 2 images" in panel.foot.text.text()
        assert "1 cannot be used and is left out" in panel.foot.text.text()

    def test_a_folder_that_is_gone_is_said(self, panel: ExplorePanel, tmp_path: Path) -> None:
        panel.sections["References that fit"].rank_folder(tmp_path / "gone")
        assert "cannot be read" in panel.foot.text.text()

    def test_an_empty_folder_is_said(self, panel: ExplorePanel, tmp_path: Path) -> None:
        panel.sections["References that fit"].rank_folder(tmp_path)
        assert "no images in" in panel.foot.text.text()
