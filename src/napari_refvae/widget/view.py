"""The dock widget: fields, and what to tell the user. What runs is in `controller`, what layers hold in `layers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, Container, FloatSlider, Label, ProgressBar, PushButton, SpinBox
from napari.layers import Image
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QEvent, QObject

from napari_refvae.engine.result import FinishedSample
from napari_refvae.errors import RefVAEError
from napari_refvae.spec import PriorReference, Progress, SelfReference
from napari_refvae.widget.controller import UpscaleController
from napari_refvae.widget.layers import is_result, read_input, read_reference
from napari_refvae.widget.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from napari_refvae.engine.result import SuperResolutionResult
    from napari_refvae.spec import Reference
    from napari_refvae.widget.controller import Steps
    from napari_refvae.widget.layers import InputImage

__all__ = ["UpscaleWidget"]

NO_REFERENCE = ("(no reference)", PriorReference())
SELF_REFERENCE = ("(the image itself)", SelfReference())
LARGEST_SEED = 2**31 - 1
MINIMUM_WIDTH = 320  # pixels
STAGES = {"encode": "Reading the image", "decode": "Inventing detail", "project": "Making it consistent"}


class UpscaleWidget(Container):  # type: ignore[type-arg]
    """Choose an image and a reference, click, and get several 8x samples as layers.

    Parameters
    ----------
    napari_viewer
        The viewer; napari passes it.
    steps
        The engine, for tests.
    """

    def __init__(self, napari_viewer: napari.Viewer, steps: Steps | None = None) -> None:
        super().__init__(labels=False)
        self._viewer = napari_viewer
        self._origin: InputImage | None = None  # of the run under way
        self._controller = UpscaleController(
            on_progress=self._show_progress, on_result=self._add_layers, on_end=self._show_idle, steps=steps
        )
        self._watcher = _ClosingWatcher(self.native, self._controller.abandon)
        self._build()
        self.button.changed.connect(self._click)
        self.image.changed.connect(self._show_idle)
        self.samples.changed.connect(self._show_idle)
        self.reset_choices()

    def _build(self) -> None:
        self.image = ComboBox(label="Image", choices=(), tooltip="The layer to super-resolve")
        self.reference = ComboBox(
            label="Reference",
            choices=[NO_REFERENCE, SELF_REFERENCE],
            tooltip="An image whose texture the invented detail should resemble; its size and content are free",
        )
        self.samples = SpinBox(label="Samples", value=4, min=1, max=100, tooltip="How many different versions to make")
        self.seed = SpinBox(label="Seed", max=LARGEST_SEED, tooltip="The same seed gives the same samples again")
        self.temperature = _slider("Temperature", 2.0, "How far samples differ; 0: not at all")
        self.strength = _slider("Strength", 1.0, "How much the reference counts; 0: nothing")
        self.vividness = _slider("Vividness", 1.0, "0: faithful, smooth; 1: vivid, sharp")
        self.button = PushButton(text="Upscale")
        self.progress = ProgressBar(value=0, max=1, visible=False)
        self.status = Label(value="")
        self.status.min_width = MINIMUM_WIDTH - 40
        self.status.native.setWordWrap(True)
        fields: Container[Any] = Container(layout="vertical")
        fields.extend(  # not through the constructor: only then do the labels get one width
            [self.image, self.reference, self.samples, self.seed, self.temperature, self.strength, self.vividness]
        )
        fields.margins = (0, 0, 0, 0)
        self.extend([fields, self.button, self.progress, self.status])
        self.native.setMinimumWidth(MINIMUM_WIDTH)

    def reset_choices(self, *_: Any) -> None:
        """Offer the image layers there are. Choices are layers, so they survive renaming; napari calls this."""
        layers = [layer for layer in self._viewer.layers if isinstance(layer, Image) and not is_result(layer)]
        entries = [(layer.name, layer) for layer in layers]
        image, reference = self.image.value, self.reference.value
        _offer(self.image, entries, image if image in layers else self._suggestion(layers))
        kept = isinstance(reference, PriorReference | SelfReference) or reference in layers
        _offer(self.reference, [NO_REFERENCE, SELF_REFERENCE, *entries], reference if kept else PriorReference())
        if layers and not kept:
            show_info("The reference layer is gone; the next run uses no reference.")
        self._show_idle()

    def _suggestion(self, layers: list[Image]) -> Image | None:
        active = self._viewer.layers.selection.active
        return active if active in layers else layers[-1] if layers else None

    def _click(self) -> None:
        if self._controller.running:
            self._controller.cancel()
            self.button.enabled = False
            self.status.value = "Stopping ..."
            return
        try:
            self._origin = read_input(self.image.value)
            reference = self._chosen_reference()
        except RefVAEError as error:
            show_error(str(error))
            return
        self.button.text = "Cancel"
        self.progress.max, self.progress.value, self.progress.visible = 1, 0, True
        self.status.value = "Loading the model ..."
        self._controller.start(
            {
                "image": self._origin.pixels,
                "references": [reference],
                "samples": self.samples.value,
                "seed": self.seed.value,
                "temperature": self.temperature.value,
                "strength": self.strength.value,
                "vividness": self.vividness.value,
                "intensity_range": self._origin.intensity_range,
            }
        )

    def _chosen_reference(self) -> Reference:
        chosen = self.reference.value
        return chosen if isinstance(chosen, PriorReference | SelfReference) else read_reference(chosen)

    def _show_progress(self, progress: Progress | FinishedSample) -> None:
        if not isinstance(progress, Progress):
            return
        self.progress.max, self.progress.value = progress.total, progress.done
        self.status.value = f"{STAGES.get(progress.stage, progress.stage)} ..."

    def _add_layers(self, result: SuperResolutionResult) -> None:
        assert self._origin is not None
        runs = Runs.of_viewer(self._viewer)
        run = runs.begin(self._origin)
        for index, sr in enumerate(result.sr):
            found = FinishedSample(index, sr, result.references[index], result.seeds[index], result.lr_psnr[index])
            runs.add_sample(run, found)
        runs.complete(run, result)

    def _show_idle(self) -> None:
        """Say what a click would do, unless a run is under way."""
        if self._controller.running:
            return
        self.button.text = "Upscale"
        self.button.enabled = self.image.value is not None
        self.progress.visible = False
        self.status.value = self._forecast()

    def _forecast(self) -> str:
        if self.image.value is None:
            return "Open an image, or begin with\nFile > Open Sample > RefVAE."
        height, width = (8 * (int(last) + 1) for last in self.image.value.extent.data[1][-2:])
        versions = "one version" if self.samples.value == 1 else f"{self.samples.value} versions"
        return f"Makes {versions} of {width} x {height}."


class _ClosingWatcher(QObject):
    """Tells when a widget leaves its dock or is destroyed: napari closes a dock by taking its widget out."""

    def __init__(self, watched: Any, on_close: Callable[[], None]) -> None:
        super().__init__(watched)
        self._on_close = on_close
        watched.installEventFilter(self)
        watched.destroyed.connect(on_close)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        if event.type() == QEvent.Type.ParentChange and watched.parent() is None:
            self._on_close()
        return False


def _slider(label: str, high: float, tooltip: str) -> FloatSlider:
    return FloatSlider(label=label, value=1.0, min=0.0, max=high, step=0.05, tooltip=tooltip)


def _offer(combo: ComboBox, entries: list[tuple[str, Any]], chosen: Any) -> None:
    """Fill a combo box and choose, without the box choosing by itself in between."""
    with combo.changed.blocked():
        combo.choices = entries
        if entries:
            combo.value = chosen
