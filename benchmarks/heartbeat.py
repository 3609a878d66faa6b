"""How long the window's thread goes without handling events, and where it is then.

A timer that should fire every few milliseconds tells when the window stood still; meanwhile an alarm looks what the
window's thread was doing, so that a stall has a name; not on Windows, which has no such alarm. Beside each time stands
the window's own work in it: the processor time of its thread. The rest it waited for other threads, or for other
programs on a machine that is busy.
"""

from __future__ import annotations

import signal
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from measuring import duration, table
from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

BEAT = 5  # milliseconds
STALL = 0.1
"""Seconds without an answer that a user feels."""

GLANCE = 0.02
"""Seconds between two looks at what the window's thread does."""


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
        self._last = now()
        self._looked = self._last.wall
        self._phase: list[Taken] | None = None
        self.places: dict[str, float] = {}  # seconds
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT)
        signal.signal(signal.SIGALRM, self._look)
        signal.siginterrupt(signal.SIGALRM, False)
        signal.setitimer(signal.ITIMER_REAL, GLANCE, GLANCE)

    def stop(self) -> None:
        """Look and beat no longer."""
        self._timer.stop()
        signal.setitimer(signal.ITIMER_REAL, 0)

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

    def _look(self, _: int, frame: FrameType | None) -> None:
        """Say of a stall which line of ours or of napari's the window's thread is at.

        It is that thread which runs this, between two of its steps: another one that held its frames would end what it
        paints with.
        """
        since, self._looked = self._looked, time.perf_counter()
        if self._phase is not None and frame is not None and self._looked - self._last.wall > STALL:
            stood = self._looked - max(since, self._last.wall)
            place = _place(traceback.extract_stack(frame))
            self.places[place] = self.places.get(place, 0.0) + stood


def print_places(places: Mapping[str, float]) -> None:
    """Where the window's thread was during stalls."""
    if not places:
        print(f"\nThe window never stood still for more than {duration(STALL)}.")
        return
    longest = sorted(places.items(), key=lambda each: -each[1])[:12]
    rows = [[place, duration(seconds)] for place, seconds in longest]
    print(f"\nWhere the window's thread was when it stood still for more than {duration(STALL)}, about:\n")
    print(table(["at", "time"], rows))


def _place(stack: list[Any]) -> str:
    """The innermost line, and the innermost one of ours that led there."""
    ours = [entry for entry in stack if "napari_refvae" in entry.filename]
    parts = [f"{Path(entry.filename).name}:{entry.lineno} {entry.name}" for entry in (ours[-1:] + stack[-1:])]
    return " > ".join(dict.fromkeys(parts))
