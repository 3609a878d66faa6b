"""A script that ends while its widget is open and loads a model: Qt's objects then go in any order."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys, time
from qtpy.QtWidgets import QApplication, QWidget
from napari.qt.threading import thread_worker
from napari_refvae.widget.closing import ClosingWatcher
from napari_refvae.widget.running.threads import start_apart

application = QApplication(sys.argv)
widget = QWidget()
ClosingWatcher(widget, lambda: print("closed"))

@thread_worker(start_thread=False)
def work():
    time.sleep(1)
    sys.stdout.write("worked\\n")

start_apart(work())
time.sleep(0.2)
"""


def test_the_widget_closes_and_its_worker_comes_to_an_end() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=120)
    assert ended.stdout.split() == ["closed", "worked"]
    assert ended.returncode == 0, ended.stderr
