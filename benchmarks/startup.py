"""Import time, and how long the widget takes to open: each in fresh processes.

The widget is opened as its menu entry does, in a window of napari that is already there, and timed until it is drawn;
importing all that it needs counts. Without a screen, Xvfb's ``xvfb-run`` is used if it is installed.

Run ``python benchmarks/startup.py`` on an otherwise idle machine.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import measuring
from measuring import duration, extent, table

TIMED = "import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"

IMPORTS = {
    "`import napari_refvae`": "import napari_refvae",
    "the command line": "import napari_refvae.cli.commands",
    "the first `load_model()`, torch included": "import napari_refvae; napari_refvae.load_model()",
}

OPEN = """
import time
import napari
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QApplication

viewer = napari.Viewer()
viewer.add_image(__import__("numpy").zeros((32, 32, 3), "uint8"), rgb=True)
for _ in range(20):
    QApplication.processEvents()
    time.sleep(0.02)
start = time.perf_counter()
dock, widget = viewer.window.add_plugin_dock_widget("napari-refvae", "Upscale 8x")
while not widget.isVisible():
    QApplication.processEvents()
widget.repaint()
QApplication.processEvents()
print(time.perf_counter() - start, flush=True)
__import__("os")._exit(0)
"""


def main() -> None:
    """Print one table: what is started, and its median time."""
    options = measuring.parser(__doc__).parse_args()
    repeats = measuring.turns(options)
    taken = {name: _runs(TIMED.format(statement=statement), repeats) for name, statement in IMPORTS.items()}
    figures = {"import_seconds": statistics.median(taken["`import napari_refvae`"])}
    screen = _screen()
    if screen is None:
        print("no widget was opened: there is neither a screen nor xvfb-run\n")
    else:
        taken["the widget, in an open window of napari"] = opened = _runs(OPEN, repeats, screen)
        figures["widget_seconds"] = statistics.median(opened)
    rows = [[name, duration(statistics.median(seconds)), extent(seconds)] for name, seconds in taken.items()]
    note = f"Each in a fresh process with warm disk caches; medians of {repeats} processes after one of warming up."
    measuring.publish(options, note, table(["what", "time", "processes"], rows), figures)


def _runs(code: str, repeats: int, screen: list[str] | None = None) -> list[float]:
    """Seconds that fresh processes say, without the first."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NAPARI_CONFIG": str(Path(folder) / "settings.yaml")}
        command = [*(screen or []), sys.executable, "-W", "ignore", "-c", code]
        said = []
        for _ in range(1 + repeats):
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
            if not done.stdout.strip():
                raise RuntimeError(f"a process ended with {done.returncode}:\n{done.stderr[-1000:]}")
            said.append(float(done.stdout.splitlines()[-1]))
    return said[1:]


def _screen() -> list[str] | None:
    """What to put before a command that opens a window; None if it cannot open one."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform in ("darwin", "win32"):
        return []
    if shutil.which("xvfb-run") is None:
        return None
    return ["xvfb-run", "-a", "-s", "-screen 0 1600x1200x24"]


if __name__ == "__main__":
    main()
