"""The widget in a real viewer: with a fake engine, and whole clicks with a real, tiny network."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.utils import progress
from PIL import Image as Picture
from qtpy.QtCore import QTimer
from skimage import data

from napari_refvae.engine.forecasting import Forecast
from napari_refvae.errors import InvalidInputError, ModelError
from napari_refvae.metrics import low_resolution
from napari_refvae.regions import Region
from napari_refvae.spec import IntensityRange, PriorReference, SelfReference
from napari_refvae.widget.results import snippet
from napari_refvae.widget.results.layers import METADATA_KEY, is_result
from napari_refvae.widget.running.engine import Engine
from napari_refvae.widget.running.pace import Pace
from napari_refvae.widget.view import UpscaleWidget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
TEXTURE = np.random.default_rng(1).integers(0, 256, (40, 30), np.uint8)

TOGETHER = "2 layers as channels"

LONGEST = 1.5
"""Seconds that the event loop may stand still, on a machine that is busy otherwise."""


@pytest.fixture
def viewer(shared_viewer: Any) -> Iterator[Any]:
    yield shared_viewer
    shared_viewer.window.remove_dock_widget("all")
    shared_viewer.layers.clear()


@pytest.fixture
def widget(viewer: Any, engine: Any, monkeypatch: pytest.MonkeyPatch) -> UpscaleWidget:
    monkeypatch.setattr(Pace, "of_viewer", lambda _: Pace())  # the shared viewer's knows how fast other tests were
    made = UpscaleWidget(viewer, engine=engine)
    viewer.window.add_dock_widget(made)
    made.advanced.faithful.value = False
    made.sampling.samples.value = 2  # layers take their time
    return made


def ended(widget: UpscaleWidget) -> bool:
    return bool(widget.bar.button.text == "Upscale" and widget.bar.button.enabled)


def click(widget: UpscaleWidget, qtbot: Any) -> None:
    widget.bar.button.native.click()
    qtbot.waitUntil(lambda: ended(widget), timeout=60_000)


def results(viewer: Any, kind: str = "sample") -> list[Any]:
    """From the top."""
    return [one for one in viewer.layers[::-1] if is_result(one) and one.metadata[METADATA_KEY]["kind"] == kind]


class TestEmpty:
    def test_an_empty_viewer_leads_to_a_first_click(self, viewer: Any, widget: UpscaleWidget, qtbot: Any) -> None:
        assert widget.images.image.value is None
        assert not widget.bar.button.enabled
        assert not widget.start()
        widget.welcome.button.click()
        assert widget.images.image.value is viewer.layers["cat"]
        click(widget, qtbot)
        assert len(results(viewer)) == 2

    def test_the_form_comes_with_the_first_image_and_goes_with_the_last(
        self, viewer: Any, widget: UpscaleWidget
    ) -> None:
        def formed() -> bool:
            return not widget.welcome.isVisibleTo(widget)

        assert not formed()
        viewer.add_image(PHOTOGRAPH, rgb=True)
        assert formed()
        viewer.layers.clear()
        assert not formed()


class TestClick:
    def test_it_adds_samples_maps_and_the_faithful_image(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any
    ) -> None:
        layer = viewer.add_image(PHOTOGRAPH, rgb=True, name="photo", scale=(2, 2), translate=(5, 7), rotate=30)
        widget.sampling.samples.value = 3
        widget.advanced.faithful.value = True
        click(widget, qtbot)
        assert [one.name for one in results(viewer)] == ["photo 8x #1", "photo 8x #2", "photo 8x #3"]
        assert [len(results(viewer, kind)) for kind in ("residual", "spread", "faithful")] == [3, 1, 1]
        for one in filter(is_result, viewer.layers):
            assert one.data.shape[:2] == (96, 80)
            corner = one.data_to_world((-0.5, -0.5)), one.data_to_world((95.5, 79.5))
            np.testing.assert_allclose(corner, (layer.data_to_world((-0.5, -0.5)), layer.data_to_world((11.5, 9.5))))
            assert one.metadata[METADATA_KEY]["provenance"] == {"format": "test"}
        assert engine.calls[0]["intensity_range"] is None
        assert "Made 3 samples of 80 x 96" in widget.bar.status
        assert "50.0 dB" in widget.bar.status
        assert not list(progress._all_instances)

    def test_the_engine_gets_what_the_fields_say(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, tmp_path: Path
    ) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        bark = viewer.add_image(TEXTURE, name="bark", contrast_limits=(0, 255))
        widget.images.image.value = viewer.layers["photo"]
        widget.references.box.value = bark
        widget.references.add(SelfReference())
        widget.references.add(tmp_path / "stone.png")
        fields, advanced = widget.sampling, widget.advanced
        fields.samples.value, fields.seed.value, fields.scale.value = 2, 7, 4
        fields.temperature.value, fields.strength.value, fields.vividness.value = 0.5, 0.25, 0.75
        advanced.device.value, advanced.precision.value, advanced.tiles.value = "cpu", "float32", 64
        advanced.consistency.value, advanced.faithful.value = False, True
        click(widget, qtbot)
        (call,) = engine.calls
        first, second, third = call.pop("references")
        np.testing.assert_allclose(first.image[..., 0], TEXTURE / 255, atol=1e-6)
        assert (first.name, second, third) == ("bark", SelfReference(), tmp_path / "stone.png")
        np.testing.assert_array_equal(call.pop("image"), PHOTOGRAPH)
        assert call == {
            "samples": 2,
            "seed": 7,
            "scale": 4,
            "temperature": 0.5,
            "strength": 0.25,
            "vividness": 0.75,
            "model": "compact",
            "device": "cpu",
            "precision": "float32",
            "tile": 64,
            "consistency": None,
            "faithful": True,
            "intensity_range": None,
            "region": None,
            "matching": False,
        }
        assert len(results(viewer)) == 6
        assert results(viewer)[0].data.shape == (48, 40, 3)

    def test_a_grey_layer_is_seen_through_its_contrast_limits(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any
    ) -> None:
        viewer.add_image(np.full((9, 9), 500, np.uint16), contrast_limits=(100, 900))
        click(widget, qtbot)
        assert engine.calls[0]["intensity_range"] == IntensityRange(100, 900)
        assert engine.calls[0]["references"] == [PriorReference()]

    def test_so_are_colours_and_the_form_says_so_before(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any
    ) -> None:
        twelve_bits = np.full((9, 8, 3), 500, np.uint16)
        layer = viewer.add_image(twelve_bits, rgb=True, name="photo", contrast_limits=(0, 4095))
        qtbot.waitUntil(lambda: "photo: 2 samples, 64 x 72, black 0, white 4095." in widget.bar.forecast)
        layer.contrast_limits = (10, 2000)
        qtbot.waitUntil(lambda: "black 10, white 2000." in widget.bar.forecast)
        click(widget, qtbot)
        assert engine.calls[0]["intensity_range"] == IntensityRange(10, 2000)
        assert list(results(viewer)[0].contrast_limits) == [10, 2000]

    def test_the_shown_plane_of_a_stack_is_taken(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any
    ) -> None:
        stack = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((3, 9, 8), np.uint8)
        layer = viewer.add_image(stack, name="stack", scale=(5, 2, 3), translate=(1, 2, 3))
        viewer.dims.set_current_step(0, 2)
        click(widget, qtbot)
        assert (engine.calls[0]["image"] == 2).all()
        sample = results(viewer)[0]
        assert sample.name == "stack[2] 8x #1"
        np.testing.assert_allclose(sample.data_to_world((0, -0.5, -0.5)), layer.data_to_world((2, -0.5, -0.5)))
        qtbot.waitUntil(lambda: "plane 2 of the stack" in widget.bar.forecast)

    @pytest.mark.parametrize("what", ["image", "reference", "truth"])
    def test_a_view_that_does_not_show_which_plane_is_refused_and_said_to_be(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, messages: list[tuple[str, str]], what: str
    ) -> None:
        size = (96, 80) if what == "truth" else (9, 8)
        stack = viewer.add_image(np.zeros((3, *size), np.uint8), name="stack")
        if what != "image":
            widget.images.image.value = viewer.add_image(PHOTOGRAPH[..., 0], name="photo")
            (widget.references.box if what == "reference" else widget.images.truth).value = stack
        for change, back in (("order", (1, 0, 2)), ("ndisplay", 3)):
            before = getattr(viewer.dims, change)
            setattr(viewer.dims, change, back)
            qtbot.waitUntil(lambda: "for a stack, of which the plane on show is taken" in widget.bar.forecast)
            assert not widget.start()
            setattr(viewer.dims, change, before)
            qtbot.waitUntil(lambda: "2 samples" in widget.bar.forecast)
        assert [severity for severity, _ in messages] == ["error"] * 2
        assert engine.calls == []

    def test_an_image_alone_is_the_same_in_any_view(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any
    ) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True)
        viewer.dims.order = (1, 0)
        try:
            click(widget, qtbot)
            assert len(engine.calls) == 1
            widget.images.part.value = "in view"
            assert not widget.start()  # its rows and columns are exchanged there
        finally:
            viewer.dims.order = (0, 1)

    def test_a_rectangle_is_the_region(self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any) -> None:
        layer = viewer.add_image(PHOTOGRAPH, rgb=True, name="photo", scale=(2, 2), translate=(5, 7))
        widget.images.part.value = "draw ..."
        shapes = viewer.layers["region"]
        assert widget.images.part.value is shapes
        assert shapes.mode == "add_rectangle"
        assert widget.images.image.value is layer
        qtbot.waitUntil(lambda: widget.bar.forecast == "Draw a rectangle over photo, then click Upscale.")
        qtbot.wait(300)  # nothing else is on its way
        shapes.add_rectangles(np.array([[1.5, 2.5], [1.5, 8.5], [6.5, 8.5], [6.5, 2.5]]))
        qtbot.waitUntil(lambda: "from 6 x 5 of its 10 x 12" in widget.bar.forecast)
        shapes.add_rectangles(np.array([[0.5, 0.5], [0.5, 2.5], [9.5, 2.5], [9.5, 0.5]]))
        qtbot.waitUntil(lambda: "from 2 x 9 of its 10 x 12" in widget.bar.forecast)
        shapes.selected_data = {0}
        qtbot.waitUntil(lambda: "from 6 x 5 of its 10 x 12" in widget.bar.forecast)
        click(widget, qtbot)
        assert engine.calls[0]["region"] == Region(2, 3, 5, 6)
        sample = results(viewer)[0]
        assert sample.name == "photo part 8x #1"
        np.testing.assert_allclose(sample.data_to_world((-0.5, -0.5)), layer.data_to_world((1.5, 2.5)))
        np.testing.assert_allclose(sample.data_to_world((39.5, 47.5)), layer.data_to_world((6.5, 8.5)))

    def test_residuals_may_be_against_the_ground_truth(self, viewer: Any, widget: UpscaleWidget, qtbot: Any) -> None:
        truth = viewer.add_image(np.full((96, 80, 3), 9, np.uint8), rgb=True, name="hr")
        widget.images.image.value = viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        widget.images.truth.value = truth
        widget.advanced.residual.value = "truth"
        click(widget, qtbot)
        np.testing.assert_allclose(results(viewer, "residual")[0].data, 1 - 9, rtol=1e-5)
        assert (widget.runs.latest().truth == 9).all()

    def test_residuals_against_a_truth_that_is_not_chosen_are_refused_before_the_run(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, messages: list[tuple[str, str]]
    ) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True)
        widget.advanced.residual.value = "truth"
        qtbot.waitUntil(lambda: "expected a ground truth" in widget.bar.forecast)
        assert not widget.start()
        [(severity, message)] = messages
        assert severity == "error"
        assert "choose its layer" in message
        assert engine.calls == []
        assert len(viewer.layers) == 1

    def test_a_truth_that_does_not_fit_is_flagged_and_a_refused_click_says_so(
        self, viewer: Any, widget: UpscaleWidget, qtbot: Any, messages: list[tuple[str, str]]
    ) -> None:
        wrong = viewer.add_image(np.zeros((96, 81, 3), np.uint8), rgb=True, name="hr")
        widget.images.image.value = viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        click(widget, qtbot)
        assert widget.bar.status.startswith("Made 2 samples")
        widget.images.truth.value = wrong
        widget.sampling.scale.value = 4
        qtbot.waitUntil(lambda: "expected a ground truth of 40 x 48" in widget.bar.forecast)
        assert not widget.start()
        assert widget.bar.status == f"Not begun: {messages[-1][1]}."
        widget.images.truth.value = None
        assert widget.bar.status == ""


class TestMatching:
    """Detail is copied from references that show the same thing, where there is something to copy from."""

    def test_it_reaches_run_forecast_and_preparation(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, tmp_path: Path
    ) -> None:
        Picture.new("L", (50, 60)).save(tmp_path / "nearby.png")
        bark = viewer.add_image(np.stack([TEXTURE, TEXTURE]), name="bark")
        widget.images.image.value = viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        box = widget.references.matching
        assert not box.enabled
        assert "nothing to copy from" in box.tooltip
        box.value = True  # by a script, say
        assert not box.on
        widget.references.box.value = bark
        widget.references.add(tmp_path / "nearby.png")
        widget.references.add(SelfReference())
        assert box.on
        qtbot.waitUntil(lambda: bool(engine.forecasts) and engine.forecasts[-1]["matching"] == [(40, 30), (60, 50)])
        assert engine.prepared[-1] is True
        click(widget, qtbot)
        assert engine.calls[0]["matching"] is True
        for reference in widget.references.choices[:2]:
            widget.references.remove(reference)
        widget.references.box.value = PriorReference()
        assert not box.enabled

    def test_what_was_chosen_by_mistake_says_why_it_cannot_be(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = (viewer.add_image(TEXTURE, name=name) for name in ("first", "second"))
        viewer.layers.selection = {first, second}
        widget.references.box.value = first
        box = widget.references.matching
        widget.images.image.value = second
        assert box.enabled
        widget.images.image.value = next(one for one in widget.images.image.choices if one.name == TOGETHER)
        assert not box.enabled
        assert "Not for channels" in box.tooltip
        widget.images.image.value = second
        fourfold = replace(engine.prepare("compact", "auto", "auto"), scale=4)
        monkeypatch.setattr(engine, "prepare", lambda *_: fourfold)
        widget.advanced.use_model("fourfold.safetensors")
        qtbot.waitUntil(lambda: "this one does 4 times" in box.tooltip)
        assert not box.enabled


class TestChannels:
    """Several grey layers of one size are super-resolved with one click."""

    @pytest.fixture
    def layers(self, viewer: Any, widget: UpscaleWidget) -> list[Any]:
        names = {"DAPI": "blue", "GFP": "green"}
        made = [viewer.add_image(TEXTURE[:9, :8], name=name, colormap=names[name]) for name in names]
        viewer.layers.selection = set(made)
        widget.images.image.value = next(one for one in widget.images.image.choices if one.name == TOGETHER)
        return made

    def test_each_gets_its_run_and_they_belong_together(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, layers: list[Any]
    ) -> None:
        qtbot.waitUntil(lambda: f"{TOGETHER}: 2 samples of each" in widget.bar.forecast)
        qtbot.waitUntil(lambda: "About 85 s" in widget.bar.forecast)  # 42 each
        click(widget, qtbot)
        assert widget.bar.status.startswith("All 2 channels are done. Made 2 samples")
        assert [call["samples"] for call in engine.calls] == [2, 2]
        first, second = widget.runs
        assert [run.origin.name for run in (first, second)] == ["DAPI", "GFP"]
        assert widget.runs.together(first) == [first, second]
        assert [run.samples[0].image.colormap.name for run in (first, second)] == ["blue", "green"]
        assert widget.images.layers == layers  # the choice stays, though samples are selected now
        assert widget.upscaling._click is None  # its copies of the inputs are let go
        count = len(viewer.layers) - len(layers)
        widget.bar.undo.click()
        assert f"the {count} layers" in widget.bar.status
        assert list(viewer.layers) == layers

    def test_cancelling_the_second_takes_the_first_back_too(
        self,
        viewer: Any,
        widget: UpscaleWidget,
        engine: Any,
        qtbot: Any,
        layers: list[Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        steps = engine.steps

        def pausing_in_the_second(**arguments: Any) -> Any:
            engine.pause_at = 1 if engine.calls else None
            return (yield from steps(**arguments))

        monkeypatch.setattr(engine, "steps", pausing_in_the_second)
        widget.bar.button.native.click()
        qtbot.waitUntil(lambda: len(results(viewer)) == 3)
        assert widget.bar.progress >= 0.5
        widget.bar.button.native.click()
        assert widget.bar.status == "Cancelled. The 3 samples that were finished are removed again."
        qtbot.waitUntil(lambda: ended(widget))
        assert list(viewer.layers) == layers
        assert len(engine.calls) == 2

    def test_one_truth_of_several_is_refused(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, layers: list[Any], messages: list[tuple[str, str]]
    ) -> None:
        widget.images.truth.value = viewer.add_image(TEXTURE, name="truth")
        assert not widget.start()
        [(_, message)] = messages
        assert "expected no ground truth with several channels" in message
        assert engine.calls == []

    def test_a_channel_that_goes_ends_the_choice(self, viewer: Any, widget: UpscaleWidget, layers: list[Any]) -> None:
        viewer.layers.remove(layers[0])
        assert widget.images.layers == layers[1:]

    @pytest.mark.parametrize("other", [PHOTOGRAPH, TEXTURE])
    def test_colours_and_other_sizes_are_no_channels(self, viewer: Any, widget: UpscaleWidget, other: Any) -> None:
        viewer.layers.selection = {viewer.add_image(TEXTURE[:9, :8]), viewer.add_image(other, rgb=other.ndim == 3)}
        assert not [one for one in widget.images.image.choices if one.name == TOGETHER]


class Slow:
    """An array whose pixels lie elsewhere: reading them waits for a gate, or fails; it knows on which threads."""

    def __init__(self, pixels: Any) -> None:
        self.shape, self.dtype, self.ndim, self.size = pixels.shape, pixels.dtype, pixels.ndim, pixels.size
        self.pixels = pixels
        self.gate = threading.Event()
        self.threads: set[int] = set()
        self.error: Exception | None = None

    def __getitem__(self, index: Any) -> Any:
        if threading.get_ident() != MAIN:  # napari itself reads there what it shows
            self.threads.add(threading.get_ident())
            assert self.gate.wait(20)
            if self.error is not None:
                raise self.error
        return self.pixels[index]

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self[()]


MAIN = threading.get_ident()


class TestReading:
    """Layers whose pixels have to be computed or fetched are read in the worker."""

    @pytest.fixture
    def slow(self, viewer: Any, widget: UpscaleWidget) -> Iterator[Slow]:
        made = Slow(np.arange(72, dtype=np.uint8).reshape(9, 8))
        viewer.add_image(made, name="remote", contrast_limits=(0, 71), cache=False)
        yield made
        made.gate.set()

    def test_the_click_returns_before_it_is_read(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, slow: Slow
    ) -> None:
        widget.references.box.value = viewer.layers["remote"]
        widget.bar.button.native.click()
        assert widget.bar.status == "Reading the images ..."
        assert widget.bar.button.text == "Cancel"
        qtbot.waitUntil(lambda: bool(slow.threads))
        assert engine.calls == []
        viewer.layers["remote"].contrast_limits = (5, 9)  # too late for this run
        slow.gate.set()
        qtbot.waitUntil(lambda: ended(widget))
        [call] = engine.calls
        np.testing.assert_array_equal(call["image"], slow.pixels)
        assert call["intensity_range"] == IntensityRange(0, 71)
        np.testing.assert_allclose(call["references"][0].image[..., 0], slow.pixels / 71, atol=1e-6)
        assert len(results(viewer)) == 2

    def test_it_can_be_cancelled_meanwhile(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, slow: Slow
    ) -> None:
        widget.bar.button.native.click()
        qtbot.waitUntil(lambda: bool(slow.threads))
        widget.bar.button.native.click()
        assert widget.bar.status == "Cancelled. Nothing was added."
        slow.gate.set()
        qtbot.waitUntil(lambda: ended(widget))
        assert engine.calls == []
        assert not results(viewer)

    def test_a_store_that_fails_is_said_in_a_sentence(
        self, viewer: Any, widget: UpscaleWidget, qtbot: Any, slow: Slow, messages: list[tuple[str, str]]
    ) -> None:
        slow.error = OSError("connection refused")
        slow.gate.set()
        click(widget, qtbot)
        [(severity, message)] = messages
        assert severity == "error"
        assert message.startswith("expected to read the pixels of 'remote'; got OSError: connection refused")
        assert "Nothing was added." in widget.bar.status

    def test_channels_are_read_once_for_all_their_runs(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, slow: Slow
    ) -> None:
        other = viewer.add_image(slow.pixels.copy(), name="other", contrast_limits=(0, 71))
        viewer.layers.selection = {viewer.layers["remote"], other}
        widget.images.image.value = next(one for one in widget.images.image.choices if one.name == TOGETHER)
        widget.references.box.native.setCurrentText("(image itself)")
        slow.gate.set()
        click(widget, qtbot)
        first, second = engine.calls
        assert first["references"] == second["references"]
        np.testing.assert_array_equal(first["image"], second["image"])


class TestBeforeTheClick:
    def test_size_time_memory_and_tiles_are_said(self, viewer: Any, widget: UpscaleWidget, qtbot: Any) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True, name="PHOTOGRAPH")
        widget.references.add(SelfReference())
        qtbot.waitUntil(lambda: "PHOTOGRAPH: 2 samples, 80 x 96." in widget.bar.forecast)
        qtbot.waitUntil(lambda: "About 40 s, 3.1 MB of memory, 2 tiles." in widget.bar.forecast)
        assert widget.advanced.device.current_choice == "auto: cpu"
        assert "no GPU" in widget.advanced.device.tooltip
        assert [str(one) for one in widget.advanced.model.choices] == ["compact", "full"]
        widget.references.add(PriorReference())
        qtbot.waitUntil(lambda: "4 samples (2 x 2 references)" in widget.bar.forecast)

    def test_the_memory_of_maps_is_counted(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forecast = Forecast((1024, 1024), 2, 2**20, 20 * 2**20, tiles=1, seconds=1)
        monkeypatch.setattr(engine, "forecast", lambda *_, **__: forecast)
        viewer.add_image(PHOTOGRAPH, rgb=True)
        qtbot.waitUntil(lambda: "32 MB of memory" in widget.bar.forecast)
        widget.advanced.spread.value = False
        qtbot.waitUntil(lambda: "28 MB of memory" in widget.bar.forecast)
        widget.advanced.residual.value = None
        qtbot.waitUntil(lambda: "20 MB of memory" in widget.bar.forecast)

    def test_the_last_run_corrects_the_time(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forecast = Forecast((96, 80), 2, 2**20, 2**20, tiles=1, seconds=0.5)
        monkeypatch.setattr(engine, "forecast", lambda *_, **__: forecast)
        viewer.add_image(PHOTOGRAPH, rgb=True)
        qtbot.waitUntil(lambda: "About 1 s" in widget.bar.forecast)
        engine.pause_at = 1
        widget.bar.button.native.click()
        qtbot.wait(2200)  # on an idle machine half a second
        engine.resume.set()
        qtbot.waitUntil(lambda: ended(widget))
        qtbot.waitUntil(lambda: "About 1 s" not in widget.bar.forecast)
        widget.advanced.model.value = "full"  # of which nothing is known
        qtbot.waitUntil(lambda: "About 1 s" in widget.bar.forecast)

    def test_more_than_the_free_memory_is_warned_of(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any
    ) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True)
        qtbot.waitUntil(lambda: "of memory" in widget.bar.forecast)
        assert widget.bar.warning == ""
        inviting = widget.bar.button.native.styleSheet()
        engine.free = 2**20
        widget.sampling.samples.value = 3
        qtbot.waitUntil(lambda: "Only 1.0 MB of memory are free, 3.1 MB are needed" in widget.bar.warning)
        assert widget.bar._warning.isVisibleTo(widget)
        assert widget.bar.button.native.styleSheet() != inviting
        engine.pause_at = 0
        widget.bar.button.native.click()  # it may be
        assert not widget.bar._warning.isVisibleTo(widget)
        engine.resume.set()
        qtbot.waitUntil(lambda: ended(widget))
        engine.free = 2**40
        widget.sampling.samples.value = 2
        qtbot.waitUntil(lambda: not widget.bar._warning.isVisibleTo(widget))
        assert widget.bar.button.native.styleSheet() == inviting

    def test_a_model_that_cannot_be_had_is_told_and_can_be_changed(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any
    ) -> None:
        engine.problem = ModelError("no such file")
        viewer.add_image(PHOTOGRAPH, rgb=True)
        widget.advanced.use_model("mine.safetensors")
        qtbot.waitUntil(lambda: "no such file" in widget.bar.forecast)
        engine.problem = None
        widget.advanced.model.value = "compact"
        qtbot.waitUntil(lambda: "of memory" in widget.bar.forecast)

    def test_a_rectangle_that_is_not_there_is_asked_for(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, messages: list[tuple[str, str]]
    ) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        widget.images.part.value = "draw ..."
        guidance = "Draw a rectangle over photo, then click Upscale."
        qtbot.waitUntil(lambda: widget.bar.forecast == guidance)
        assert not widget.start()
        assert messages == [("info", guidance)]
        assert engine.calls == []

    def test_a_rectangle_layer_that_is_no_longer_chosen_is_left_alone(self, viewer: Any, widget: UpscaleWidget) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True)
        told: list[int] = []
        widget.images.changed.connect(lambda: told.append(1))
        for leave in (lambda: setattr(widget.images.part, "value", "all of it"), widget.images.detach):
            widget.images.part.value = next(
                one for one in widget.images.part.choices if one not in ("all of it", "in view")
            )
            shapes = viewer.layers["region"]
            shapes.add_rectangles(np.array([[1.5, 2.5], [1.5, 8.5], [6.5, 8.5], [6.5, 2.5]]))
            leave()
            told.clear()
            shapes.add_rectangles(np.array([[1.5, 2.5], [1.5, 8.5], [6.5, 8.5], [6.5, 2.5]]))
            shapes.selected_data = {0}
            assert told == []


class TestAutomaticImage:
    """Nothing was chosen by hand: the newest image is meant, unless it serves as something else."""

    def test_it_is_the_newest_until_the_user_chooses(self, viewer: Any, widget: UpscaleWidget, qtbot: Any) -> None:
        first = viewer.add_image(PHOTOGRAPH, rgb=True, name="first")
        second = viewer.add_image(PHOTOGRAPH, rgb=True, name="second")
        assert widget.images.image.value is second
        qtbot.waitUntil(lambda: widget.bar.forecast.startswith("second: "))
        widget.images.image.value = first
        viewer.add_image(PHOTOGRAPH, rgb=True, name="third")
        assert widget.images.image.value is first
        viewer.layers.remove(first)
        viewer.add_image(PHOTOGRAPH, rgb=True, name="fourth")
        assert widget.images.image.value.name == "fourth"

    def test_it_leaves_a_layer_that_becomes_reference_or_truth(self, viewer: Any, widget: UpscaleWidget) -> None:
        photo = viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        for box in (widget.references.box, widget.images.truth):
            box.value = viewer.add_image(PHOTOGRAPH, rgb=True)
            assert widget.images.image.value is photo

    def test_a_choice_by_hand_stays_where_it_is_a_reference_too(self, viewer: Any, widget: UpscaleWidget) -> None:
        photo = viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        bark = viewer.add_image(TEXTURE, name="bark")
        widget.images.image.native.activated.emit(1)  # the entry that was chosen for the user
        assert widget.images.image.value is bark
        widget.references.box.value = bark
        assert widget.images.image.value is bark
        assert photo in widget.images.image.choices

    def test_sample_data_know_what_they_are_for(self, viewer: Any, widget: UpscaleWidget) -> None:
        for sample in ("photograph", "grass", "original"):
            viewer.open_sample("napari-refvae", sample)
        assert widget.images.image.value.name == "cat"


class TestChoices:
    def test_results_are_not_offered(self, viewer: Any, widget: UpscaleWidget, qtbot: Any) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        click(widget, qtbot)
        assert [choice.name for choice in widget.images.image.choices] == ["photo"]
        assert len(widget.references.box.choices) == 3

    def test_a_choice_survives_renaming_and_reordering(self, viewer: Any, widget: UpscaleWidget) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        bark = viewer.add_image(TEXTURE, name="bark")
        stone = viewer.add_image(TEXTURE, name="stone")
        widget.references.box.value = bark
        widget.images.image.value = stone
        bark.name = "oak"
        stone.name = "pebble"
        viewer.layers.move(0, 3)
        assert widget.references.choices == [bark]
        assert widget.images.image.value is stone
        assert widget.references.box.current_choice == "oak"

    def test_a_removed_reference_becomes_none_not_another_layer(
        self, viewer: Any, widget: UpscaleWidget, qtbot: Any, messages: list[tuple[str, str]]
    ) -> None:
        photo = viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
        widget.references.box.value = viewer.add_image(TEXTURE, name="bark")
        viewer.layers.remove("bark")
        assert widget.references.choices == [PriorReference()]
        assert widget.images.image.value is photo
        qtbot.waitUntil(lambda: bool(messages))
        assert messages == [("info", "bark: no longer there, and no longer chosen.")]

    def test_an_image_that_nobody_chose_goes_without_a_word(
        self, viewer: Any, widget: UpscaleWidget, qtbot: Any, messages: list[tuple[str, str]]
    ) -> None:
        photo, _ = viewer.add_image(PHOTOGRAPH, rgb=True, name="photo"), viewer.add_image(TEXTURE, name="bark")
        viewer.layers.remove("bark")
        assert widget.images.image.value is photo
        qtbot.wait(50)
        assert messages == []


class TestCancel:
    def test_it_takes_back_at_once_what_was_shown(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any
    ) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True)
        engine.pause_at = 1
        qtbot.waitUntil(lambda: bool(widget.bar.forecast))
        widget.bar.button.native.click()
        assert widget.bar.button.text == "Cancel"
        assert not widget.bar._forecast.isVisibleTo(widget)  # it is about the next click
        qtbot.waitUntil(lambda: len(results(viewer)) == 1)
        qtbot.waitUntil(lambda: "tile 2 of 3" in widget.bar.status)
        assert len(list(progress._all_instances)) == 1
        widget.bar.button.native.click()
        assert len(viewer.layers) == 1
        assert not widget.bar.button.enabled
        qtbot.waitUntil(lambda: ended(widget))
        assert widget.bar._forecast.isVisibleTo(widget)
        assert engine.closed
        assert "removed again" in widget.bar.status
        assert widget.runs.latest() is None
        assert not list(progress._all_instances)

    def test_a_second_start_is_refused(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, messages: list[tuple[str, str]]
    ) -> None:
        engine.pause_at = 0
        viewer.add_image(PHOTOGRAPH, rgb=True)
        assert widget.start()
        assert not widget.start()
        assert [severity for severity, _ in messages] == ["warning"]
        engine.resume.set()
        qtbot.waitUntil(lambda: ended(widget))
        assert len(engine.calls) == 1
        assert len(results(viewer)) == 2


@pytest.mark.parametrize("error", [InvalidInputError("no good"), RuntimeError("no good")])
def test_an_error_is_said_and_leaves_nothing_behind(
    viewer: Any,
    widget: UpscaleWidget,
    engine: Any,
    qtbot: Any,
    messages: list[tuple[str, str]],
    error: Exception,
) -> None:
    engine.error = error
    viewer.add_image(PHOTOGRAPH, rgb=True)
    click(widget, qtbot)
    [(severity, message)] = messages
    assert severity == "error"
    assert "no good" in message
    assert message in widget.bar.status
    assert len(viewer.layers) == 1


@pytest.mark.parametrize("breaks", ["add_sample", "add_map", "complete"])
def test_a_layer_that_cannot_be_added_ends_the_run(
    viewer: Any,
    widget: UpscaleWidget,
    qtbot: Any,
    messages: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    breaks: str,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no room for a layer")

    monkeypatch.setattr(widget.runs, breaks, fail)
    viewer.add_image(PHOTOGRAPH, rgb=True)
    click(widget, qtbot)
    assert messages == [("error", "no room for a layer")]
    assert widget.bar.status.startswith("Stopped: ValueError: no room for a layer.")
    assert len(viewer.layers) == 1
    assert widget.runs.latest() is None


def test_the_input_may_go_while_it_is_super_resolved(
    viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any
) -> None:
    engine.pause_at = 0
    viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
    widget.bar.button.native.click()
    viewer.layers.clear()
    engine.resume.set()
    qtbot.waitUntil(lambda: len(results(viewer, "spread")) == 1)
    assert len(results(viewer)) == 2


def test_undo_takes_the_latest_run_back(viewer: Any, widget: UpscaleWidget, qtbot: Any) -> None:
    viewer.add_image(PHOTOGRAPH, rgb=True)
    assert widget.pages.gallery is None
    click(widget, qtbot)
    before = list(viewer.layers)
    assert widget.pages.gallery.isVisibleTo(widget)
    click(widget, qtbot)
    assert widget.bar.undo.isVisibleTo(widget)
    widget.bar.undo.click()
    assert list(viewer.layers) == before
    widget.bar.undo.click()
    assert not widget.bar.undo.isVisibleTo(widget)
    assert widget.pages.gallery is None
    assert len(viewer.layers) == 1


def test_undo_and_copy_are_about_the_run_that_is_looked_at(
    viewer: Any, widget: UpscaleWidget, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[Any] = []
    monkeypatch.setattr(snippet, "python_of", lambda run: copied.append(run) or "code")
    viewer.add_image(PHOTOGRAPH, rgb=True, name="photo")
    for _ in range(2):
        click(widget, qtbot)
    first, second = widget.runs
    widget.pages.gallery.show_run(first)
    widget.bar.copy.click()
    assert widget.bar.status == "Copied photo: paste it into napari's console, or into a script that has a viewer."
    widget.pages._tabs.setCurrentIndex(0)  # the form: nothing is looked at
    widget.bar.copy.click()
    assert (
        widget.bar.status == "Copied photo run 2: paste it into napari's console, or into a script that has a viewer."
    )
    assert copied == [first, second]
    widget.pages.show_gallery()
    widget.bar.undo.click()
    assert "layers of photo are removed" in widget.bar.status
    assert list(widget.runs) == [second]


class TestClosing:
    def test_the_dock_ends_its_run_and_takes_its_layers_back(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any
    ) -> None:
        viewer.add_image(PHOTOGRAPH, rgb=True)
        engine.pause_at = 1
        widget.bar.button.native.click()
        qtbot.waitUntil(lambda: len(results(viewer)) == 1)
        viewer.window.remove_dock_widget(widget)
        qtbot.waitUntil(lambda: engine.closed)
        qtbot.wait(50)
        assert len(viewer.layers) == 1
        viewer.add_image(TEXTURE)  # nobody listens any more
        viewer.dims.ndisplay = 2

    def test_a_closing_window_ends_all_runs_of_a_click(
        self, viewer: Any, widget: UpscaleWidget, engine: Any, qtbot: Any, messages: list[tuple[str, str]]
    ) -> None:
        """It ends the worker before the dock goes: no end of a channel, after which the next one begins."""
        inputs = [viewer.add_image(TEXTURE, name=name) for name in ("first", "second")]
        viewer.layers.selection = set(inputs)
        widget.images.image.value = next(one for one in widget.images.image.choices if one.name == TOGETHER)
        engine.pause_at = 1
        widget.bar.button.native.click()
        qtbot.waitUntil(lambda: len(results(viewer)) == 1)
        viewer.window._task_status_manager.cancel_all()  # as the first thing when the window closes
        qtbot.waitUntil(lambda: ended(widget))
        qtbot.wait(50)
        assert messages == []
        assert len(engine.calls) == 1
        assert list(viewer.layers) == inputs
        assert widget.bar.status == "Stopped by napari. The sample that was finished is removed again."


class LongEngine(Engine):
    """The package's, with a network that takes longer than the window may."""

    def steps(self, **arguments: Any) -> Any:
        time.sleep(LONGEST + 0.5)
        return (yield from super().steps(**arguments))


class TestWholeClick:
    """Nothing fake but the size of the network."""

    def test_the_layers_are_what_the_api_returns(self, viewer: Any, tiny_model: Path, qtbot: Any) -> None:
        from napari_refvae import upscale

        _, widget = viewer.window.add_plugin_dock_widget("napari-refvae", "Upscale 8x")
        widget.advanced.use_model(str(tiny_model))
        viewer.open_sample("napari-refvae", "photograph")
        viewer.open_sample("napari-refvae", "texture")
        cat, brick = viewer.layers["cat"], viewer.layers["brick"]
        widget.references.box.native.setCurrentText("brick")
        widget.sampling.samples.value, widget.sampling.scale.value = 2, 4
        click(widget, qtbot)
        expected = upscale(cat.data, [brick.data], samples=2, scale=4, model=tiny_model, faithful=True)
        samples = results(viewer)
        assert [layer.name for layer in samples] == ["cat 4x by brick #1", "cat 4x by brick #2"]
        for layer in filter(is_result, viewer.layers):
            edges = np.array([(-0.5, -0.5), np.array(layer.data.shape[:2]) - 0.5])
            covered = [layer.data_to_world(edge) for edge in edges]
            np.testing.assert_allclose(covered, [(-0.5, -0.5), np.array(cat.data.shape[:2]) - 0.5], atol=1e-6)
        for layer, sr, residual in zip(samples, expected.sr, expected.residual("bicubic"), strict=True):
            np.testing.assert_array_equal(layer.data, sr)
            shown = viewer.layers[f"{layer.name} residual"].data
            np.testing.assert_allclose(shown, residual @ (0.299, 0.587, 0.114), atol=1e-3)
        np.testing.assert_array_equal(results(viewer, "faithful")[0].data, expected.faithful)
        np.testing.assert_allclose(results(viewer, "spread")[0].data, expected.std.mean(axis=2), atol=1e-3)
        assert samples[0].metadata[METADATA_KEY]["provenance"]["samples"] == expected.provenance["samples"]

    def test_matching_copies_what_the_api_copies(self, viewer: Any, qtbot: Any) -> None:
        """With the bundled weights: a reference that holds the image brings it nearer to the truth."""
        from napari_refvae import upscale

        truth = data.astronaut()[80:144, 190:254]
        image, wider = low_resolution(truth), np.ascontiguousarray(data.astronaut()[61:165, 175:275])
        widget = UpscaleWidget(viewer)
        viewer.window.add_dock_widget(widget)
        widget.references.box.value = viewer.add_image(wider, rgb=True, name="wider")
        widget.images.image.value = viewer.add_image(image, rgb=True, name="face")
        widget.sampling.samples.value, widget.advanced.faithful.value = 1, False
        errors = []
        for matching in (False, True):
            widget.references.matching.value = matching
            qtbot.waitUntil(lambda: "of memory" in widget.bar.forecast, timeout=60_000)
            click(widget, qtbot)
            run = widget.runs.latest()
            errors.append(np.abs(run.samples[0].image.data.astype(float) - truth).mean())
            assert run.result.provenance["settings"].get("matching", False) is matching
            assert ("matching=True" in snippet.python_of(run)) is matching
        assert errors[1] < 0.8 * errors[0]
        expected = upscale(image, wider, samples=1, matching=True, device="cpu")
        np.testing.assert_array_equal(run.samples[0].image.data, expected.sr[0])

    def test_the_window_answers_all_the_time(self, viewer: Any, tiny_model: Path, qtbot: Any) -> None:
        """A run on the GUI thread would be one long time between two ticks."""
        widget = UpscaleWidget(viewer, engine=LongEngine())
        viewer.window.add_dock_widget(widget)
        widget.advanced.use_model(str(tiny_model))
        viewer.add_image(PHOTOGRAPH, rgb=True)
        widget.sampling.samples.value = 2
        qtbot.waitUntil(lambda: "of memory" in widget.bar.forecast, timeout=60_000)
        ticks = [time.perf_counter()]
        clock = QTimer()
        clock.timeout.connect(lambda: ticks.append(time.perf_counter()))
        clock.start(20)
        click(widget, qtbot)
        clock.stop()
        assert np.diff([*ticks, time.perf_counter()]).max() < LONGEST
