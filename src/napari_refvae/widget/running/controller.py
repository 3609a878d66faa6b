"""One run at a time, off the GUI thread.

A generator worker drains the engine's generator. Its traps are dealt with here:

- It swallows ``RuntimeError`` (torch's errors are such) and then never says that it ended: they are
  raised again as a `RefVAEError`.
- By default it raises errors once more inside a Qt slot, which ends the process where no event loop
  of napari's runs: they are shown as notifications instead. So is what goes wrong in the window itself, while
  a layer is added: it ends the run as an error of the engine does.
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
from napari_refvae.widget.results.maps import FinishedMap
from napari_refvae.widget.running.threads import start_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from napari_refvae.engine.result import SuperResolutionResult

    Steps = Callable[..., Generator[Any, None, SuperResolutionResult]]

__all__ = ["UpscaleController", "explain"]

PATIENCE = 0.1  # seconds between two looks whether the user has cancelled
LOOKS = 100
"""Before a worker goes on though the window does not answer: napari, when it quits, waits for its workers."""
BREATH = 5  # milliseconds in which the window answers its user


class UpscaleController:
    """Starts and cancels runs, and reports on the main thread.

    Parameters
    ----------
    on_step
        Called with each thing that the steps yield, but None.
    on_result
        Called once with the result of a run that was neither cancelled nor failed, after all its steps.
    on_end
        Called once when a run is over, however it ended, with the error that ended it or None. The error
        has reached napari's notifications by then.
    steps
        Takes the arguments of a run, yields progress, finished samples and maps, and None (nothing to tell: a chance
        to cancel), and returns the result. Runs in the worker.
    """

    def __init__(
        self,
        *,
        on_step: Callable[[Any], None],
        on_result: Callable[[SuperResolutionResult], None],
        on_end: Callable[[Exception | None], None],
        steps: Steps,
    ) -> None:
        self._on_step = on_step
        self._on_result = on_result
        self._on_end = on_end
        self._steps = steps
        self._run: _Running | None = None  # under way
        self._reports: deque[Callable[[], None]] = deque()  # the first is being made

    @property
    def running(self) -> bool:
        """Whether a run is under way; a cancelled one is until its current step is done."""
        return self._run is not None

    @property
    def cancelling(self) -> bool:
        """Whether a run is under way that was cancelled, or has failed."""
        return self._run is not None and self._run.cancelled.is_set()

    def start(self, arguments: Mapping[str, Any]) -> bool:
        """Begin a run; while another is under way, refuse with a notification.

        Parameters
        ----------
        arguments
            Of ``steps``.

        Returns
        -------
        bool
            Whether the run began.
        """
        if self.running:
            show_warning("A run is under way: wait for its end or cancel it, then start the next.")
            return False
        run = _Running(self._on_step, self._on_result)
        self._run = run
        body = thread_worker(_drain, ignore_errors=True, start_thread=False)
        worker = body(self._steps, dict(arguments), run.cancelled)
        worker.yielded.connect(lambda made: self._report(lambda: run.stepped(*made)))
        worker.returned.connect(lambda result: self._report(lambda: run.returned(result)))
        worker.errored.connect(lambda error: self._report(lambda: run.fail(error)))
        worker.finished.connect(lambda: self._report(lambda: self._finished(run)))
        start_apart(worker)
        return True

    def cancel(self) -> None:
        """Let the run end after the step under way; its result is dropped."""
        if self._run is not None:
            self._run.cancelled.set()

    def abandon(self) -> None:
        """Cancel, and never call back: for a widget that is going away."""
        self.cancel()
        self._run = None

    def _finished(self, run: _Running) -> None:
        """The worker has ended; an abandoned run is nobody's."""
        if self._run is run:
            self._run = None
            self._on_end(run.failure)

    def _report(self, report: Callable[[], None]) -> None:
        """Make a report, after those that are being made; one that breaks keeps no other back."""
        self._reports.append(report)
        if len(self._reports) > 1:
            return
        while self._reports:
            try:
                self._reports[0]()
            except Exception as error:  # noqa: BLE001 (whatever it is: raised in a Qt slot, it would end the process)
                _notify(error)
            finally:
                self._reports.popleft()


class _Running:
    """What one run has come to. Main thread only, but for the flag that the worker looks at.

    Attributes
    ----------
    cancelled
        Set: the worker stops, and nothing more is told.
    failure
        The error that ended it, of the engine or of who was told, or None.
    """

    def __init__(self, on_step: Callable[[Any], None], on_result: Callable[[SuperResolutionResult], None]) -> None:
        self.cancelled = Event()
        self.failure: Exception | None = None
        self._on_step = on_step
        self._on_result = on_result

    def stepped(self, step: Any, shown: Event) -> None:
        """Tell of a step, and let the worker go on after the events that wait; with 0 ms, before the user's."""
        try:
            if step is not None:
                self._tell(self._on_step, step)
        finally:
            QTimer.singleShot(BREATH, shown.set)

    def returned(self, result: SuperResolutionResult | None) -> None:
        """Tell of the result; a worker that was stopped has none."""
        if result is not None:
            self._tell(self._on_result, result)

    def fail(self, error: Exception) -> None:
        """End the run for an error, and show that, unless the run was cancelled or has failed before."""
        if not self.cancelled.is_set():
            self.failure = error
            self.cancelled.set()
            _notify(error)

    def _tell(self, listener: Callable[[Any], None], news: Any) -> None:
        if self.cancelled.is_set():
            return
        try:
            listener(news)
        except Exception as error:  # noqa: BLE001 (adding a layer calls other plugins, and Qt)
            self.fail(error)


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
    steps: Steps, arguments: dict[str, Any], cancelled: Event
) -> Generator[tuple[Any, Event], None, SuperResolutionResult | None]:
    """Run the engine, between steps looking whether to stop; return None if stopped.

    Each step comes with what its listener sets when it is dealt with: a picture waits for its own, not for that of
    a progress a moment before.
    """
    try:
        run = steps(**arguments)
        try:
            while not cancelled.is_set():
                try:
                    step = next(run)
                except StopIteration as stop:
                    result: SuperResolutionResult = stop.value
                    return result
                shown = Event()
                yield step, shown
                if isinstance(step, FinishedSample | FinishedMap):
                    _wait_for_either(shown, cancelled)
        finally:
            run.close()
    except RuntimeError as error:
        raise DeviceError(f"the run stopped ({error}); try it again, and report this if it comes back") from error
    return None


def _wait_for_either(shown: Event, cancelled: Event) -> None:
    for _ in range(LOOKS):
        if cancelled.is_set() or shown.wait(PATIENCE):
            return
