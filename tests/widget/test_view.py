"""The widget in a real viewer: with a fake engine, and whole clicks with a real, tiny network."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_refvae.spec import IntensityRange, PriorReference, Progress, SelfReference
from napari_refvae.widget.layers import METADATA_KEY, is_result
from napari_refvae.widget.view import UpscaleWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from napari_refvae.engine.result import SuperResolutionResult

PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
TEXTURE = np.random.default_rng(1).integers(0, 256, (40, 30), np.uint8)


class FakeEngine:
    """Takes what the widget asks for, and answers without computing."""

    def __init__(self, make_result: Callable[..., SuperResolutionResult]) -> None:
        self.calls: list[dict[str, Any]] = []
        self._make_result = make_result

    def __call__(self, **arguments: Any) -> Generator[Progress, None, Any]:
        self.calls.append(arguments)
        yield Progress(0, 2, "encode")
        yield Progress(1, 2, "decode")
        return self._make_result(arguments["image"], arguments["samples"])


@pytest.fixture
def engine(make_result: Callable[..., SuperResolutionResult]) -> FakeEngine:
    return FakeEngine(make_result)


@pytest.fixture
def viewer(make_napari_viewer_proxy: Callable[[], Any]) -> Any:
    return make_napari_viewer_proxy()


@pytest.fixture
def widget(viewer: Any, engine: FakeEngine) -> UpscaleWidget:
    made = UpscaleWidget(viewer, steps=engine)
    viewer.window.add_dock_widget(made)
    return made


def click(widget: UpscaleWidget, qtbot: Any) -> None:
    widget.button.native.click()
    qtbot.waitUntil(lambda: widget.button.text == "Upscale", timeout=60_000)


def results(viewer: Any, kind: str = "sample") -> list[Any]:
    return [layer for layer in viewer.layers if is_result(layer) and layer.metadata[METADATA_KEY]["kind"] == kind]


def test_an_empty_viewer_says_how_to_begin(widget: UpscaleWidget) -> None:
    assert widget.image.value is None
    assert not widget.button.enabled
    assert "Open Sample" in widget.status.value


def test_a_click_adds_samples_and_residuals(viewer: Any, widget: UpscaleWidget, engine: FakeEngine, qtbot: Any) -> None:
    layer = viewer.add_image(PHOTOGRAPH, rgb=True, name="photo", scale=(2, 2), translate=(5, 7))
    widget.samples.value = 3
    click(widget, qtbot)
    assert len(results(viewer)) == 3
    assert len(results(viewer, "residual")) == 3
    assert viewer.layers[-1].name == "photo 8x #1"
    assert viewer.layers[-1].data.shape == (96, 80, 3)
    np.testing.assert_allclose(viewer.layers[-1].scale, layer.scale / 8)
    assert engine.calls[0]["intensity_range"] is None
    assert not widget.progress.visible


def test_the_engine_gets_what_the_fields_say(
    viewer: Any, widget: UpscaleWidget, engine: FakeEngine, qtbot: Any
) -> None:
    viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
    bark = viewer.add_image(TEXTURE, name="bark", contrast_limits=(0, 255))
    widget.image.value = viewer.layers["photo"]
    widget.reference.value = bark
    widget.samples.value, widget.seed.value = 2, 7
    widget.temperature.value, widget.strength.value, widget.vividness.value = 0.5, 0.25, 0.75
    click(widget, qtbot)
    (call,) = engine.calls
    np.testing.assert_array_equal(call["image"], PHOTOGRAPH)
    assert [reference.name for reference in call["references"]] == ["bark"]
    np.testing.assert_allclose(call["references"][0].image[..., 0], TEXTURE / 255, atol=1e-6)
    assert {name: call[name] for name in ("samples", "seed", "temperature", "strength", "vividness")} == {
        "samples": 2,
        "seed": 7,
        "temperature": 0.5,
        "strength": 0.25,
        "vividness": 0.75,
    }


def test_a_grey_layer_is_seen_through_its_contrast_limits(
    viewer: Any, widget: UpscaleWidget, engine: FakeEngine, qtbot: Any
) -> None:
    viewer.add_image(np.full((9, 9), 500, np.uint16), contrast_limits=(100, 900))
    click(widget, qtbot)
    assert engine.calls[0]["intensity_range"] == IntensityRange(100, 900)


def test_no_reference_is_the_default_and_the_image_itself_can_be_one(
    viewer: Any, widget: UpscaleWidget, engine: FakeEngine, qtbot: Any
) -> None:
    viewer.add_image(PHOTOGRAPH, rgb=True)
    click(widget, qtbot)
    widget.reference.value = SelfReference()
    click(widget, qtbot)
    assert [call["references"] for call in engine.calls] == [[PriorReference()], [SelfReference()]]


class TestChoices:
    def test_results_are_not_offered(self, viewer: Any, widget: UpscaleWidget, qtbot: Any) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        click(widget, qtbot)
        assert [choice.name for choice in widget.image.choices] == ["photo"]
        assert len(widget.reference.choices) == 3

    def test_a_choice_survives_renaming_and_reordering(self, viewer: Any, widget: UpscaleWidget) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        bark = viewer.add_image(TEXTURE, name="bark")
        stone = viewer.add_image(TEXTURE, name="stone")
        widget.reference.value = bark
        widget.image.value = stone
        bark.name = "oak"
        stone.name = "pebble"
        viewer.layers.move(0, 3)
        assert widget.reference.value == bark
        assert widget.image.value == stone
        assert widget.reference.current_choice == "oak"

    def test_a_removed_reference_becomes_none_not_another_layer(self, viewer: Any, widget: UpscaleWidget) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        bark = viewer.add_image(TEXTURE, name="bark")
        widget.reference.value = bark
        viewer.layers.remove("bark")
        assert widget.reference.value == PriorReference()
        assert widget.image.value == viewer.layers["photo"]

    def test_a_removed_image_leaves_the_widget_empty(self, viewer: Any, widget: UpscaleWidget) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        viewer.layers.clear()
        assert widget.image.value is None
        assert not widget.button.enabled


def test_cancel_leaves_nothing_behind(viewer: Any, qtbot: Any) -> None:
    def endless(**_: Any) -> Generator[Progress, None, Any]:
        while True:
            time.sleep(0.01)
            yield Progress(1, 2, "decode")

    widget = UpscaleWidget(viewer, steps=endless)
    viewer.window.add_dock_widget(widget)
    viewer.add_image(PHOTOGRAPH, rgb=True)
    widget.button.native.click()
    assert widget.button.text == "Cancel"
    qtbot.waitUntil(lambda: widget.progress.value == 1)
    click(widget, qtbot)
    assert len(viewer.layers) == 1
    assert widget.button.enabled


def test_an_error_leaves_the_widget_ready(viewer: Any, qtbot: Any) -> None:
    def failing(**_: Any) -> Generator[Progress, None, Any]:
        yield Progress(0, 1, "encode")
        raise RuntimeError("out of luck")

    widget = UpscaleWidget(viewer, steps=failing)
    viewer.window.add_dock_widget(widget)
    viewer.add_image(PHOTOGRAPH, rgb=True)
    click(widget, qtbot)
    assert widget.button.enabled
    assert len(viewer.layers) == 1


def test_a_stack_is_refused_before_anything_runs(
    viewer: Any, widget: UpscaleWidget, engine: FakeEngine, qtbot: Any
) -> None:
    viewer.add_image(np.zeros((3, 9, 9), np.uint8))
    click(widget, qtbot)
    assert engine.calls == []


def test_the_input_may_go_while_it_is_super_resolved(viewer: Any, widget: UpscaleWidget, qtbot: Any) -> None:
    viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
    widget.button.native.click()
    viewer.layers.clear()
    qtbot.waitUntil(lambda: widget.button.text == "Upscale")
    assert len(results(viewer)) == 4


def test_closing_the_dock_widget_ends_its_run(viewer: Any, qtbot: Any) -> None:
    state: dict[str, bool] = {}

    def endless(**_: Any) -> Generator[Progress, None, Any]:
        try:
            while True:
                state["running"] = True
                time.sleep(0.01)
                yield Progress(1, 2, "decode")
        finally:
            state["closed"] = True

    widget = UpscaleWidget(viewer, steps=endless)
    dock = viewer.window.add_dock_widget(widget)
    viewer.add_image(PHOTOGRAPH, rgb=True)
    widget.button.native.click()
    qtbot.waitUntil(lambda: "running" in state)
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: "closed" in state)


class TestWholeClick:
    """Nothing fake but the size of the network."""

    @pytest.fixture
    def widget(self, viewer: Any, tiny_model: Path) -> UpscaleWidget:
        from napari_refvae import api

        made = UpscaleWidget(viewer, steps=partial(api.steps, model=tiny_model))
        viewer.window.add_dock_widget(made)
        return made

    def test_the_layers_are_what_the_api_returns(
        self, viewer: Any, widget: UpscaleWidget, tiny_model: Path, qtbot: Any
    ) -> None:
        from napari_refvae import upscale

        viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        bark = viewer.add_image(TEXTURE, name="bark", contrast_limits=(0, 255))
        widget.image.value, widget.reference.value = viewer.layers["photo"], bark
        widget.samples.value = 2
        click(widget, qtbot)
        expected = upscale(PHOTOGRAPH, [TEXTURE], samples=2, model=tiny_model)
        samples = results(viewer)[::-1]
        assert [layer.name for layer in samples] == ["photo 8x by bark #1", "photo 8x by bark #2"]
        for layer, sr, residual in zip(samples, expected.sr, expected.residual("bicubic"), strict=True):
            np.testing.assert_array_equal(layer.data, sr)
            shown = viewer.layers[f"{layer.name} residual"].data
            np.testing.assert_allclose(shown, residual @ (0.299, 0.587, 0.114), atol=1e-3)
        assert samples[0].metadata[METADATA_KEY]["provenance"]["samples"] == expected.provenance["samples"]

    def test_the_manifest_opens_the_widget_and_the_sample_data(self, viewer: Any, qtbot: Any) -> None:
        viewer.open_sample("napari-refvae", "texture")
        _, widget = viewer.window.add_plugin_dock_widget("napari-refvae", "Upscale 8x")
        viewer.open_sample("napari-refvae", "photograph")
        assert viewer.layers["cat"].data.shape == (37, 56, 3)
        assert [layer.name for layer in widget.image.choices] == ["brick", "cat"]
