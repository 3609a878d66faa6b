"""The mouse over thumbnails: only where it rests is something to be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Hovering"]

LINGER = 180
"""Milliseconds that the mouse has to rest on a thumbnail before the viewer previews it."""


class Hovering:
    """Tells on which thumbnail the mouse rests, and when it goes.

    Parameters
    ----------
    on_rest
        Called with the thumbnail's key.
    on_leave
        Called when the mouse leaves any.
    """

    def __init__(self, on_rest: Callable[[str], None], on_leave: Callable[[], None]) -> None:
        self._on_rest, self._on_leave = on_rest, on_leave
        self._key: str | None = None
        self._lingered = QTimer()
        self._lingered.setSingleShot(True)
        self._lingered.setInterval(LINGER)
        self._lingered.timeout.connect(self._rested)

    def moved(self, key: str, inside: bool) -> None:
        """The mouse came onto a thumbnail, or left it."""
        self._key = key if inside else None
        self._lingered.stop()
        if inside:
            self._lingered.start()
        else:
            self._on_leave()

    def stop(self) -> None:
        """Tell nothing more."""
        self._key = None
        self._lingered.stop()

    def _rested(self) -> None:
        if self._key is not None:
            self._on_rest(self._key)
