"""Workers that leave Qt the threads it paints with.

Qt 5 and 6 convert and scale large pictures on their global thread pool, and the main thread waits for that with
Python's lock held. Workers of napari run on the same pool. Where they hold all of its threads (two on a machine
with two cores), the picture waits for a worker and the workers for the lock: napari hangs for good.

And workers that are gone: napari 0.9 keeps each one in its list of tasks for as long as its window is there, with all
that the worker holds, such as images and the widget that started it. So a worker lets go of those at its end.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtCore import QThreadPool, QTimer

__all__ = ["start_apart", "wait_for_workers"]

SIGNALS = ("started", "yielded", "returned", "errored", "finished")

HELD = ("_func", "_args", "_kwargs", "_gen")
"""What superqt's workers hold of their work."""


def start_apart(worker: Any) -> None:
    """Start a worker of ``thread_worker`` on a thread that the pool has beyond its number until the worker ends.

    Main thread only.
    """
    pool = QThreadPool.globalInstance()
    assert pool is not None
    pool.releaseThread()  # without one reserved before, this lends one
    worker.finished.connect(lambda: _take_back(pool, worker))
    worker.start()


def wait_for_workers(seconds: float) -> bool:
    """Wait until no worker runs, and say whether it came to that."""
    pool = QThreadPool.globalInstance()
    return pool is None or bool(pool.waitForDone(round(1000 * seconds)))


def _take_back(pool: QThreadPool, worker: Any) -> None:
    pool.reserveThread()
    QTimer.singleShot(0, lambda: _empty(worker))


def _empty(worker: Any) -> None:
    """Let go of what a worker that has ended holds, and of who listens to it."""
    for name in HELD:
        vars(worker).pop(name, None)
    for name in SIGNALS:
        with suppress(AttributeError, TypeError):  # not all kinds yield; nobody may have listened
            getattr(worker, name).disconnect()
