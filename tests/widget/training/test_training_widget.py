"""Fine-tuning from the viewer: what is written, the process of its own, the whole click with a tiny network."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.layers import Image
from PIL import Image as Picture

from napari_refvae.errors import InvalidInputError, InvalidSpecError, OutputError
from napari_refvae.widget.training import widget as train_module
from napari_refvae.widget.training.images import read_layers, write_layers
from napari_refvae.widget.training.job import TrainingJob, _publish
from napari_refvae.widget.training.process import TrainingProcess
from napari_refvae.widget.training.widget import TrainWidget, _checked_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_refvae.widget.training.images import TrainingImages

TOML = """
preset = "compact"
steps = 400
precision = "32-true"
[data]
patch = 8
faithful = 1
vivid = 1
reference_size = 32
[[stages]]
name = "one"
share = 1.0
learning_rate = 1e-3
final_learning_rate = 1e-4
"""
SMALLEST = 64

needs_lightning = pytest.mark.skipif(find_spec("lightning") is None, reason="the extra train is not installed")
"""Asked without importing it: that loads a compiler, which must not follow a window's graphics driver."""


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def read(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Picture.open(path)) for path in sorted(folder.iterdir())]


def written_of(layers: list[Image], folder: Path) -> TrainingImages:
    written = write_layers(read_layers(layers, smallest=SMALLEST), folder, smallest=SMALLEST)
    assert written is not None
    return written


class Lost:
    """An array in a store that has gone."""

    shape = (64, 64)

    def __getitem__(self, _: Any) -> Any:
        raise OSError("connection refused")


class TestWriting:
    def test_nothing_of_an_image_is_lost_and_a_fifth_is_kept_back(self, tmp_path: Path) -> None:
        pixels = noise(70, 200, 3)
        written = written_of([Image(pixels, rgb=True)], tmp_path)
        [rest], [kept] = read(written.images), read(written.validate)
        assert kept.shape == (70, 40, 3)
        np.testing.assert_array_equal(np.concatenate([rest, kept], axis=1), pixels)

    def test_an_image_that_is_just_large_enough_is_trained_on_whole(self, tmp_path: Path) -> None:
        written = written_of([Image(noise(64, 64))], tmp_path)
        assert written.validate is None
        assert read(written.images)[0].shape == (64, 64, 3)

    def test_a_grey_layer_is_written_as_its_contrast_limits_show_it(self, tmp_path: Path) -> None:
        layer = Image(np.linspace(0, 4000, 64 * 64, dtype=np.uint16).reshape(64, 64), contrast_limits=(1000, 3000))
        [pixels] = read(written_of([layer], tmp_path).images)
        assert (pixels.min(), pixels.max()) == (0, 255)
        assert int(pixels[32, 0, 0]) == pytest.approx(127, abs=2)

    def test_so_are_colours(self, tmp_path: Path) -> None:
        twelve_bits = noise(64, 64, 3).astype(np.uint16) * 16
        layer = Image(twelve_bits, rgb=True, contrast_limits=(0, 255 * 16))
        [pixels] = read(written_of([layer], tmp_path).images)
        np.testing.assert_array_equal(pixels, noise(64, 64, 3))

    def test_a_layer_that_cannot_be_read_is_named_and_no_disk_is_blamed(self, tmp_path: Path) -> None:
        [layer] = read_layers([Image(noise(64, 64), name="remote")], smallest=SMALLEST)
        lost = replace(layer, data=Lost())
        with pytest.raises(InvalidInputError, match="the pixels of 'remote'; got OSError: connection refused"):
            write_layers([lost], tmp_path, smallest=SMALLEST)

    def test_every_plane_of_a_stack_is_written(self, tmp_path: Path) -> None:
        layer = Image(noise(2, 3, 64, 64), scale=(5, 2, 1, 1))
        written = written_of([layer, Image(noise(64, 64))], tmp_path)
        assert len(read(written.images)) == 7
        np.testing.assert_array_equal(read(written.images)[4][..., 0], layer.data[1, 1])

    def test_small_images_are_refused_before_anything_is_written(self) -> None:
        layers = [Image(noise(64, 64)), Image(noise(63, 900), name="strip")]
        with pytest.raises(InvalidInputError, match=r"at least 64 pixels.*'strip' of 900 x 63"):
            read_layers(layers, smallest=SMALLEST)

    def test_nothing_chosen_is_refused(self) -> None:
        with pytest.raises(InvalidInputError, match="got none"):
            read_layers([])

    def test_it_stops_between_planes(self, tmp_path: Path) -> None:
        asked = iter([False, True])
        layers = read_layers([Image(noise(3, 64, 64))], smallest=SMALLEST)
        assert write_layers(layers, tmp_path, smallest=SMALLEST, should_stop=lambda: next(asked)) is None
        assert len(read(tmp_path / "images")) == 1

    def test_a_full_disk_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="free some space"):
            written_of([Image(noise(64, 64))], tmp_path / "gone")


class TestJob:
    def test_a_job_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        job = TrainingJob("a", "b", "c", validate="d", minutes=None, steps=3)
        job.write(tmp_path / "job.json")
        assert TrainingJob.read(tmp_path / "job.json") == job

    def test_a_name_that_is_taken_gets_a_number(self, tmp_path: Path) -> None:
        trained = tmp_path / "model.safetensors"
        trained.write_bytes(b"weights")
        names = [_publish(trained, tmp_path / "cache", "mine").stem for _ in range(3)]
        assert names == ["mine", "mine-2", "mine-3"]
        assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".safetensors"] * 3

    @pytest.mark.parametrize("name", ["", "  ", "a/b", "..", ".hidden"])
    def test_a_models_name_is_a_files(self, name: str) -> None:
        with pytest.raises(InvalidSpecError, match="expected a name"):
            _checked_name(name)


@pytest.fixture
def viewer(make_napari_viewer_proxy: Callable[[], Any]) -> Any:
    return make_napari_viewer_proxy()


@pytest.fixture
def widget(viewer: Any, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> TrainWidget:
    monkeypatch.setenv("REFVAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "tiny.toml").write_text(TOML)
    viewer.add_image(noise(64, 210, 3), rgb=True, name="photo")
    made = TrainWidget(viewer, config=str(tmp_path / "tiny.toml"), smallest=SMALLEST)
    viewer.window.add_dock_widget(made)
    made.images.value = [viewer.layers["photo"]]
    made.start.value = str(tiny_model)
    return made


@needs_lightning
def test_a_click_trains_and_offers_the_model(
    widget: TrainWidget, tmp_path: Path, qtbot: Any, messages: list[tuple[str, str]]
) -> None:
    widget.model_name.value = "mine"
    widget.button.native.click()
    assert widget.button.text == "Stop"
    qtbot.waitUntil(lambda: "Step" in widget.status.value or bool(messages), timeout=120_000)
    widget.button.native.click()
    qtbot.waitUntil(lambda: widget.button.text == "Train", timeout=120_000)
    assert messages == []
    assert "'mine' is ready" in widget.status.value
    assert "dB before" in widget.status.value
    assert (tmp_path / "cache" / "mine.safetensors").is_file()
    assert not widget.use.native.isHidden()


def test_the_new_model_is_chosen_in_open_widgets_and_for_later_ones(
    widget: TrainWidget, viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: list[str] = []
    monkeypatch.setattr(train_module, "choose_model", lambda name: later.append(name) or True)
    _, upscale = viewer.window.add_plugin_dock_widget("napari-refvae", "Upscale 8x")
    widget._finish({"model": "anywhere/mine.safetensors", "name": "mine"})
    assert not widget.use.native.isHidden()
    widget.use.native.click()
    assert upscale.advanced.model.value == "mine"
    assert later == ["mine"]


class TestProcess:
    """With small programs in place of training."""

    @staticmethod
    def outcome(program: str, folder: Path, qtbot: Any) -> tuple[list[Any], dict[str, Any]]:
        process, said = TrainingProcess((sys.executable, "-c", program)), []
        process.said.connect(said.append)
        with qtbot.waitSignal(process.ended, timeout=30_000) as ended:
            process.start(TrainingJob("a", "b", "c"), folder)
            process.stop()
        return said, ended.args[0]

    def test_its_lines_arrive_in_order_and_others_are_dropped(self, tmp_path: Path, qtbot: Any) -> None:
        program = """print('{"step": 1}\\nINFO: hello\\n3\\n{"step": 2}\\n{"error": "the loss became nan"}')"""
        assert self.outcome(program, tmp_path, qtbot) == ([{"step": 1}, {"step": 2}], {"error": "the loss became nan"})

    def test_it_knows_when_to_stop_and_what_its_job_is(self, tmp_path: Path, qtbot: Any) -> None:
        program = (
            "import json, sys; sys.stdin.read(); print(json.dumps({'model': json.load(open(sys.argv[1]))['name']}))"
        )
        assert self.outcome(program, tmp_path, qtbot)[1] == {"model": "c"}

    def test_a_death_without_a_word_is_an_error(self, tmp_path: Path, qtbot: Any) -> None:
        _, last = self.outcome("raise MemoryError('too much')", tmp_path, qtbot)
        assert last == {"error": "training ended with code 1: MemoryError: too much"}

    def test_what_cannot_start_is_an_error(self, tmp_path: Path, qtbot: Any) -> None:
        process = TrainingProcess((str(tmp_path / "no-such-program"),))
        with qtbot.waitSignal(process.ended, timeout=30_000) as ended:
            process.start(TrainingJob("a", "b", "c"), tmp_path)
        assert "could not start" in ended.args[0]["error"]


def test_what_cannot_start_is_said_at_once(
    widget: TrainWidget, viewer: Any, messages: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    widget.images.value = [viewer.add_image(noise(30, 30), name="icon")]
    widget.button.native.click()
    assert len(messages) == 1
    assert "'icon' of 30 x 30" in messages[0][1]
    monkeypatch.setattr(train_module, "find_spec", lambda _: None)
    widget.button.native.click()
    assert "pip install 'napari-refvae[train]'" in messages[1][1]
    assert widget.button.text == "Train"


class TestWorker:
    """The images are written in a worker: the window stays alive, and may go."""

    @pytest.fixture
    def gate(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
        """Writing begins when this is set."""
        opened = threading.Event()

        def slow(*arguments: Any, **keywords: Any) -> Any:
            assert opened.wait(20)
            return write_layers(*arguments, **keywords)

        monkeypatch.setattr(train_module, "write_layers", slow)
        monkeypatch.setattr(train_module, "find_spec", lambda _: True)
        yield opened
        opened.set()

    def test_it_can_be_stopped(self, widget: TrainWidget, gate: threading.Event, qtbot: Any) -> None:
        widget.button.native.click()
        folder = Path(widget._folder.name)
        assert widget.button.text == "Stop"
        widget.button.native.click()
        assert not widget.button.enabled
        gate.set()
        qtbot.waitUntil(lambda: widget.button.text == "Train")
        assert widget.button.enabled
        assert not folder.exists()

    def test_an_error_is_said(
        self, widget: TrainWidget, gate: threading.Event, qtbot: Any, messages: list[tuple[str, str]]
    ) -> None:
        widget.button.native.click()
        (Path(widget._folder.name) / "images").touch()
        gate.set()
        qtbot.waitUntil(lambda: widget.button.text == "Train")
        assert "cannot be written" in messages[0][1]

    def test_what_cannot_be_set_up_afterwards_is_said(
        self,
        widget: TrainWidget,
        gate: threading.Event,
        qtbot: Any,
        messages: list[tuple[str, str]],
    ) -> None:
        widget.button.native.click()
        folder = Path(widget._folder.name)
        (folder / "job.json").mkdir()  # nothing can be written there
        gate.set()
        qtbot.waitUntil(lambda: widget.button.text == "Train")
        assert "cannot be set up" in messages[0][1]
        assert widget.button.enabled
        assert not folder.exists()

    def test_the_fields_wait_meanwhile_and_progress_is_that_of_the_job(
        self, widget: TrainWidget, gate: threading.Event, qtbot: Any
    ) -> None:
        widget.minutes.value = 10
        widget.button.native.click()
        assert not widget.minutes.native.isEnabled()
        widget.minutes.value = 1000  # as a script may
        widget._show_progress({"step": 5, "loss": 0.1, "seconds_left": 300.0})
        assert widget.progress.value == 500
        widget.button.native.click()
        gate.set()
        qtbot.waitUntil(lambda: widget.button.text == "Train")
        assert widget.minutes.native.isEnabled()

    def test_the_dock_may_be_closed(self, widget: TrainWidget, viewer: Any, gate: threading.Event, qtbot: Any) -> None:
        widget.button.native.click()
        folder = Path(widget._folder.name)
        viewer.window.remove_dock_widget(widget)
        gate.set()
        qtbot.waitUntil(lambda: not folder.exists())
        assert not widget._process.running


@needs_lightning
def test_closing_the_dock_ends_the_process(widget: TrainWidget, viewer: Any, qtbot: Any) -> None:
    widget.button.native.click()
    process = widget._process._process
    qtbot.waitUntil(lambda: process.processId() > 0, timeout=10_000)
    folder = Path(widget._folder.name)
    viewer.window.remove_dock_widget(widget)
    assert not widget._process.running
    assert not folder.exists()
