"""A window that shows what happens, but takes no input while a script computes on its thread.

napari's progress bars let Qt handle whatever events are waiting: without this, a user could start a second run
or close the window in the middle of the first.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["no_input"]

REFUSED = frozenset(
    getattr(QEvent.Type, name)
    for name in (
        "MouseButtonPress",
        "MouseButtonRelease",
        "MouseButtonDblClick",
        "Wheel",
        "KeyPress",
        "KeyRelease",
        "Shortcut",
        "ShortcutOverride",
        "ContextMenu",
        "Drop",
        "Close",
    )
)
"""What a user causes."""


@contextmanager
def no_input() -> Iterator[Callable[[], bool]]:
    """Drop what the user does, under a waiting cursor; yields what tells whether Escape was pressed.

    Without a running Qt application it does nothing.
    """
    application = QApplication.instance()
    if application is None:
        yield lambda: False
        return
    guard = _Guard()
    application.installEventFilter(guard)
    QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
    try:
        yield lambda: guard.escaped
    finally:
        QApplication.restoreOverrideCursor()
        application.removeEventFilter(guard)


class _Guard(QObject):
    """Drops input, and remembers Escape."""

    escaped = False

    def eventFilter(self, _: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        kind = event.type()
        if kind == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Escape:
            self.escaped = True
        if kind == QEvent.Type.Close:
            event.ignore()
        return kind in REFUSED
