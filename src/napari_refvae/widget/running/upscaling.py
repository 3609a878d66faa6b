"""From a click to its layers: one run after the other is made in a worker and shown, or all are taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from psygnal import Signal

from napari_refvae.spec import Progress
from napari_refvae.widget.form.estimates import made_text, taken_back_text
from napari_refvae.widget.results.maps import FinishedMap, finished_maps
from napari_refvae.widget.running.activity import Activity
from napari_refvae.widget.running.click import Click
from napari_refvae.widget.running.controller import UpscaleController, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from napari_refvae.engine.result import FinishedSample, SuperResolutionResult
    from napari_refvae.widget.form.run_bar import RunBar
    from napari_refvae.widget.plan import Draft, Plan
    from napari_refvae.widget.results.run import Run
    from napari_refvae.widget.results.runs import Runs

    Step: TypeAlias = "Progress | FinishedSample | FinishedMap | _Read | None"
    Steps = Callable[..., Generator[Progress | FinishedSample | None, None, SuperResolutionResult]]

__all__ = ["Upscaling"]


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """The worker has read all that a click needs."""

    plans: Sequence[Plan]


class Upscaling:
    """Makes what clicks ask for, one click at a time, and tells how it goes. Main thread only.

    Parameters
    ----------
    runs
        Where results are shown.
    bar
        Where it is said how the run goes.
    steps
        The engine: see `UpscaleController`.
    """

    began = Signal()
    """A run is under way."""
    sampled = Signal()
    """A run has shown its first sample."""
    completed = Signal(float)
    """All runs of a click are complete; the seconds that they took, from the click on."""
    ended = Signal()
    """Nothing is under way any more, however that ended; or the next channel is."""

    def __init__(self, runs: Runs, bar: RunBar, steps: Steps) -> None:
        self._runs, self._bar, self._engine = runs, bar, steps
        self._click: Click | None = None  # under way
        self._run: Run | None = None  # its run that may be taken back: from when its inputs are read
        self._next: Click | None = None  # what goes on when the worker has ended
        self._activity: Activity | None = None  # its
        self._controller = UpscaleController(
            on_step=self._step, on_result=self._complete, on_end=self._end, steps=self._work
        )

    @property
    def running(self) -> bool:
        """Whether a run is under way; a cancelled one is until its current step is done."""
        return self._controller.running

    def start(self, draft: Draft) -> bool:
        """Begin the runs of a click; while others are under way, refuse with a notification.

        Returns
        -------
        bool
            Whether they began.
        """
        return self._begin(Click(draft))

    def cancel(self) -> None:
        """Stop at the next step, and take back at once what the click has shown."""
        if self._controller.cancelling:
            return
        self._controller.cancel()
        self._bar.button.enabled = False
        self._bar.status = f"Cancelled. {self._take_back()}"

    def abandon(self) -> None:
        """Cancel for a window that is going away: take back what was shown, and say nothing more."""
        self._controller.abandon()
        self._close_activity()
        self._take_back()

    def _begin(self, click: Click) -> bool:
        """Start the run of a click whose turn it is; whether it began."""
        if not self._controller.start({"click": click}):
            return False
        self._click = click
        self._bar.show_running()
        self._bar.status = click.named("Reading the images ...")
        if click.is_read:
            self._open_run(click)
        self.began.emit()
        return True

    def _open_run(self, click: Click) -> None:
        plan = click.plan
        self._run = self._runs.begin(plan.origin, plan.truth, plan.maps, click.id, companions=plan.companions)
        self._bar.status = click.named("Loading the model ...")

    def _work(self, click: Click) -> Generator[Step, None, SuperResolutionResult]:
        """In the worker: read what the click needs, unless that is done; make its run and the run's maps."""
        if click.is_read:
            plan = click.plan
        else:
            plans = yield from click.read()
            yield _Read(plans)
            plan = plans[0]
        result = yield from self._engine(**plan.arguments)
        yield from finished_maps(result, plan.maps, plan.truth)
        return result

    def _step(self, step: Step) -> None:
        click, run = self._click, self._run
        if click is None:
            return
        if isinstance(step, _Read):
            click.take(step.plans)
            self._open_run(click)
        elif run is None:
            return
        elif isinstance(step, Progress):
            self._show_progress(step, click, run)
        elif isinstance(step, FinishedMap):
            self._runs.add_map(run, step)
        elif step is not None:
            first = not run.samples
            self._runs.add_sample(run, step)
            if first:
                self.sampled.emit()

    def _show_progress(self, step: Progress, click: Click, run: Run) -> None:
        self._activity = self._activity or Activity(f"Upscaling {run.origin.title}")
        status = self._activity.advance(step)
        if status and self._run is not None:  # napari has handled events meanwhile
            self._bar.status = click.named(status)
            self._bar.advance(click.done(step.done / max(1, step.total)))

    def _complete(self, result: SuperResolutionResult) -> None:
        if self._run is None or self._click is None:
            return
        self._runs.complete(self._run, result, maps=())
        self._bar.status = self._click.ended(made_text(result, self._click.seconds))
        if self._click.is_last:
            self._run = None  # from here on nothing takes it back
            self.completed.emit(self._click.seconds)
        else:
            self._next = self._click

    def _end(self, error: Exception | None) -> None:
        """The run is over, however it ended."""
        self._close_activity()
        following, self._next, self._click = self._next, None, None  # clicks hold copies of all inputs
        if error is not None:
            self._bar.status = f"Stopped: {explain(error)}. {self._take_back()}"
        elif self._run is not None and following is None:  # napari ends all workers when its window closes
            self._bar.status = f"Stopped by napari. {self._take_back()}"
        elif self._run is not None and following is not None:  # and not cancelled
            following.go_on()
            self._begin(following)
        self.ended.emit()

    def _take_back(self) -> str:
        """Remove the layers of the click under way, and say so."""
        run, self._run = self._run, None
        count = 0 if run is None else sum(len(each.samples) for each in self._runs.together(run))
        if run is not None:
            self._runs.remove(run)
        return taken_back_text(count)

    def _close_activity(self) -> None:
        activity, self._activity = self._activity, None
        if activity is not None:
            activity.close()
