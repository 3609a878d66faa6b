"""One job at a time in a worker, with progress and cancel, told to the panel on the main thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_refvae.widget.explore.jobs import Advance
from napari_refvae.widget.running.controller import UpscaleController, explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_refvae.explore.sample import Sample
    from napari_refvae.widget.explore.jobs import Steps

__all__ = ["Tasks"]


def _ignore(_: Any) -> None:
    pass


class Tasks:
    """Runs jobs; main thread only. What a job makes after it is cancelled is dropped."""

    changed = Signal()
    """A job began or ended."""
    advanced = Signal(float, str)
    """How far it is, from 0 to 1, and what it does."""
    ended = Signal(str)
    """What became of it: nothing to say if it is complete."""

    def __init__(self) -> None:
        self._on_sample: Callable[[Sample], None] = _ignore
        self._on_result: Callable[[Any], None] = _ignore
        self._complete = False
        self._controller = UpscaleController(
            on_step=self._stepped, on_result=self._returned, on_end=self._over, steps=lambda job: job()
        )

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return self._controller.running

    def start(
        self,
        job: Callable[[], Steps],
        on_sample: Callable[[Sample], None] = _ignore,
        on_result: Callable[[Any], None] = _ignore,
    ) -> bool:
        """Begin a job, unless one is under way; returns whether it began.

        Parameters
        ----------
        job
            Makes the generator; called in the worker.
        on_sample
            Called with each sample that it yields.
        on_result
            Called with what it returns, if it is neither cancelled nor fails.
        """
        if self.running:
            return False
        self._on_sample, self._on_result, self._complete = on_sample, on_result, False
        began = self._controller.start({"job": job})
        self.changed.emit()
        return began

    def cancel(self) -> None:
        """End the job after the step under way."""
        self._controller.cancel()

    def abandon(self) -> None:
        """Cancel, and tell nothing more: the panel is going away."""
        self._controller.abandon()
        self._on_sample = self._on_result = _ignore

    def _stepped(self, step: Any) -> None:
        if isinstance(step, Advance):
            self.advanced.emit(step.done, step.text)
        else:
            self._on_sample(step)

    def _returned(self, result: Any) -> None:
        self._complete = True
        self._on_result(result)

    def _over(self, error: Exception | None) -> None:
        self._on_sample = self._on_result = _ignore
        self.changed.emit()
        if error is not None:
            self.ended.emit(f"Stopped: {explain(error)}.".replace("..", "."))
        else:
            self.ended.emit("" if self._complete else "Cancelled. What was finished stays.")
