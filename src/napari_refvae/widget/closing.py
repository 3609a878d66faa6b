"""When a dock widget goes away."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from qtpy.QtCore import QEvent, QObject

from napari_refvae.widget.running.threads import wait_for_workers

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ClosingWatcher"]

PATIENCE = 60.0
"""Seconds that the end of Python waits for workers, one of which may be loading torch."""


class ClosingWatcher(QObject):
    """Tells when a widget leaves its dock or is destroyed: napari closes a dock by taking its widget out.

    A script may end while its window, or a worker, is still there. Qt's objects then go in any order, and who
    touches one that has gone ends the process with an abort: so it also tells before Python ends.

    Parameters
    ----------
    watched
        A Qt widget.
    on_close
        Called once.
    """

    def __init__(self, watched: Any, on_close: Callable[[], None]) -> None:
        super().__init__(watched)
        self._on_close: Callable[[], None] | None = on_close
        watched.installEventFilter(self)
        watched.destroyed.connect(self._closed)
        _OPEN.add(self)
        atexit.unregister(_close_all)
        atexit.register(_close_all)  # after PyQt's own, so it runs before that

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        if event.type() == QEvent.Type.ParentChange and watched.parent() is None:
            self._closed()
        return False

    def _closed(self, *_: Any) -> None:
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()


_OPEN: WeakSet[ClosingWatcher] = WeakSet()


def _close_all() -> None:
    """Python ends: whoever is still open closes, and workers come to their end."""
    for watcher in list(_OPEN):
        watcher._closed()
    wait_for_workers(PATIENCE)
