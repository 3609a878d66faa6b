"""When a dock widget goes away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ClosingWatcher"]


class ClosingWatcher(QObject):
    """Tells when a widget leaves its dock or is destroyed: napari closes a dock by taking its widget out.

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

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        if event.type() == QEvent.Type.ParentChange and watched.parent() is None:
            self._closed()
        return False

    def _closed(self, *_: Any) -> None:
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()
