"""Open a viewer, upscale an image in it and close it, again and again, and watch what stays behind.

Run ``xvfb-run -a python benchmarks/cycles.py``: a hundred cycles. Each is a viewer of its own with an image, the
widget, one run of one sample, and the layers that it adds. After the first cycles, which fill caches, memory and
threads are recorded. The exit status is 1 if a widget or a thread stays, or memory grows by more than napari's own
viewers do: ``--bare`` measures those, without the widget.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import psutil

WARM = 0.2
"""Share of the cycles in which caches fill."""

PATIENCE = 600.0
"""Seconds for a run, the first of which loads torch."""


def cycle(bare: bool) -> weakref.ref[object] | None:
    """One viewer, used and closed."""
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_refvae.widget.view import UpscaleWidget

    application = QApplication.instance()
    assert application is not None
    viewer = napari.Viewer(show=False)
    viewer.add_image(np.arange(36, dtype=np.uint8).reshape(6, 6), name="image")
    kept = None
    if not bare:
        widget = UpscaleWidget(viewer)
        viewer.window.add_dock_widget(widget)
        widget.sampling.samples.value = 1
        assert widget.start()
        patience = time.monotonic() + PATIENCE
        while len(viewer.layers) < 2 and time.monotonic() < patience:
            application.processEvents()
            time.sleep(0.01)
        assert len(viewer.layers) > 1, "the run added no layer"
        kept = weakref.ref(widget)
        del widget
    viewer.close()
    del viewer
    for _ in range(20):
        application.processEvents()
    gc.collect()
    return kept


def main() -> None:
    """Cycle, watch, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--bare", action="store_true", help="viewers without the widget")
    parser.add_argument("--megabytes", type=float, default=2.0, help="a cycle that memory may grow by")
    options = parser.parse_args()
    os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")
    from napari.qt import get_qapp

    application = get_qapp()
    process, opened, memory = psutil.Process(), [], []
    for number in range(options.cycles):
        opened.append(cycle(options.bare))
        memory.append(process.memory_info().rss / 2**20)
        if number == int(WARM * options.cycles):
            threads = threading.active_count()
        if number % 10 == 0:
            print(f"cycle {number}: {memory[-1]:.0f} MB, {threading.active_count()} threads", flush=True)
    warm = memory[int(WARM * options.cycles) :]
    growth = float(np.polyfit(np.arange(len(warm)), warm, 1)[0])
    alive = sum(found is not None and found() is not None for found in opened)
    print(
        f"{options.cycles} viewers: memory {growth:+.2f} MB a cycle after the first {len(memory) - len(warm)}; "
        f"{alive} widgets alive; threads {threads} and {threading.active_count()}"
    )
    application.quit()
    sys.exit(0 if alive <= 1 and threading.active_count() <= threads and growth <= options.megabytes else 1)


if __name__ == "__main__":
    main()
