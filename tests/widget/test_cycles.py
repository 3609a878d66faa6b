"""Opening and closing the widgets again and again leaves nothing behind."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from napari_refvae.errors import DeviceError
from napari_refvae.widget.engine import Engine
from napari_refvae.widget.gallery_dock import GalleryDock
from napari_refvae.widget.train import TrainWidget
from napari_refvae.widget.view import UpscaleWidget

if TYPE_CHECKING:
    from collections.abc import Callable

WARM, CYCLES = 10, 50
MEGABYTES = 8
"""What the process may grow by after the first cycles, which fill caches. One widget with its layers is about one."""


class NoEngine(Engine):
    """Loads nothing."""

    def prepare(self, *_: str) -> Any:
        raise DeviceError("this engine is for tests that open and close widgets")

    def options(self) -> tuple[list[str], list[str]]:
        return ["compact"], ["cpu"]


def open_upscale(viewer: Any) -> Any:
    return UpscaleWidget(viewer, engine=NoEngine())


@pytest.mark.parametrize("make", [open_upscale, GalleryDock, TrainWidget])
def test_fifty_docks_leave_no_widget_no_thread_and_no_memory(
    make: Callable[[Any], Any], make_napari_viewer_proxy: Callable[[], Any], qtbot: Any
) -> None:
    viewer = make_napari_viewer_proxy()
    viewer.add_image(np.zeros((20, 30), np.uint8), name="photo")
    opened: list[weakref.ref[Any]] = []
    process = psutil.Process()

    def cycle() -> None:
        widget = make(viewer)
        opened.append(weakref.ref(widget))
        dock = viewer.window.add_dock_widget(widget)
        qtbot.wait(10)
        viewer.window.remove_dock_widget(dock)
        widget.close()

    for _ in range(WARM):
        cycle()
    gc.collect()
    threads, memory = threading.active_count(), process.memory_info().rss
    for _ in range(CYCLES - WARM):
        cycle()
    qtbot.wait(100)
    gc.collect()
    alive = sum(reference() is not None for reference in opened)
    grown = (process.memory_info().rss - memory) / 2**20
    assert alive <= 1
    assert threading.active_count() <= threads
    assert grown < MEGABYTES
