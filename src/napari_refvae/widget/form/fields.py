"""The fields of a run: how to draw samples, and the advanced ones."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, FloatSlider, FloatSpinBox, SpinBox
from psygnal import Signal
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractSpinBox, QFileDialog, QWidget

from napari_refvae.widget.form.choices import ChoiceBox
from napari_refvae.widget.form.layout import beside, field_grid, small_button

if TYPE_CHECKING:
    from napari_refvae.engine.forecasting import Readiness
    from napari_refvae.widget.preferences import Preferences

__all__ = ["AdvancedFields", "SampleFields"]

LARGEST_SEED = 2**31 - 1
TILES = (("auto", "auto"), ("no tiles", None), *((f"{side} pixels", side) for side in (32, 64, 128, 256, 512)))
RESIDUALS = (
    ("bicubic up-sampling", "bicubic"),
    ("mean of samples", "mean"),
    ("ground truth", "truth"),
    ("(no residual maps)", None),
)
DEVICE = "Where the network runs"
PRECISION = "Of the network's numbers"
NUMBER = 36  # pixels, of a slider's value
MODEL_FILES = "Models (*.safetensors);;All files (*)"


class SampleFields(QWidget):
    """Samples, seed, target scale, and the three numbers that shape a sample."""

    changed = Signal()

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self.samples = SpinBox(
            value=preferences.samples, min=1, max=100, tooltip="How many versions to make with each reference"
        )
        self.seed = SpinBox(max=LARGEST_SEED, tooltip="The same seed gives the same samples again")
        self.scale = ChoiceBox(
            "Pixels of a sample per pixel of the image and axis; at every scale a sample gives the image back",
            [("2x", 2), ("4x", 4), ("8x", 8)],
            8,
        )
        self.temperature = _slider(1.0, 2.0, "How far samples differ; 0: not at all")
        self.strength = _slider(1.0, 1.0, "How much the reference counts; 0: nothing")
        self.vividness = _slider(preferences.vividness, 1.0, "0: faithful, smooth; 1: vivid, sharp")
        self.die = small_button("", "Draw another seed", self.roll)
        self.die.setIcon(_die())
        self.die.setIconSize(QSize(18, 18))
        rows: list[tuple[str, Any]] = [
            ("Samples", self.samples.native),
            ("Seed", beside(self.seed.native, self.die)),
            ("Scale", self.scale.native),
            ("Temperature", self.temperature.native),
            ("Strength", self.strength.native),
            ("Vividness", self.vividness.native),
        ]
        field_grid(self, rows)
        for field in (self.samples, self.scale, self.temperature, self.vividness):
            field.changed.connect(lambda *_: self.changed.emit())

    def roll(self) -> None:
        """Draw another seed."""
        self.seed.value = random.randrange(LARGEST_SEED)

    def arguments(self) -> dict[str, Any]:
        """For the engine."""
        names = ("samples", "seed", "scale", "temperature", "strength", "vividness")
        return {name: getattr(self, name).value for name in names}


class AdvancedFields(QWidget):
    """What most runs leave alone."""

    changed = Signal()
    """Something that the forecast depends on."""
    engine_changed = Signal()
    """Model, device or precision."""

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self.model = ChoiceBox("Which network; 'refvae models' lists them with what they are good at")
        self.device = ChoiceBox(DEVICE)
        self.precision = ChoiceBox(PRECISION, _plain("auto", "float32", "bfloat16"), "auto")
        self.tiles = ChoiceBox("Large images are made in parts; the result is the same", TILES, "auto")
        self.consistency = CheckBox(
            value=True,
            text="exact",
            tooltip="Each sample, made small again, gives the input back. Off: what the network made",
        )
        self.residual = ChoiceBox("What residual maps subtract from a sample", RESIDUALS, "bicubic")
        self.gain = FloatSpinBox(
            value=preferences.residual_gain,
            min=0.5,
            max=100,
            step=0.5,
            tooltip="Residual maps enlarge differences so many times; 5 as in the paper",
        )
        self.faithful = CheckBox(
            value=True, text="faithful image", tooltip="Also make the image nearest to the truth, without invention"
        )
        self.spread = CheckBox(value=True, text="map of the spread", tooltip="Also show where the samples differ")
        self._models = _unique("compact", preferences.model)
        self.model.offer(_plain(*self._models), preferences.model)
        self.device.offer(_plain(*_unique("auto", "cpu", preferences.device)), preferences.device)
        self.precision.value = preferences.precision
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        browse = small_button("...", "Use a model file", self._ask_for_model)
        rows: list[tuple[str, Any]] = [
            ("Model", beside(self.model.native, browse)),
            ("Device", self.device.native),
            ("Precision", self.precision.native),
            ("Tiles", self.tiles.native),
            ("Consistency", self.consistency.native),
            ("Residuals", self.residual.native),
            ("Gain", self.gain.native),
            ("Also make", self.faithful.native),
            ("", self.spread.native),
        ]
        field_grid(self, rows)

    def _connect(self) -> None:
        for field in (self.model, self.device, self.precision):
            field.changed.connect(lambda *_: self.engine_changed.emit())
        for other in (self.tiles, self.consistency, self.residual, self.faithful, self.spread):
            other.changed.connect(lambda *_: self.changed.emit())

    @property
    def engine(self) -> tuple[str, str, str]:
        """Model, device and precision."""
        return self.model.value, self.device.value, self.precision.value

    def arguments(self) -> dict[str, Any]:
        """For the engine."""
        return {
            "model": self.model.value,
            "device": self.device.value,
            "precision": self.precision.value,
            "tile": self.tiles.value,
            "consistency": "bicubic" if self.consistency.value else None,
            "faithful": self.faithful.value,
        }

    def offer_engine(self, models: list[str], devices: list[str]) -> None:
        """Offer what was found; what is chosen stays."""
        self._models = _unique(*models, *self._models)
        self.model.offer([(_model_name(model), model) for model in self._models], self.model.value)
        self.device.offer(_plain(*_unique("auto", *devices, self.device.value)), self.device.value)

    def explain_engine(self, readiness: Readiness | None) -> None:
        """Say in the entries and tooltips what auto became, and why; nothing of what was chosen by hand."""
        for box, tooltip, choice in (
            (self.device, DEVICE, readiness and readiness.device),
            (self.precision, PRECISION, readiness and readiness.precision),
        ):
            became = choice if box.value == "auto" else None
            shown = f"auto: {became.value}" if became else "auto"
            box.offer([(shown if value == "auto" else str(value), value) for value in box.choices], box.value)
            box.tooltip = f"{became.value}: {became.reason}" if became else tooltip

    def use_model(self, path: str) -> None:
        """Choose a model file."""
        self._models = _unique(*self._models, path)
        self.model.offer([(_model_name(model), model) for model in self._models], path)
        self.engine_changed.emit()

    def _ask_for_model(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Model", "", MODEL_FILES)
        if path:
            self.use_model(path)


def _slider(value: float, high: float, tooltip: str) -> FloatSlider:
    made = FloatSlider(value=value, min=0.0, max=high, step=0.05, tooltip=tooltip)
    number = made.native.findChild(QAbstractSpinBox)
    if number is not None:
        number.setStyleSheet(f"min-width: {NUMBER}px; max-width: {NUMBER}px; padding: 0;")  # napari's own is wide
    return made


def _plain(*values: str) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


def _unique(*values: str) -> list[str]:
    return list(dict.fromkeys(values))


def _model_name(model: str) -> str:
    """Of a file, its name without the folder."""
    return model.replace("\\", "/").rsplit("/", 1)[-1]


def _die() -> QIcon:
    """The face with five."""
    pixmap = QPixmap(36, 36)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(205, 208, 212))
    painter.drawRoundedRect(3, 3, 30, 30, 7, 7)
    painter.setBrush(QColor(45, 48, 54))
    for x, y in ((11, 11), (25, 11), (18, 18), (11, 25), (25, 25)):
        painter.drawEllipse(x - 3, y - 3, 6, 6)
    painter.end()
    return QIcon(pixmap)
