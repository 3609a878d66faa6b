"""How the window answers: opening the widget, the longest times without an answer, and how soon a run is cancelled.

Four kinds of runs: a few samples of a small image, many of it, one of a large image, and a few of an image that is read
from somewhere slow. Each is run, taken back and cancelled. What a stall is, is in ``heartbeat.py``.

Run ``python benchmarks/widget.py`` on an otherwise idle machine; without a screen, Xvfb's ``xvfb-run`` is used.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

SETTINGS = tempfile.TemporaryDirectory()
os.environ["NAPARI_CONFIG"] = str(Path(SETTINGS.name) / "settings.yaml")  # before napari is imported

import measuring  # noqa: E402
import napari  # noqa: E402
import numpy as np  # noqa: E402
from heartbeat import Heartbeat, Taken, now, print_places  # noqa: E402
from measuring import duration, table  # noqa: E402
from qtpy.QtWidgets import QApplication  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 900  # seconds
READING = 0.5
"""Seconds that it takes to read the slow image."""

CANCELLED_AFTER = (0.0, 0.3, 0.7)
"""Parts of a run after which it is cancelled."""


class Kind(NamedTuple):
    """A kind of runs.

    Attributes
    ----------
    side
        Of the square image.
    most
        No more turns are taken, as each is long.
    slow
        Whether the image is read when it is asked for, and takes its time.
    """

    side: int
    samples: int
    most: int
    slow: bool = False


KINDS = {"usual": Kind(128, 4, 100), "many": Kind(128, 20, 2), "large": Kind(1024, 1, 2), "slow": Kind(128, 2, 2, True)}
QUICK = {"usual": Kind(24, 2, 1), "many": Kind(16, 20, 1), "large": Kind(48, 1, 1), "slow": Kind(16, 2, 1, True)}


class Times(NamedTuple):
    """What was measured of a kind of runs: gaps between beats, seconds of runs, and times from Cancel to idle."""

    gaps: list[Taken]
    lasted: list[float]
    cancelled: list[Taken]


class Window:
    """A window of napari with the widget."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer()
        self.viewer.add_image(_noise(256), rgb=True, name="reference")
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
        """Wait for the model."""
        self.wait(lambda: self.widget._preparation.readiness is not None)

    def choose(self, kind: Kind) -> None:
        """Have an image, and choose it."""
        if "noise" in self.viewer.layers:
            self.viewer.layers.remove("noise")
        data = _slow_noise(kind.side) if kind.slow else _noise(kind.side)
        limits = {"rgb": True, "name": "noise", "contrast_limits": (0, 255)}
        layer = self.viewer.add_image(data, **limits)
        self.widget.images.image.value = layer
        self.widget.references.box.value = self.viewer.layers["reference"]
        self.widget.sampling.samples.value = kind.samples
        self.settle(0.5)

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
    repeats, kinds = measuring.turns(options), QUICK if options.quick else KINDS
    window, heart = Window(), Heartbeat()
    opened = [window.open_widget()]
    for _ in range(repeats):
        window.close_widget()
        opened.append(window.open_widget())
    with heart.phase() as loading:
        window.prepare()
        window.settle(1)
    times = {name: measure(window, heart, kind, min(repeats, kind.most)) for name, kind in kinds.items()}
    measuring.publish(options, _note(kinds, times), _table(opened, loading, kinds, times), _figures(loading, times))
    heart.stop()
    print_places(heart.places)
    window.viewer.close()
    SETTINGS.cleanup()


def measure(window: Window, heart: Heartbeat, kind: Kind, turns: int) -> Times:
    """Run, take back and cancel."""
    window.choose(kind)
    measured = Times([], [], [])
    for _ in range(turns):
        with heart.phase() as gaps:
            measured.lasted.append(window.run())
            window.settle(0.5)  # thumbnails and scores follow
            window.undo()
        measured.gaps.extend(gaps)
    for part in CANCELLED_AFTER:
        with heart.phase() as gaps:
            measured.cancelled.append(window.cancel_after(part * statistics.median(measured.lasted)))
            window.settle(0.2)
        measured.gaps.extend(gaps)
    return measured


def _noise(side: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)


class _SlowNoise:
    """An array that takes its time whenever values are read, as one on a server does."""

    def __init__(self, side: int) -> None:
        self._values = _noise(side)
        self.shape, self.dtype, self.ndim = self._values.shape, self._values.dtype, self._values.ndim

    def __getitem__(self, index: Any) -> Any:
        time.sleep(READING)
        return self._values[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self[...], dtype)


def _slow_noise(side: int) -> Any:
    """Dask, where it is installed: napari knows what reading that costs."""
    try:
        import dask.array
    except ImportError:
        return _SlowNoise(side)
    return dask.array.from_array(_SlowNoise(side), chunks=(side, side, 3), asarray=False)


def _note(kinds: dict[str, Kind], times: dict[str, Times]) -> str:
    lasted = {name: duration(statistics.median(measured.lasted)) for name, measured in times.items()}
    told = [f"*{name}*: {kind.samples} of {kind.side} x {kind.side}, {lasted[name]}" for name, kind in kinds.items()]
    return (
        f"Samples of images of noise, and the time of a run. {'; '.join(told)}. The slow one takes {duration(READING)} "
        "to be read. Stalls are looked for from the click until the run is taken back."
    )


def _table(opened: list[Taken], loading: list[Taken], kinds: dict[str, Kind], times: dict[str, Times]) -> str:
    rows = [
        ["opening the widget, first time in a session", *_said(opened[:1])],
        ["opening it again", *_said(opened[1:])],
        ["longest stall while torch and the model are loaded", *_said(loading)],
        *([f"longest stall, *{name}* runs", *_said(times[name].gaps)] for name in kinds),
        *([f"longest from Cancel to the next click, *{name}* runs", *_said(times[name].cancelled)] for name in kinds),
    ]
    return table(["what", "time", "own work"], rows)


def _figures(loading: list[Taken], times: dict[str, Times]) -> dict[str, float]:
    return {
        "stall_loading_seconds": max(loading).wall,
        **{f"stall_{name}_seconds": max(measured.gaps).wall for name, measured in times.items()},
        **{f"cancel_{name}_seconds": max(measured.cancelled).wall for name, measured in times.items()},
    }


def _said(times: list[Taken]) -> list[str]:
    """The longest time, and the most work, which may have been in another."""
    return [duration(max(times).wall), duration(max(one.work for one in times))]


def _find_screen() -> None:
    """Begin anew under Xvfb if there is no screen."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform in ("darwin", "win32"):
        return
    if shutil.which("xvfb-run") is None:
        raise SystemExit("there is neither a screen nor xvfb-run")
    words = ["xvfb-run", "-a", "-s", "-screen 0 1600x1200x24", sys.executable, "-W", "ignore", *sys.argv]
    os.execvp(words[0], words)


if __name__ == "__main__":
    _find_screen()
    main()
