"""The widget that fine-tunes a model on images of the viewer."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.types import FileDialogMode
from magicgui.widgets import Container, FileEdit, FloatSpinBox, Label, LineEdit, ProgressBar, PushButton, Select
from napari.layers import Image
from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QApplication

from napari_refvae.errors import InvalidSpecError, RefVAEError, TrainingError
from napari_refvae.widget.closing import ClosingWatcher
from napari_refvae.widget.layers import is_result
from napari_refvae.widget.preferences import apply_cache_folder, choose_model, read_preferences
from napari_refvae.widget.training_images import write_layers
from napari_refvae.widget.training_job import TrainingJob
from napari_refvae.widget.training_process import TrainingProcess

if TYPE_CHECKING:
    import napari

__all__ = ["TrainWidget"]

LACKING = "Training needs packages that are not here. Install them with: pip install 'napari-refvae[train]'"
IDLE = "Makes a copy of the model that knows your images better. Ten minutes show an effect; an hour is better."
FINE = 1000
"""Steps of the progress bar."""


class TrainWidget(Container):  # type: ignore[type-arg]
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

    def __init__(self, napari_viewer: napari.Viewer, config: str = "fine-tune", smallest: int = 192) -> None:
        super().__init__(labels=False)
        self._viewer = napari_viewer
        self._config, self._smallest = config, smallest
        self._folder: tempfile.TemporaryDirectory[str] | None = None  # of the run under way
        self._scores: list[float] = []
        self._trained = ""
        self._build()
        self._process = TrainingProcess()
        self._process.said.connect(self._show_progress)
        self._process.ended.connect(self._finish)
        self._watcher = ClosingWatcher(self.native, self._close)
        self.button.changed.connect(self._click)
        self.use.changed.connect(self._use)
        self.reset_choices()
        self._show_idle(IDLE)

    def _build(self) -> None:
        preferences = read_preferences()
        apply_cache_folder(preferences)
        self.images = Select(label="Layers", choices=(), tooltip="Sharp images, not small ones: they are made small")
        self.folder = FileEdit(
            label="or a folder",
            mode=FileDialogMode.EXISTING_DIRECTORY,
            nullable=True,
            tooltip="Of images, in place of layers",
        )
        self.start = LineEdit(label="Start from", value=preferences.model, tooltip="Name or file of a model")
        self.minutes = FloatSpinBox(label="Minutes", value=10, min=0.1, max=10_000, step=5)
        self.model_name = LineEdit(label="Call it", value="my-images", tooltip="The new model's name")
        self.button = PushButton(text="Train")
        self.progress = ProgressBar(value=0, max=FINE, visible=False)
        self.status = Label(value="")
        self.status.native.setWordWrap(True)
        self.use = PushButton(text="Use it for new runs", visible=False)
        fields: Container[Any] = Container(layout="vertical")
        fields.extend([self.images, self.folder, self.start, self.minutes, self.model_name])
        fields.margins = (0, 0, 0, 0)
        self.extend([fields, self.button, self.progress, self.status, self.use])
        self.native.setMinimumWidth(320)

    def reset_choices(self, *_: Any) -> None:
        """Offer the image layers there are; napari calls this."""
        layers = [layer for layer in self._viewer.layers if isinstance(layer, Image) and not is_result(layer)]
        chosen = [layer for layer in self.images.value if layer in layers]
        self.images.choices = [(layer.name, layer) for layer in layers]
        self.images.value = chosen

    def _click(self) -> None:
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
        self._folder = tempfile.TemporaryDirectory(prefix="napari-refvae-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        job = TrainingJob(
            **self._sources(folder),
            output=str(folder / "run"),
            name=name,
            start=self.start.value,
            config=self._config,
            minutes=self.minutes.value,
        )
        self._scores, self._trained = [], ""
        self._process.start(job, folder)
        self.button.text = "Stop"
        self.progress.value, self.progress.visible, self.use.visible = 0, True, False
        self.status.value = "Reading the images and the model ..."

    def _sources(self, folder: Path) -> dict[str, Any]:
        if self.folder.value is not None:
            return {"images": str(self.folder.value)}
        written = write_layers(self.images.value, folder, smallest=self._smallest)
        return {"images": str(written.images), "validate": written.validate and str(written.validate)}

    def _show_progress(self, line: dict[str, Any]) -> None:
        if "scores" in line:
            self._scores.append(line["scores"]["faithful_psnr_y"])
            return
        total = 60 * self.minutes.value
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
        self.button.text, self.button.enabled = "Train", True
        self.progress.visible = False
        self.status.value = status if find_spec("lightning") else LACKING

    def _use(self) -> None:
        """Choose the new model in the widgets that are open, and for those that are opened later."""
        from napari_refvae.widget.view import UpscaleWidget

        for widget in QApplication.allWidgets():
            if isinstance(widget, UpscaleWidget):
                widget.advanced.use_model(self._trained)
        choose_model(self._trained)
        show_info(f"New runs use the model {self._trained!r}; Preferences > RefVAE changes that.")

    def _close(self) -> None:
        self._process.kill()
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
