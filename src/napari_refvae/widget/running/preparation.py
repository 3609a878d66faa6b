"""Loading torch and a model while the user chooses images: in the background, one at a time."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from napari.qt.threading import thread_worker
from qtpy.QtCore import QTimer

from napari_refvae.widget.running.controller import explain
from napari_refvae.widget.running.threads import start_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_refvae.engine.forecasting import Readiness
    from napari_refvae.engine.result import FinishedSample, SuperResolutionResult
    from napari_refvae.spec import Progress
    from napari_refvae.widget.running.engine import Engine

    EngineChoice = tuple[str, str, str, bool]  # model, device, precision; whether detail is copied from references
    Options = tuple[list[str], list[str]]

__all__ = ["Preparation"]

DELAY = 300  # milliseconds until the window has been painted
PATIENCE = 0.05  # seconds between two looks whether the model is loaded


class Preparation:
    """Prepares the engine for what is chosen; a choice made meanwhile is prepared next.

    Parameters
    ----------
    engine
        What is prepared.
    on_change
        Called on the main thread whenever the attributes change.

    Attributes
    ----------
    readiness
        What became of the choice, or None while that is not known.
    options
        Names of models and devices to choose from, or None while they are not known.
    problem
        Why the choice cannot be used, or None.
    """

    def __init__(self, engine: Engine, on_change: Callable[[], None]) -> None:
        self.readiness: Readiness | None = None
        self.options: Options | None = None
        self.problem: str | None = None
        self._engine = engine
        self._on_change: Callable[[], None] | None = on_change
        self._choice: EngineChoice | None = None  # the latest
        self._preparing = False
        self._engine_free = Lock()
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._begin)

    def choose(self, model: str, device: str, precision: str, matching: bool = False) -> None:
        """Prepare for a model, a device and a precision, a moment later; if they are new.

        With ``matching`` also for copying detail from references; who is prepared for that, is without, too.
        """
        names = model, device, precision
        if self._choice in ((*names, matching), (*names, True)) or self._on_change is None:
            return
        self._choice, self.readiness, self.problem = (*names, matching), None, None
        self._timer.start(DELAY)

    def steps(self, **arguments: Any) -> Generator[Progress | FinishedSample | None, None, SuperResolutionResult]:
        """The engine's run, never at the same time as a preparation, whose measurement it would spoil.

        None while it waits.
        """
        while not self._engine_free.acquire(timeout=PATIENCE):
            yield None
        try:
            return (yield from self._engine.steps(**arguments))
        finally:
            self._engine_free.release()

    def close(self) -> None:
        """Begin nothing more, and never call back."""
        self._on_change = None
        self._timer.stop()

    def _begin(self) -> None:
        """Start a worker, unless one runs: its end starts the next."""
        if self._preparing or self._choice is None:
            return
        self._preparing = True
        choice = self._choice
        worker = thread_worker(self._prepare, ignore_errors=True, start_thread=False)(choice)
        worker.returned.connect(lambda readiness: self._took(choice, readiness, None))
        worker.errored.connect(lambda error: self._took(choice, None, explain(error)))
        start_apart(worker)

    def _prepare(self, choice: EngineChoice) -> Readiness | None:
        """In the worker; a widget that was closed meanwhile wants nothing."""
        with self._engine_free:
            if self._on_change is None:
                return None
            self.options = self._engine.options()  # first: a model that cannot be had must not hide the others
            return None if self._on_change is None else self._engine.prepare(*choice)

    def _took(self, choice: EngineChoice, readiness: Readiness | None, problem: str | None) -> None:
        """Back on the main thread."""
        self._preparing = False
        if self._on_change is None:
            return
        if choice != self._choice:
            self._begin()
            return
        self.readiness, self.problem = readiness, problem
        self._on_change()
