"""One run at a time, off the GUI thread.

A generator worker drains the engine's generator. Its traps are dealt with here:

- It swallows ``RuntimeError`` (torch's errors are such) and then never says that it ended: they are
  raised again as a `RefVAEError`.
- By default it raises errors once more inside a Qt slot, which ends the process where no event loop
  of napari's runs: they are shown as notifications instead.
- Its own ``quit`` leaves the generator suspended, with all the memory it holds: a flag that the
  generator's body checks lets it close the engine and end by itself.
- A step that is under way when the user cancels is still delivered: it is dropped.
"""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any

from napari.qt.threading import thread_worker
from napari.utils.notifications import notification_manager, show_error

from napari_refvae.errors import DeviceError, RefVAEError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from napari_refvae.engine.result import SuperResolutionResult
    from napari_refvae.spec import Progress

    Steps = Callable[..., Generator[Progress, None, SuperResolutionResult]]

__all__ = ["UpscaleController"]


class UpscaleController:
    """Starts and cancels runs, and reports on the main thread.

    Parameters
    ----------
    on_progress
        Called after each step.
    on_result
        Called once with the result of a run that was neither cancelled nor failed.
    on_end
        Called once when a run is over, however it ended. An error has reached napari's notifications
        by then.
    steps
        The engine: takes the arguments of a run, yields progress and returns the result. By default
        `napari_refvae.api.steps`.
    """

    def __init__(
        self,
        *,
        on_progress: Callable[[Progress], None],
        on_result: Callable[[SuperResolutionResult], None],
        on_end: Callable[[], None],
        steps: Steps | None = None,
    ) -> None:
        self._on_progress = on_progress
        self._on_result = on_result
        self._on_end = on_end
        self._steps = steps or _engine_steps
        self._cancelled: Event | None = None  # of the run under way

    @property
    def running(self) -> bool:
        """Whether a run is under way; a cancelled one is until its current step is done."""
        return self._cancelled is not None

    def start(self, arguments: Mapping[str, Any]) -> None:
        """Begin a run. While one is under way this does nothing."""
        if self.running:
            return
        cancelled = self._cancelled = Event()
        worker = thread_worker(_drain, ignore_errors=True, start_thread=False)(self._steps, dict(arguments), cancelled)

        def progressed(progress: Progress) -> None:
            if not cancelled.is_set():
                self._on_progress(progress)

        def returned(result: SuperResolutionResult | None) -> None:
            if result is not None and not cancelled.is_set():
                self._on_result(result)

        def finished() -> None:
            if self._cancelled is cancelled:
                self._cancelled = None
                self._on_end()

        worker.yielded.connect(progressed)
        worker.returned.connect(returned)
        worker.errored.connect(_notify)
        worker.finished.connect(finished)
        worker.start()

    def cancel(self) -> None:
        """Let the run end after the step under way; its result is dropped."""
        if self._cancelled is not None:
            self._cancelled.set()

    def abandon(self) -> None:
        """Cancel, and never call back: for a widget that is going away."""
        self.cancel()
        self._cancelled = None


def _notify(error: Exception) -> None:
    """Show an error of ours as its sentence; another, which is a bug, with its traceback."""
    if isinstance(error, RefVAEError):
        show_error(str(error))
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)


def _drain(
    steps: Steps, arguments: dict[str, Any], cancelled: Event
) -> Generator[Progress, None, SuperResolutionResult | None]:
    """Run the engine, between steps looking whether to stop; return None if stopped."""
    try:
        run = steps(**arguments)
        try:
            while not cancelled.is_set():
                try:
                    progress = next(run)
                except StopIteration as stop:
                    result: SuperResolutionResult = stop.value
                    return result
                yield progress
        finally:
            run.close()
    except RuntimeError as error:
        raise DeviceError(f"the run stopped ({error}); try it again, and report this if it comes back") from error
    return None


def _engine_steps(**arguments: Any) -> Generator[Progress, None, SuperResolutionResult]:
    """`napari_refvae.api.steps`, which loads torch: here, so that the first run and not the window waits for it."""
    from napari_refvae import api

    return api.steps(**arguments)
