"""Live previews: the latest value wins."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from napari_refvae.errors import RefVAEError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LatestWins"]

Asked = TypeVar("Asked")
Made = TypeVar("Made")


class LatestWins(Generic[Asked, Made]):
    """Makes what was asked for last, in a thread of its own; what was asked for in between is never made.

    A value that is being made when the next one comes is finished and delivered: while a slider moves the picture
    follows it, as fast as it can. After `restart` or `close` nothing of before is delivered.

    Parameters
    ----------
    make
        From what is asked for to the answer; called in the thread, one at a time.
    deliver
        Called in the thread with each answer that is not stale; a window passes it on to its own thread.
    fail
        Called in the thread if ``make`` raises: with its `RefVAEError`, or with one that says what else went wrong.
    """

    def __init__(
        self,
        make: Callable[[Asked], Made],
        deliver: Callable[[Made], None],
        fail: Callable[[RefVAEError], None],
    ) -> None:
        self._make, self._deliver, self._fail = make, deliver, fail
        self._changed = threading.Condition(threading.RLock())
        self._waiting: list[Asked] = []  # none or one
        self._generation = 0
        self._is_making = False
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def ask(self, value: Asked) -> None:
        """Want this one next, whatever else waits; returns at once. The thread starts with the first one."""
        with self._changed:
            if self._is_closed:
                return
            self._waiting = [value]
            if self._thread is None:  # not yet, or it has died
                self._begin()
            self._changed.notify_all()

    def restart(self) -> None:
        """Make stale whatever waits or is being made: the image, the view or the references have changed."""
        with self._changed:
            self._generation += 1
            self._waiting = []
            self._changed.notify_all()

    def close(self, timeout: float | None = None) -> None:
        """End the thread after what it is making, which is not delivered; wait for that at most ``timeout`` seconds."""
        with self._changed:
            self._is_closed = True
            self.restart()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def wait(self, timeout: float | None = None) -> bool:
        """Until nothing waits and nothing is being made; False if it takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_making, timeout)

    def _work(self) -> None:
        try:
            while (wanted := self._next()) is not None:
                self._answer(*wanted)
        finally:  # closed, or dead
            with self._changed:
                self._is_making, self._thread = False, None
                if self._waiting and not self._is_closed:
                    self._begin()
                self._changed.notify_all()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._work, name="refvae-preview", daemon=True)
        self._thread.start()

    def _next(self) -> tuple[Asked, int] | None:
        """What to make now; waits until there is something. None once closed."""
        with self._changed:
            self._is_making = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if self._is_closed:
                return None
            self._is_making = True
            return self._waiting.pop(), self._generation

    def _answer(self, value: Asked, generation: int) -> None:
        try:
            made = self._make(value)
        except RefVAEError as error:
            self._unless_stale(generation, lambda said=error: self._fail(said))  # type: ignore[misc]
        except Exception as error:  # noqa: BLE001 (the thread lives on, and the user is told)
            told = _unexpected(error)
            self._unless_stale(generation, lambda: self._fail(told))
        else:
            self._unless_stale(generation, lambda: self._deliver(made))

    def _unless_stale(self, generation: int, act: Callable[[], None]) -> None:
        """Under the lock, so that nothing is delivered once `restart` has returned."""
        with self._changed:
            if generation == self._generation:
                act()


def _unexpected(error: Exception) -> RefVAEError:
    """What is no error of ours, as one that can be told."""
    said = RefVAEError(
        f"something unexpected went wrong ({type(error).__name__}: {error}); try another value, or report it"
    )
    said.__cause__ = error
    return said
