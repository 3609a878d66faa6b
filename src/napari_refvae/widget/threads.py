"""Workers that leave Qt the threads it paints with.

Qt 5 and 6 convert and scale large pictures on their global thread pool, and the main thread waits for that with
Python's lock held. Workers of napari run on the same pool. Where they hold all of its threads (two on a machine
with two cores), the picture waits for a worker and the workers for the lock: napari hangs for good.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QThreadPool

__all__ = ["start_apart"]


def start_apart(worker: Any) -> None:
    """Start a worker of ``thread_worker`` on a thread that the pool has beyond its number until the worker ends.

    Main thread only.
    """
    pool = QThreadPool.globalInstance()
    assert pool is not None
    pool.releaseThread()  # without one reserved before, this lends one
    worker.finished.connect(lambda: _take_back(pool))
    worker.start()


def _take_back(pool: QThreadPool) -> None:
    pool.reserveThread()
