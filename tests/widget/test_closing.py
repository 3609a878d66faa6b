"""The viewer closed while a run is under way; and the widget as the manifest opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.widget.results.layers import is_result
from napari_refvae.widget.view import UpscaleWidget

if TYPE_CHECKING:
    from collections.abc import Callable

LR = np.zeros((12, 10), np.uint8)


def test_the_viewer_ends_the_run_without_a_word(
    make_napari_viewer: Callable[[], Any], engine: Any, qtbot: Any, messages: list[tuple[str, str]]
) -> None:
    viewer = make_napari_viewer()
    widget = UpscaleWidget(viewer, engine=engine)
    viewer.window.add_dock_widget(widget)
    viewer.add_image(LR)
    widget.references.box.value = viewer.add_image(LR)
    engine.pause_at = 1
    widget.bar.button.native.click()
    qtbot.waitUntil(lambda: any(is_result(layer) for layer in viewer.layers))
    viewer.close()
    qtbot.waitUntil(lambda: engine.closed)
    qtbot.wait(50)
    assert messages == []


def test_the_manifest_opens_the_widget_and_the_sample_data(make_napari_viewer_proxy: Callable[[], Any]) -> None:
    viewer = make_napari_viewer_proxy()
    viewer.open_sample("napari-refvae", "texture")
    _, widget = viewer.window.add_plugin_dock_widget("napari-refvae", "Upscale 8x")
    viewer.open_sample("napari-refvae", "photograph")
    assert viewer.layers["cat"].data.shape == (37, 56, 3)
    assert [layer.name for layer in widget.images.image.choices] == ["brick", "cat"]
