"""One session for two threads: that of the previews and that of longer work take turns."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from napari_refvae.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_refvae.explore.session import Session
    from napari_refvae.widget.explore.subject import Subject

__all__ = ["Desk"]


class Desk:
    """Has the session of one subject; another subject's replaces it."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._subject: Subject | None = None
        self._session: Session | None = None

    @contextmanager
    def at(self, subject: Subject) -> Iterator[Session]:
        """The subject's session, opened if it is not, for this thread alone. Waits for others: never on the GUI thread.

        Raises
        ------
        RefVAEError
            As a session does; what torch says of a device that fails becomes a `DeviceError`.
        """
        with self._turn:
            try:
                yield self._opened(subject)
            except RuntimeError as error:
                raise DeviceError(f"the device failed ({error}); try it again, or choose another device") from error

    def clear(self) -> None:
        """Let the session and its memory go, unless a thread uses it: then it goes with the next subject."""
        if self._turn.acquire(blocking=False):
            self._subject = self._session = None
            self._turn.release()

    def _opened(self, subject: Subject) -> Session:
        if self._session is None or self._subject is not subject:
            self._session = None  # before: two would take twice the memory
            self._session, self._subject = subject.open(), subject
        return self._session
