"""Opening, using and closing the widgets again and again leaves nothing behind: no widget, no thread, no pixels."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from comparing import add_run

from napari_refvae.widget.gallery.dock import GalleryDock
from napari_refvae.widget.running import preparation
from napari_refvae.widget.training.widget import TrainWidget
from napari_refvae.widget.view import UpscaleWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_refvae.widget.results.run import Run

WARM = 5
USED = 4
"""One cycle in so many does more than open and close; so do those of warming up."""

MEGABYTES = 8
"""What the process may grow by after the first cycles, which fill caches. One widget with its layers is about one."""

PIXELS = np.arange(64**2, dtype=np.uint8).reshape(64, 64)
"""Results are 64 times as large: a few that stay show in the memory, too."""

Made = list[weakref.ref[Any]]
"""The pixels of samples, and the arrays that those are part of."""


def pixels_of(run: Run) -> Made:
    found = [sample.finished.sr for sample in run.samples.values()]
    return [weakref.ref(each) for pixels in found for each in (pixels, pixels.base) if each is not None]


def run_in(widget: UpscaleWidget, qtbot: Any) -> Made:
    """Wait for the model, make one sample, and take the run back."""
    qtbot.waitUntil(lambda: widget._preparation.readiness is not None)
    assert widget.start()
    qtbot.waitUntil(lambda: not widget.upscaling.running)
    assert widget.pages.gallery is not None
    run = widget.runs.latest()
    assert run is not None
    made = pixels_of(run)
    assert made
    widget.runs.remove(run)
    return made


def show_run_in(dock: GalleryDock, qtbot: Any) -> Made:
    """Have a run in the gallery, and take it back."""
    runs, run = add_run(dock._viewer.__wrapped__, samples=1, lr=PIXELS)
    gallery = dock.gallery
    assert gallery is not None
    qtbot.waitUntil(lambda: gallery.run is run)
    made = pixels_of(run)
    runs.remove(run)
    dock._viewer.layers.remove("photo")
    return made


def open_upscale(viewer: Any, engine: Any) -> UpscaleWidget:
    engine.calls.clear()
    widget = UpscaleWidget(viewer, engine=engine)
    widget.sampling.samples.value = 1
    return widget


@pytest.mark.parametrize(
    ("make", "use", "cycles"),
    [
        (open_upscale, run_in, 50),
        (lambda viewer, _: GalleryDock(viewer), show_run_in, 20),
        (lambda viewer, _: TrainWidget(viewer), lambda *_: [], 20),
    ],
    ids=["upscale", "gallery", "train"],
)
def test_many_docks_leave_no_widget_no_thread_and_no_memory(
    make: Callable[[Any, Any], Any],
    use: Callable[[Any, Any], Made],
    cycles: int,
    make_napari_viewer_proxy: Callable[[], Any],
    engine: Any,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preparation, "DELAY", 0)
    viewer = make_napari_viewer_proxy()
    viewer.add_image(PIXELS, name="image", contrast_limits=(0, 255))
    opened: list[weakref.ref[Any]] = []
    made: Made = []
    process = psutil.Process()

    def cycle() -> None:
        widget = make(viewer, engine)
        opened.append(weakref.ref(widget))
        dock = viewer.window.add_dock_widget(widget)
        if len(opened) <= WARM or len(opened) % USED == 0:
            made.extend(use(widget, qtbot))
        qtbot.wait(10)
        viewer.window.remove_dock_widget(dock)
        widget.close()

    for _ in range(WARM):
        cycle()
    gc.collect()
    threads, memory = threading.active_count(), process.memory_info().rss
    for _ in range(cycles - WARM):
        cycle()
    qtbot.wait(100)
    gc.collect()
    alive = sum(reference() is not None for reference in opened)
    grown = (process.memory_info().rss - memory) / 2**20
    assert alive <= 1
    assert not any(pixels() is not None for pixels in made)
    assert [layer.name for layer in viewer.layers] == ["image"]
    assert threading.active_count() <= threads
    assert grown < MEGABYTES
