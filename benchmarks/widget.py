"""How the window answers: opening the widget, the longest times without an answer, and how soon a run is cancelled.

A timer that should fire every few milliseconds tells when the window stood still; meanwhile another thread looks what
the window's thread was doing, so that a stall has a name. Beside each time stands the window's own work in it: the
processor time of its thread. The rest it waited for other threads, or for other programs on a machine that is busy.
Needs a screen: without one, run it under ``xvfb-run``.

Run ``xvfb-run -a -s "-screen 0 1600x1200x24" python benchmarks/widget.py`` on an otherwise idle machine.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

SETTINGS = tempfile.TemporaryDirectory()
os.environ["NAPARI_CONFIG"] = str(Path(SETTINGS.name) / "settings.yaml")  # before napari is imported

import measuring  # noqa: E402
import napari  # noqa: E402
import numpy as np  # noqa: E402
from measuring import duration, table  # noqa: E402
from qtpy.QtCore import QTimer  # noqa: E402
from qtpy.QtWidgets import QApplication  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BEAT = 5  # milliseconds
STALL = 0.1
"""Seconds without an answer that a user feels."""

GLANCE = 0.02  # seconds between two looks at what the window's thread does
PATIENCE = 600  # seconds
SIDE, QUICK_SIDE = 128, 24
"""Of the square image that is super-resolved."""

SAMPLES = 4
CANCELLED_AFTER = (0.0, 0.3, 0.7)
"""Parts of a run after which it is cancelled."""


class Taken(NamedTuple):
    """Seconds on the clock, and of the window's thread's own work."""

    wall: float
    work: float

    def __sub__(self, other: Taken) -> Taken:
        return Taken(self.wall - other.wall, self.work - other.work)


def now() -> Taken:
    """The clocks; in the window's thread only."""
    return Taken(time.perf_counter(), time.thread_time())


class Heartbeat:
    """Notes how long the window's thread goes without handling events, and where it is when that is too long."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._last = now()
        self._phase: list[Taken] | None = None
        self.places: Counter[str] = Counter()
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT)
        threading.Thread(target=self._watch, daemon=True).start()

    @contextmanager
    def phase(self) -> Iterator[list[Taken]]:
        """Collect the gaps between beats."""
        gaps: list[Taken] = []
        self._last, self._phase = now(), gaps
        yield gaps
        self._beat()
        self._phase = None

    def _beat(self) -> None:
        if self._phase is not None:
            self._phase.append(now() - self._last)
        self._last = now()

    def _watch(self) -> None:
        """In a thread: say of a stall which line of ours or of napari's the window's thread is at."""
        while True:
            time.sleep(GLANCE)
            if self._phase is not None and time.perf_counter() - self._last.wall > STALL:
                frame = sys._current_frames().get(self._thread)
                if frame is not None:
                    self.places[_place(traceback.extract_stack(frame))] += 1


class Window:
    """A window of napari with the widget."""

    def __init__(self, side: int) -> None:
        self.viewer = napari.Viewer()
        noise = np.random.default_rng(0)
        self.viewer.add_image(noise.integers(0, 256, (side, side, 3), np.uint8), rgb=True, name="noise")
        self.viewer.add_image(noise.integers(0, 256, (256, 256, 3), np.uint8), rgb=True, name="reference")
        self.settle(0.5)

    def open_widget(self) -> Taken:
        """Open the widget as its menu entry does, until it is drawn."""
        start = now()
        _, self.widget = self.viewer.window.add_plugin_dock_widget("napari-refvae", "Upscale 8x")
        while not self.widget.isVisible():
            QApplication.processEvents()
        self.widget.repaint()
        QApplication.processEvents()
        return now() - start

    def close_widget(self) -> None:
        """Close its dock."""
        self.viewer.window.remove_dock_widget(self.widget)
        self.settle(0.2)

    def prepare(self) -> None:
        """Wait for the model, and choose."""
        self.wait(lambda: self.widget._preparation.readiness is not None)
        layers = self.viewer.layers
        self.widget.images.image.value = layers["noise"]
        self.widget.references.box.value = layers["reference"]
        self.widget.sampling.samples.value = SAMPLES

    def run(self) -> float:
        """Click Upscale and wait for the end; return the seconds."""
        start = time.perf_counter()
        self.click()
        self.wait(self.idle)
        return time.perf_counter() - start

    def cancel_after(self, seconds: float) -> Taken:
        """Click Upscale, click Cancel after so long, and wait until the next run could begin."""
        self.click()
        self.settle(seconds)
        start = now()
        self.click()
        self.wait(self.idle)
        return now() - start

    def click(self) -> None:
        """The button."""
        self.widget.bar.button.native.click()

    def idle(self) -> bool:
        """Whether a run could begin."""
        return bool(self.widget.bar.button.text == "Upscale" and self.widget.bar.button.enabled)

    def undo(self) -> None:
        """Take the latest run back."""
        self.widget.bar.undo.click()
        self.settle(0.3)

    def settle(self, seconds: float) -> None:
        """Let the window live."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            QApplication.processEvents()
            time.sleep(0.001)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Let the window live until something is so."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {PATIENCE} s; the widget says: {self.widget.bar.status}")
            QApplication.processEvents()
            time.sleep(0.001)


def main() -> None:
    """Print what was measured, and where the window stood still."""
    options = measuring.parser(__doc__).parse_args()
    repeats, side = measuring.turns(options), QUICK_SIDE if options.quick else SIDE
    window, heart = Window(side), Heartbeat()
    opened = [window.open_widget()]
    for _ in range(repeats):
        window.close_widget()
        opened.append(window.open_widget())
    with heart.phase() as loading:
        window.prepare()
        window.settle(1)
    stalls: list[Taken] = []
    lasted: list[float] = []
    for _ in range(repeats):
        with heart.phase() as gaps:
            lasted.append(window.run())
            window.settle(0.5)  # thumbnails and scores follow
        stalls += gaps
        window.undo()
    cancelled = []
    for part in CANCELLED_AFTER:
        cancelled.append(window.cancel_after(part * statistics.median(lasted)))
        window.settle(0.2)
    rows = [
        ["opening the widget, first time in a session", *_said(opened[:1])],
        ["opening it again", *_said(opened[1:])],
        ["longest stall while torch and the model are loaded", *_said(loading)],
        ["longest stall during a run", *_said(stalls)],
        *(
            [f"from Cancel to the next click, {part:.0%} into a run", *_said([taken])]
            for part, taken in zip(CANCELLED_AFTER, cancelled, strict=True)
        ),
    ]
    note = f"{SAMPLES} samples of a {side} x {side} image, {duration(statistics.median(lasted))} a run; {repeats} runs."
    figures = {
        "open_first_seconds": opened[0].wall,
        "open_again_seconds": max(opened[1:]).wall,
        "stall_loading_seconds": max(loading).wall,
        "stall_run_seconds": max(stalls).wall,
        "cancel_seconds": max(cancelled).wall,
    }
    measuring.publish(options, note, table(["what", "time", "own work"], rows), figures)
    _print_places(heart.places)
    window.viewer.close()
    SETTINGS.cleanup()


def _said(times: list[Taken]) -> list[str]:
    """The longest time, and the most work, which may have been in another."""
    return [duration(max(times).wall), duration(max(one.work for one in times))]


def _print_places(places: Counter[str]) -> None:
    if not places:
        print(f"\nThe window never stood still for more than {duration(STALL)}.")
        return
    rows = [[place, duration(count * GLANCE)] for place, count in places.most_common(12)]
    print(f"\nWhere the window's thread was when it stood still for more than {duration(STALL)}, about:\n")
    print(table(["at", "time"], rows))


def _place(stack: list[Any]) -> str:
    """The innermost line, and the innermost one of ours that led there."""
    ours = [entry for entry in stack if "napari_refvae" in entry.filename]
    parts = [f"{Path(entry.filename).name}:{entry.lineno} {entry.name}" for entry in (ours[-1:] + stack[-1:])]
    return " > ".join(dict.fromkeys(parts))


if __name__ == "__main__":
    main()
