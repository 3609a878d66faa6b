"""Make the pictures of the widget from napari itself: python docs/screenshots/make.py [NAME...].

Needs a screen; without one, run it under ``xvfb-run -a -s "-screen 0 1600x1200x24"``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

SETTINGS = tempfile.TemporaryDirectory()
os.environ["NAPARI_CONFIG"] = str(Path(SETTINGS.name) / "settings.yaml")  # before napari is imported

import napari  # noqa: E402
from napari._app_model import get_app_model  # noqa: E402
from napari._qt.dialogs.qt_notification import NapariQtNotification  # noqa: E402
from PIL import Image  # noqa: E402
from qtpy.QtWidgets import QApplication, QDockWidget, QPushButton  # noqa: E402
from skimage import data  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(__file__).parent
SIZE = (1500, 950)
PLUGIN = "napari-refvae"
WIDGETS = {
    "Upscale 8x": f"{PLUGIN}.upscale",
    "Fine-tune a model": f"{PLUGIN}.train",
}
PATIENCE = 300  # seconds
LARGEST = 300_000  # bytes of a picture in git


class Session:
    """A napari window with the widget, driven as a user would."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer()
        self.window = self.viewer.window._qt_window
        self.window.resize(*SIZE)
        self.widget = self.dock("Upscale 8x")
        self.wait(lambda: self.widget._preparation.readiness is not None, "the model")

    def dock(self, name: str) -> Any:
        """Open a widget of the plugin."""
        before = set(self.window.findChildren(QDockWidget))
        get_app_model().commands.execute_command(WIDGETS[name])
        self.settle()
        [dock] = set(self.window.findChildren(QDockWidget)) - before
        if before_plugin := [other for other in before if "RefVAE" in other.objectName()]:
            self.window.tabifyDockWidget(before_plugin[0], dock)
            dock.show()
            dock.raise_()
        return self.viewer.window.dock_widgets[dock.objectName()]

    def settle(self, seconds: float = 0.6) -> None:
        """Let Qt paint."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Let napari work until something is so."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {PATIENCE} s for {what}")
            self.settle(0.05)

    def open(self, *samples: str) -> None:
        """Open sample data."""
        for sample in samples:
            self.viewer.open_sample(PLUGIN, sample)
        self.settle()

    def choose(self, image: str, *references: str, truth: str | None = None) -> None:
        """Fill the fields."""
        layers = self.viewer.layers
        self.widget.images.image.value = layers[image]
        self.widget.images.truth.value = layers[truth] if truth else None
        for name in references:
            self.widget.references.add(layers[name])
        self.settle()

    def start(self) -> None:
        """Click Upscale."""
        self.widget.start()

    def press(self, text: str) -> None:
        """Click the button of that name."""
        [button] = [one for one in self.window.findChildren(QPushButton) if one.text() == text and one.isVisible()]
        button.click()
        self.settle(2)

    def finish(self) -> None:
        """Wait for the run's end."""
        self.wait(lambda: not self.widget.upscaling.running, "the run")
        self.settle()

    @property
    def finished(self) -> int:
        """Samples of the newest run."""
        run = self.widget.runs.latest()
        return len(run.samples) if run else 0

    def frame(self, *names: str) -> None:
        """Let layers fill the view."""
        self.viewer.reset_view(layers=[self.viewer.layers[name] for name in names])

    def shoot(self, name: str) -> None:
        """Write the window as a picture."""
        for toast in self.window.findChildren(NapariQtNotification):
            toast.close()
        self.settle(1)
        pixels = self.viewer.screenshot(canvas_only=False, flash=False)
        picture = Image.fromarray(pixels[..., :3])
        path = FOLDER / f"{name}.jpg"
        for quality in (92, 88, 84, 78, 70):
            picture.save(path, quality=quality, subsampling=0, optimize=True)
            if path.stat().st_size <= LARGEST:
                break
        sys.stdout.write(f"{path.name}: {picture.size}, {path.stat().st_size // 1000} kB\n")

    def close(self) -> None:
        """Close the window."""
        self.viewer.close()
        self.settle(0.2)


def photograph() -> Iterator[tuple[str, Session]]:
    """A run on the photograph, from an empty window on; then its samples, with the divider and side by side."""
    session = Session()
    yield "empty", session
    session.open("photograph", "grass")
    session.choose("cat", "grass")
    yield "ready", session
    session.start()
    session.wait(lambda: session.finished > 1, "two samples")
    yield "running", session
    session.finish()
    session.frame("cat")
    yield "result", session
    session.press("Slider")
    yield "slider", session
    session.press("Slider")
    session.press("Grid")
    yield "grid", session
    session.close()


def training() -> Iterator[tuple[str, Session]]:
    """The widget that fine-tunes, with images to learn from."""
    session = Session()
    for name, pixels in (("retina", data.retina()[256:1152, 256:1152]), ("tissue", data.immunohistochemistry())):
        session.viewer.add_image(pixels, name=name, scale=[900 / len(pixels)] * 2)
    session.viewer.canvas.grid.enabled = True
    widget = session.dock("Fine-tune a model")
    widget.images.value = list(session.viewer.layers)
    session.viewer.reset_view()
    yield "training", session
    session.close()


def main(*names: str) -> None:
    """Write all pictures, or those that are named."""
    for story, pictures in STORIES.items():
        if names and not {*names} & pictures:
            continue
        for name, session in story():
            if not names or name in names:
                session.shoot(name)


STORIES = {
    photograph: {"empty", "ready", "running", "result", "slider", "grid"},
    training: {"training"},
}

if __name__ == "__main__":
    main(*sys.argv[1:])
