"""Measuring off the GUI thread, one picture at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.qt.threading import thread_worker

from napari_refvae.widget.gallery.meter import Meter
from napari_refvae.widget.running.controller import explain
from napari_refvae.widget.running.threads import start_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from napari_refvae.widget.gallery.meter import Measured, Scoring

__all__ = ["Scorer"]


class Scorer:
    """Measures what it is asked to, in order, and tells on the main thread.

    Parameters
    ----------
    on_measured
        Called with what `add` was given as the key, and what came of it.
    on_error
        Called with the key and a sentence instead, if measuring failed.
    """

    def __init__(self, on_measured: Callable[[Any, Measured], None], on_error: Callable[[Any, str], None]) -> None:
        self._on_measured, self._on_error = on_measured, on_error
        self._meter = Meter()
        self._waiting: dict[Hashable, Scoring] = {}
        self._asked: set[Hashable] = set()
        self._busy = False

    def add(self, key: Hashable, scoring: Scoring) -> None:
        """Measure this, unless that was asked for before."""
        if key not in self._asked:
            self._asked.add(key)
            self._waiting[key] = scoring
            self._next()

    def stop(self) -> None:
        """Measure nothing more and tell nothing more."""
        self._waiting.clear()
        self._on_measured = self._on_error = _nothing

    def _next(self) -> None:
        if self._busy:
            return
        if not self._waiting:
            self._meter.rest()
            return
        key = next(iter(self._waiting))
        worker = thread_worker(self._meter.measure, ignore_errors=True, start_thread=False)(self._waiting.pop(key))

        def ended() -> None:
            self._busy = False
            self._next()

        worker.returned.connect(lambda measured: self._on_measured(key, measured))
        worker.errored.connect(lambda error: self._on_error(key, explain(error)))
        worker.finished.connect(ended)
        self._busy = True
        start_apart(worker)


def _nothing(*_: Any) -> None:
    """For calls that come too late."""
