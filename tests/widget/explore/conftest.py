from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from exploring import LOW, NAMES, PATIENCE, REFERENCES, add_images

from napari_refvae.widget.explore.panel import ExplorePanel
from napari_refvae.widget.preferences import Preferences
from napari_refvae.widget.results.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def preferences(tiny_model: Path) -> Preferences:
    return Preferences(model=str(tiny_model), device="cpu", precision="float32")


@pytest.fixture
def viewer(shared_viewer: Any) -> Iterator[Any]:
    """With the image and its references, which stay from test to test as long as they are as they were."""
    layers = shared_viewer.layers
    if not len(layers):
        add_images(shared_viewer)
    yield shared_viewer
    shared_viewer.window.remove_dock_widget("all")
    for layer in [one for one in layers if one.name not in NAMES]:
        layers.remove(layer)
    if [one.name for one in layers] != NAMES or not np.array_equal(layers["photo"].data, LOW):
        layers.clear()


@pytest.fixture
def panel(viewer: Any, preferences: Preferences, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExplorePanel]:
    monkeypatch.setattr("napari_refvae.widget.explore.panel.read_preferences", lambda: preferences)
    made = ExplorePanel(Runs.of_viewer(viewer), viewer)
    viewer.window.add_dock_widget(made)
    made.ground.image.value = viewer.layers["photo"]
    for name in REFERENCES:
        made.weights.add(viewer.layers[name])
    yield made
    made.detach()


@pytest.fixture
def shown(panel: ExplorePanel, qtbot: Any) -> Callable[[], Any]:
    """Waits until the preview shows the recipe of the moment, and gives its layer."""

    def wait() -> Any:
        qtbot.waitUntil(lambda: panel.explorer.shown is not None, timeout=PATIENCE)
        return panel.explorer.preview.layer

    return wait


@pytest.fixture
def done(panel: ExplorePanel, qtbot: Any) -> Callable[[], None]:
    """Waits until no job is under way."""

    def wait() -> None:
        qtbot.waitUntil(lambda: not panel.explorer.tasks.running, timeout=PATIENCE)

    return wait
