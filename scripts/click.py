"""Open napari, open the widget from its menu, and do what a first user does: sample data, a reference, Upscale.

`scripts/check-install` runs it where nothing but the installed package is there.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

SETTINGS = tempfile.TemporaryDirectory()
os.environ["NAPARI_CONFIG"] = str(Path(SETTINGS.name) / "settings.yaml")  # before napari is imported

import napari  # noqa: E402
from qtpy import API_NAME  # noqa: E402
from qtpy.QtWidgets import QApplication, QComboBox, QPushButton  # noqa: E402

import napari_refvae  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

MENU = ("Layers", "Filter", "Super-resolution (RefVAE)", "Upscale 8x (RefVAE)")
REFERENCE = "brick"
"""What the sample "texture" is called as a layer."""

PATIENCE = 300  # seconds


def choose(menu: object, *titles: str) -> None:
    """Trigger an entry of nested menus, by the titles on the way."""
    title, *rest = titles
    menu.aboutToShow.emit()  # napari fills and enables entries then
    found = {action.text().replace("&", ""): action for action in menu.actions()}
    if title not in found:
        sys.exit(f"no menu entry {title!r}; there are {sorted(found)}")
    if rest:
        choose(found[title].menu(), *rest)
    else:
        found[title].trigger()


def samples(viewer: napari.Viewer) -> list[napari.layers.Layer]:
    """The layers of samples."""
    kinds = {layer: layer.metadata.get("napari_refvae", {}).get("kind") for layer in viewer.layers}
    return [layer for layer, kind in kinds.items() if kind == "sample"]


def wait_for(condition: Callable[[], bool]) -> None:
    """Let napari work until something is so, or for five minutes."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def main() -> None:
    """Click, wait, look."""
    began = time.monotonic()
    viewer = napari.Viewer()
    choose(viewer.window.layers_menu, *MENU[1:])
    viewer.open_sample("napari-refvae", "photograph")
    viewer.open_sample("napari-refvae", "texture")
    [dock] = viewer.window.dock_widgets.values()
    [button] = [one for one in dock.findChildren(QPushButton) if one.text() == "Upscale"]
    [references] = [one for one in dock.findChildren(QComboBox) if one.findText("(image itself)") >= 0]
    references.setCurrentText(REFERENCE)
    wait_for(button.isEnabled)
    button.click()
    wait_for(lambda: button.text() == "Upscale" and bool(samples(viewer)))
    made = samples(viewer)
    if [layer.data.shape for layer in made] != [(296, 448, 3)] * 4:
        sys.exit(f"expected four samples of 448 x 296; got {[(layer.name, layer.data.shape) for layer in made]}")
    if not all(f" by {REFERENCE} " in layer.name for layer in made):
        sys.exit(f"expected samples by {REFERENCE!r}; got {[layer.name for layer in made]}")
    viewer.close()
    where = Path(napari_refvae.__file__).parent
    print(f"{len(made)} samples from {where} with {API_NAME}, {time.monotonic() - began:.0f} s after the start.")


if __name__ == "__main__":
    main()
