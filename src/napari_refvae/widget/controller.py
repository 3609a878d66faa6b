"""One run at a time, off the GUI thread.

A generator worker drains the engine's generator. Its traps are dealt with here:

- It swallows ``RuntimeError`` (torch's errors are such) and then never says that it ended: they are
  raised again as a `RefVAEError`.
- By default it raises errors once more inside a Qt slot, which ends the process where no event loop
  of napari's runs: they are shown as notifications instead.
- Its own ``quit`` leaves the generator suspended, with all the memory it holds: a flag that the
  generator's body checks lets it close the engine and end by itself.
- A step that is under way when the user cancels is still delivered: it is dropped.
- Adding a layer takes the window longer than making a map takes the worker; many of them at once would
  block it: after each picture the worker waits until the window has shown it and answered its user.
- napari's progress bars handle waiting events, so a report may come in the middle of another one: it
  waits its turn.
"""

from __future__ import annotations

from collections import deque
from threading import Event
from typing import TYPE_CHECKING, Any

from napari.qt.threading import thread_worker
from napari.utils.notifications import notification_manager, show_error, show_warning
from qtpy.QtCore import QTimer

from napari_refvae.engine.result import FinishedSample
from napari_refvae.errors import DeviceError, RefVAEError
from napari_refvae.widget.maps import FinishedMap
from napari_refvae.widget.threads import start_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from napari_refvae.engine.result import SuperResolutionResult
    from napari_refvae.spec import Progress

    Step = Progress | FinishedSample | FinishedMap
    Steps = Callable[..., Generator[Progress | FinishedSample | None, None, SuperResolutionResult]]
    Finish = Callable[[SuperResolutionResult], Iterator[FinishedMap]]

__all__ = ["UpscaleController", "explain"]

PATIENCE = 0.1  # seconds between two looks whether the user has cancelled
BREATH = 5  # milliseconds in which the window answers its user


class UpscaleController:
    """Starts and cancels runs, and reports on the main thread.

    Parameters
    ----------
    on_step
        Called with each progress, finished sample and finished map.
    on_result
        Called once with the result of a run that was neither cancelled nor failed, after all its steps.
    on_end
        Called once when a run is over, however it ended, with the error that ended it or None. The error
        has reached napari's notifications by then.
    steps
        The engine: takes the arguments of a run, yields progress, finished samples and None (nothing to tell: a
        chance to cancel), and returns the result.
    """

    def __init__(
        self,
        *,
        on_step: Callable[[Step], None],
        on_result: Callable[[SuperResolutionResult], None],
        on_end: Callable[[Exception | None], None],
        steps: Steps,
    ) -> None:
        self._on_step = on_step
        self._on_result = on_result
        self._on_end = on_end
        self._steps = steps
        self._cancelled: Event | None = None  # of the run under way
        self._reports: deque[Callable[[], None]] = deque()  # the first is being made

    @property
    def running(self) -> bool:
        """Whether a run is under way; a cancelled one is until its current step is done."""
        return self._cancelled is not None

    @property
    def cancelling(self) -> bool:
        """Whether a run is under way that was cancelled."""
        return self._cancelled is not None and self._cancelled.is_set()

    def start(self, arguments: Mapping[str, Any], finish: Finish | None = None) -> bool:
        """Begin a run; while another is under way, refuse with a notification.

        Parameters
        ----------
        arguments
            Of the engine.
        finish
            Makes the maps of a result, off the GUI thread.

        Returns
        -------
        bool
            Whether the run began.
        """
        if self.running:
            show_warning("A run is under way: wait for its end or cancel it, then start the next.")
            return False
        cancelled, shown = Event(), Event()
        self._cancelled = cancelled
        failure: list[Exception] = []
        body = thread_worker(_drain, ignore_errors=True, start_thread=False)
        worker = body(self._steps, dict(arguments), finish, cancelled, shown)

        def stepped(step: Step | None) -> None:
            if step is not None and not cancelled.is_set():
                self._on_step(step)
            QTimer.singleShot(BREATH, shown.set)  # after the events that wait; with 0, before the user's

        def returned(result: SuperResolutionResult | None) -> None:
            if result is not None and not cancelled.is_set():
                self._on_result(result)

        def errored(error: Exception) -> None:
            if not cancelled.is_set():
                failure.append(error)
                _notify(error)

        def finished() -> None:
            if self._cancelled is cancelled:
                self._cancelled = None
                self._on_end(failure[0] if failure else None)

        worker.yielded.connect(lambda step: self._report(lambda: stepped(step)))
        worker.returned.connect(lambda result: self._report(lambda: returned(result)))
        worker.errored.connect(lambda error: self._report(lambda: errored(error)))
        worker.finished.connect(lambda: self._report(finished))
        start_apart(worker)
        return True

    def cancel(self) -> None:
        """Let the run end after the step under way; its result is dropped."""
        if self._cancelled is not None:
            self._cancelled.set()

    def abandon(self) -> None:
        """Cancel, and never call back: for a widget that is going away."""
        self.cancel()
        self._cancelled = None

    def _report(self, report: Callable[[], None]) -> None:
        """Make a report, after those that are being made."""
        self._reports.append(report)
        if len(self._reports) > 1:
            return
        while self._reports:
            try:
                self._reports[0]()
            finally:
                self._reports.popleft()


def explain(error: Exception) -> str:
    """What to tell the user of an error."""
    return str(error) if isinstance(error, RefVAEError) else f"{type(error).__name__}: {error}"


def _notify(error: Exception) -> None:
    """Show an error of ours as its sentence; another, which is a bug, with its traceback."""
    if isinstance(error, RefVAEError):
        show_error(str(error))
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)


def _drain(
    steps: Steps, arguments: dict[str, Any], finish: Finish | None, cancelled: Event, shown: Event
) -> Generator[Step | None, None, SuperResolutionResult | None]:
    """Run the engine, between steps looking whether to stop; return None if stopped."""
    try:
        run = _whole(steps(**arguments), finish)
        try:
            while not cancelled.is_set():
                try:
                    step = next(run)
                except StopIteration as stop:
                    result: SuperResolutionResult = stop.value
                    return result
                shown.clear()
                yield step
                while (
                    isinstance(step, FinishedSample | FinishedMap)
                    and not cancelled.is_set()
                    and not shown.wait(PATIENCE)
                ):
                    pass
        finally:
            run.close()
    except RuntimeError as error:
        raise DeviceError(f"the run stopped ({error}); try it again, and report this if it comes back") from error
    return None


def _whole(
    run: Generator[Progress | FinishedSample | None, None, SuperResolutionResult], finish: Finish | None
) -> Generator[Step | None, None, SuperResolutionResult]:
    """The engine's steps, then the maps of its result."""
    result = yield from run
    if finish is not None:
        yield from finish(result)
    return result
