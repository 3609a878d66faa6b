from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from napari.qt.threading import thread_worker
from qtpy.QtCore import QThreadPool
from qtpy.QtGui import QImage

from napari_refvae.widget.running.threads import start_apart

if TYPE_CHECKING:
    from collections.abc import Generator


def test_workers_leave_qt_its_threads(qtbot: Any) -> None:
    """More workers than the pool has threads: without care, the picture would never be converted."""
    pool = QThreadPool.globalInstance()
    count = pool.maxThreadCount() + 1
    gate = threading.Event()
    begun: list[bool] = []
    ended: list[bool] = []

    def work() -> Generator[None, None, None]:
        begun.append(True)
        yield
        gate.wait(60)

    for _ in range(count):
        worker = thread_worker(work, start_thread=False)()
        worker.finished.connect(lambda: ended.append(True))
        start_apart(worker)
    qtbot.waitUntil(lambda: len(begun) == count, timeout=30_000)
    assert pool.activeThreadCount() == 0
    picture = QImage(1024, 1024, QImage.Format.Format_RGB32)
    assert picture.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied).width() == 1024
    gate.set()
    qtbot.waitUntil(lambda: len(ended) == count, timeout=30_000)
    qtbot.waitUntil(lambda: pool.activeThreadCount() == 0, timeout=30_000)
    assert pool.maxThreadCount() == count - 1


def test_a_worker_that_has_ended_holds_neither_its_work_nor_its_listeners(qtbot: Any) -> None:
    class Pixels: ...

    given, listener = Pixels(), Pixels()
    gone = [weakref.ref(given), weakref.ref(listener)]
    worker = thread_worker(lambda pixels: type(pixels), start_thread=False)(given)  # napari keeps it, as this does
    told: list[Any] = []
    worker.returned.connect(lambda kind, held=listener: told.append((kind, type(held))))
    start_apart(worker)
    del given, listener
    qtbot.waitUntil(lambda: [reference() for reference in gone] == [None, None], timeout=10_000)
    assert told == [(Pixels, Pixels)]
