"""The widget that fine-tunes a model on images of the viewer."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from magicgui.types import FileDialogMode
from magicgui.widgets import FileEdit, FloatSpinBox, Label, LineEdit, ProgressBar, PushButton, Select
from napari.layers import Image
from napari.qt.threading import thread_worker
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QVBoxLayout, QWidget

from napari_refvae.errors import InvalidSpecError, OutputError, RefVAEError, TrainingError
from napari_refvae.widget.closing import ClosingWatcher
from napari_refvae.widget.docking import DockPlacing
from napari_refvae.widget.form.layout import field_grid
from napari_refvae.widget.form.run_bar import BUTTON_HEIGHT, PLAIN, PRIMARY
from napari_refvae.widget.preferences import apply_cache_folder, choose_model, read_preferences
from napari_refvae.widget.results.layers import is_result
from napari_refvae.widget.running.controller import explain
from napari_refvae.widget.running.threads import start_apart
from napari_refvae.widget.training.images import SMALLEST_SIDE, TrainingImages, read_layers, write_layers
from napari_refvae.widget.training.job import TrainingJob
from napari_refvae.widget.training.process import TrainingProcess

if TYPE_CHECKING:
    import napari

    from napari_refvae.widget.training.images import TrainingLayer

__all__ = ["TrainWidget"]

LACKING = "Training needs packages that are not here. Install them with: pip install 'napari-refvae[train]'"
IDLE = "Trains a copy of the model on your images. They should be sharp, and like those that you will upscale."
LIST_HEIGHT = 130  # pixels
FINE = 1000
"""Steps of the progress bar."""


class TrainWidget(QWidget):
    """Choose sharp images, click, and get a model that has been fine-tuned on them.

    Parameters
    ----------
    napari_viewer
        The viewer; napari passes it.
    config
        Training config, by name or file.
    smallest
        Least short side of an image, in pixels: what the config needs.
    """

    def __init__(self, napari_viewer: napari.Viewer, config: str = "fine-tune", smallest: int = SMALLEST_SIDE) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._config, self._smallest = config, smallest
        self._folder: tempfile.TemporaryDirectory[str] | None = None  # of the run under way
        self._closed = False
        self._stopped: Event | None = None  # while images are written: set to stop that
        self._minutes = 1.0  # that the run under way may take
        self._scores: list[float] = []
        self._trained = ""
        self._build()
        self._process = TrainingProcess()
        self._process.said.connect(self._show_progress)
        self._process.ended.connect(self._finish)
        self._placing = DockPlacing(self)
        self._watcher = ClosingWatcher(self, self._close)
        self.button.changed.connect(self._click)
        self.use.changed.connect(self._use)
        self.reset_choices()
        self._show_idle(IDLE)

    def _build(self) -> None:
        preferences = read_preferences()
        apply_cache_folder(preferences)
        self.images = Select(choices=(), tooltip="Sharp images, not small ones: they are made small")
        self.folder = FileEdit(
            label="Folder",
            mode=FileDialogMode.EXISTING_DIRECTORY,
            nullable=True,
            tooltip="Of images: in place of the layers",
        )
        self.folder.choose_btn.text = "..."
        self.images.max_height = LIST_HEIGHT
        self.images.native.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.images.native.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.start = LineEdit(value=preferences.model, tooltip="Name or file of a model")
        self.minutes = FloatSpinBox(value=10, min=0.1, max=10_000, step=5)
        self.model_name = LineEdit(value="my-images", tooltip="The new model's name")
        self.button = PushButton(text="Train")
        self.button.native.setMinimumHeight(BUTTON_HEIGHT)
        self.progress = ProgressBar(value=0, max=FINE, visible=False)
        self.status = Label(value="")
        self.status.native.setWordWrap(True)
        self.use = PushButton(text="Use it for new runs", visible=False)
        self._lay_out()

    def _lay_out(self) -> None:
        self._fields = QWidget()
        rows = {
            "Layers": self.images,
            "Folder": self.folder,
            "Start from": self.start,
            "Minutes": self.minutes,
            "Name": self.model_name,
        }
        field_grid(self._fields, [(label, field.native) for label, field in rows.items()])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 6, 8)
        layout.addWidget(self._fields)
        for part in (self.button, self.progress, self.status, self.use):
            layout.addWidget(part.native)
        layout.addStretch()
        self.setMinimumWidth(320)

    def reset_choices(self, *_: Any) -> None:
        """Offer the image layers there are; napari calls this."""
        layers = [layer for layer in self._viewer.layers if isinstance(layer, Image) and not is_result(layer)]
        chosen = [layer for layer in self.images.value if layer in layers]
        self.images.choices = [(layer.name, layer) for layer in layers]
        self.images.value = chosen
        for row, layer in enumerate(layers):
            self.images.native.item(row).setToolTip(layer.name)

    def _click(self) -> None:
        if self._stopped is not None:
            self._stopped.set()
            self.button.enabled = False
            return
        if self._process.running:
            self.button.enabled = False
            self.status.value = "Stopping, and saving what has been learnt ..."
            self._process.stop()
            return
        try:
            self._begin()
        except RefVAEError as error:
            self._clean()
            show_error(str(error))

    def _begin(self) -> None:
        if find_spec("lightning") is None:
            raise TrainingError(LACKING)
        name = _checked_name(self.model_name.value)
        layers = read_layers(self.images.value, smallest=self._smallest) if self.folder.value is None else []
        folder = self._new_folder()
        job = TrainingJob(
            images=str(self.folder.value),
            output=str(folder / "run"),
            name=name,
            start=self.start.value,
            config=self._config,
            minutes=self.minutes.value,
        )
        self._minutes, self._scores, self._trained = self.minutes.value, [], ""
        if layers:
            self._write(layers, job)
        else:
            self._process.start(job, folder)
        self._fields.setEnabled(False)  # they are about the next run
        self.button.text = "Stop"
        self.button.native.setStyleSheet(PLAIN)
        self.progress.value, self.progress.visible, self.use.visible = 0, True, False
        self.status.value = "Reading the images and the model ..."

    def _new_folder(self) -> Path:
        """Where the run under way has its files."""
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="napari-refvae-", ignore_cleanup_errors=True)
        except OSError as error:
            raise OutputError(
                f"there is no room for the images that are trained on ({error}); free some space"
            ) from error
        return Path(self._folder.name)

    def _write(self, layers: list[TrainingLayer], job: TrainingJob) -> None:
        """Write the layers in a worker, then train on them."""
        stopped = self._stopped = Event()
        write = thread_worker(write_layers, ignore_errors=True, start_thread=False)
        worker = write(layers, Path(job.output).parent, smallest=self._smallest, should_stop=stopped.is_set)
        outcome: list[TrainingImages | Exception | None] = []
        worker.returned.connect(outcome.append)
        worker.errored.connect(outcome.append)
        worker.finished.connect(lambda: self._written(outcome[0], job, stopped))
        start_apart(worker)

    def _written(self, outcome: TrainingImages | Exception | None, job: TrainingJob, stopped: Event) -> None:
        self._stopped = None
        if self._closed:
            self._clean()
        elif isinstance(outcome, TrainingImages) and not stopped.is_set():
            self._train(outcome, job)
        else:
            self._finish({"error": explain(outcome)} if isinstance(outcome, Exception) else {"stopped": True})

    def _train(self, written: TrainingImages, job: TrainingJob) -> None:
        validate = None if written.validate is None else str(written.validate)
        try:
            self._process.start(replace(job, images=str(written.images), validate=validate), written.images.parent)
        except RefVAEError as error:
            self._finish({"error": explain(error)})

    def _show_progress(self, line: dict[str, Any]) -> None:
        if "scores" in line:
            self._scores.append(line["scores"]["faithful_psnr_y"])
            return
        total = 60 * self._minutes
        self.progress.value = min(FINE, max(0, round(FINE * (1 - line["seconds_left"] / total))))
        if self.button.enabled:
            left = f"{_duration(line['seconds_left'])} left"
            self.status.value = f"Step {line['step']}, loss {line['loss']:.4f}, {left}. {self._progress_in_decibels()}"

    def _progress_in_decibels(self) -> str:
        if len(self._scores) < 2:
            return ""
        return f"Parts of the images that it has not seen: {self._scores[0]:.2f} dB before, {self._scores[-1]:.2f} now."

    def _finish(self, line: dict[str, Any]) -> None:
        self._clean()
        if "error" in line:
            show_error(line["error"])
            self._show_idle(IDLE)
        elif "model" in line:
            self._trained = line["name"]
            self._show_idle(f"The model {self._trained!r} is ready. {self._progress_in_decibels()}")
            self.use.visible = True
        else:
            self._show_idle("Stopped before anything was learnt.")

    def _show_idle(self, status: str) -> None:
        self._fields.setEnabled(True)
        self.button.text, self.button.enabled = "Train", True
        self.button.native.setStyleSheet(PRIMARY)
        self.progress.visible = False
        self.status.value = status if find_spec("lightning") else LACKING

    def _use(self) -> None:
        """Choose the new model in the widgets that are open, and for those that are opened later."""
        from napari_refvae.widget.view import UpscaleWidget

        for widget in QApplication.allWidgets():
            if isinstance(widget, UpscaleWidget):
                widget.advanced.use_model(self._trained)
        if choose_model(self._trained):
            show_info(f"New runs use the model {self._trained!r}; Preferences > RefVAE changes that.")
        else:
            show_info(f"The open widgets use the model {self._trained!r}; for others it could not be kept.")

    def _close(self) -> None:
        self._closed = True
        self._process.kill()
        if self._stopped is not None:
            self._stopped.set()  # the folder goes when nothing is written into it any more
        else:
            self._clean()

    def _clean(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _checked_name(name: str) -> str:
    """A model's name, which becomes a file's."""
    if not name.strip() or Path(name).name != name or name.startswith("."):
        raise InvalidSpecError(f"expected a name for the new model, without slashes; got {name!r}")
    return name.strip()


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
