"""Open a viewer, upscale an image in it and close it, again and again, and watch what stays behind.

Run ``xvfb-run -a python benchmarks/cycles.py``: a hundred cycles. Each is a viewer of its own with an image, the
widget, one run of one sample, and the layers that it adds. After the first cycles, which fill caches, memory and
threads are recorded. The exit status is 1 if a widget, a sample or a thread stays, or memory grows by more than
napari's own viewers do: ``--bare`` measures those, without the widget.
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

SIDE = 64
"""Of the image: samples are 64 times as large, and show in the memory if they stay."""

PATIENCE = 600.0
"""Seconds for a run, the first of which loads torch."""


def cycle(bare: bool) -> tuple[weakref.ref[object], ...]:
    """One viewer, used and closed; its widget and the pixels of its sample, if they are still there."""
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_refvae.widget.view import UpscaleWidget

    application = QApplication.instance()
    assert application is not None
    viewer = napari.Viewer(show=False)
    viewer.add_image(np.arange(SIDE**2, dtype=np.uint8).reshape(SIDE, SIDE), name="image")
    kept: tuple[weakref.ref[object], ...] = ()
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
        run = widget.runs.latest()
        assert run is not None
        kept = weakref.ref(widget), *(weakref.ref(sample.finished.sr) for sample in run.samples.values())
        del widget, run
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
    widgets = sum(found[0]() is not None for found in opened if found)
    pixels = sum(made() is not None for found in opened for made in found[1:])
    print(
        f"{options.cycles} viewers: memory {growth:+.2f} MB a cycle after the first {len(memory) - len(warm)}; "
        f"{widgets} widgets and {pixels} samples alive; threads {threads} and {threading.active_count()}"
    )
    application.quit()
    fine = max(widgets, pixels) <= 1 and threading.active_count() <= threads and growth <= options.megabytes
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
