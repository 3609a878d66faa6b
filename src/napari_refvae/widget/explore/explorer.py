"""What the panel steers: the recipe of the moment, its preview, its history, and what is made of it. No widgets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_refvae.explore.history import Exploration
from napari_refvae.explore.recipes import Draw
from napari_refvae.widget.explore.desk import Desk
from napari_refvae.widget.explore.jobs import make_samples
from napari_refvae.widget.explore.keeping import Keeper, identity_of
from napari_refvae.widget.explore.live import LivePreview, Wish
from napari_refvae.widget.explore.parts import timer
from napari_refvae.widget.explore.preview_layer import PreviewLayer
from napari_refvae.widget.explore.steering import described, without_reference
from napari_refvae.widget.explore.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_refvae.errors import RefVAEError
    from napari_refvae.explore.recipes import Recipe
    from napari_refvae.explore.sample import Sample
    from napari_refvae.regions import Region
    from napari_refvae.widget.explore.jobs import Steps
    from napari_refvae.widget.explore.live import Glimpse
    from napari_refvae.widget.explore.subject import Subject
    from napari_refvae.widget.results.runs import Runs

__all__ = ["Explorer"]

SETTLING = 700
"""Milliseconds without a change after which what shows is a step of the history."""

RESTING = 200
"""Milliseconds without a change after which a quick preview makes place for the exact one."""


class Explorer:
    """Steers among the samples of one image. Main thread only; what computes does so elsewhere.

    Parameters
    ----------
    runs
        The viewer's: kept samples go there.
    viewer
        Gets the preview's layer.
    seen
        Which part of a subject's image a preview shall show; None for all of it.
    """

    recipe_changed = Signal()
    """Another recipe is steered: dials show its numbers."""
    history_changed = Signal()
    told = Signal(str)
    """A sentence for the user."""
    glimpsed = Signal(object)
    """A `Glimpse` shows now."""

    def __init__(self, runs: Runs, viewer: Any, seen: Callable[[Subject], Region | None]) -> None:
        self.subject: Subject | None = None
        self.names: tuple[str, ...] = ()
        self.recipe: Recipe = Draw()
        self.history = Exploration({})
        self.tasks = Tasks()
        self.preview = PreviewLayer(viewer)
        self.live = LivePreview(desk := Desk(), self._show, self._fail)
        self._desk = desk
        self._keeper = Keeper(runs)
        self._seen = seen
        self._shown: Glimpse | None = None
        self._wanted = False  # whether there is, or shall be, a preview
        self._closed = False
        self._settled = timer(SETTLING, self._settle)
        self._resting = timer(RESTING, self.look)
        self.tasks.ended.connect(self._tell_end)

    def explore(self, subject: Subject | None, names: Sequence[str] = ()) -> None:
        """Begin with another image, from no reference on; what was explored before is dropped."""
        self.live.restart()
        self.tasks.cancel()
        self._desk.clear()
        self.preview.remove()
        self.subject, self.names, self._shown, self._wanted = subject, tuple(names), None, False
        self.recipe, self.history = Draw(), Exploration({})
        self.recipe_changed.emit()
        self.history_changed.emit()

    def guide(self, subject: Subject, names: Sequence[str]) -> None:
        """Have the references of a subject of the same image; those that recipes use already keep their places."""
        if self.subject is not None:
            self.live.restart()
            self.subject, self.names = replace(subject, origin=self.subject.origin), tuple(names)
            self._look_again()

    def lose_reference(self, index: int) -> None:
        """A reference was taken out: the recipe does without it, and `guide` comes next."""
        self.tasks.cancel()  # its recipes count on the places of before
        self.recipe = without_reference(self.recipe, index)
        self.recipe_changed.emit()

    def renew(self, subject: Subject) -> None:
        """Have other pixels of the same image; recipes and history stay, and what a job makes is of those before."""
        self.live.restart()
        self.subject, self._shown = subject, None
        self._look_again()

    def steer(self, recipe: Recipe, quick: Recipe | None = None) -> None:
        """Turn to a recipe, and preview it; first ``quick`` in its place, if given, and it once nothing moves."""
        self.recipe = recipe
        self.recipe_changed.emit()
        self.look(quick)
        self._settled.start()

    def look(self, quick: Recipe | None = None) -> None:
        """Preview the recipe: it or the view has changed."""
        self._resting.stop()
        if self.subject is None or self._closed:
            return
        self._wanted = True
        if self._shown is None:
            self.told.emit("Preparing the preview ...")
        self.live.ask(Wish(self.subject, self.recipe, self._seen(self.subject), quick))
        if quick is not None:
            self._resting.start()

    def follow(self) -> None:
        """Preview the part that is in view now, if there is a preview and it shows another one."""
        shown = self._shown
        if self.subject is not None and shown is not None and self._seen(self.subject) != shown.wish.region:
            self.look()

    def discard(self) -> None:
        """Take the preview away."""
        self.live.restart()
        self._stop_timers()
        self.clear_view()
        self.told.emit("The preview is discarded.")

    def keep(self) -> bool:
        """Make the whole sample of the recipe and add it to the run of kept ones; the preview goes then."""
        said = "Kept: the whole image is a sample layer now."
        return self.make([self.recipe], on_result=lambda count: self.told.emit(said))

    def make(
        self,
        recipes: Sequence[Recipe],
        scales: Sequence[int | None] = (None,),
        on_result: Callable[[Any], None] | None = None,
    ) -> bool:
        """Make whole samples, each a layer and a step of the history; returns whether that began."""
        subject, names = self.subject, self.names
        if subject is None:
            return False
        return self.work(
            lambda: make_samples(self._desk, subject, recipes, scales),
            lambda sample: self.add(sample, subject, names),
            on_result,
        )

    def work(
        self,
        job: Callable[[], Steps],
        on_sample: Callable[[Sample], None] | None = None,
        on_result: Callable[[Any], None] | None = None,
    ) -> bool:
        """Begin a job, unless one is under way; a preview that is still to come would hide what it makes."""
        if self._closed or self.tasks.running:
            return False
        self._stop_timers()
        self.live.restart()
        return self.tasks.start(job, on_sample or (lambda _: None), on_result or (lambda _: None))

    @property
    def shown(self) -> Glimpse | None:
        """The preview that shows the recipe of the moment, if it does by now."""
        return self._shown if self._shown is not None and self._is_of_now(self._shown) else None

    @property
    def desk(self) -> Desk:
        """For jobs."""
        return self._desk

    def add(self, sample: Sample, subject: Subject, names: tuple[str, ...]) -> None:
        """A whole sample came: a layer, and a step of the history if it is none yet.

        Parameters
        ----------
        sample, subject, names
            What came, of which image, by references of which names: those when its job began. If by now other pixels
            are explored, it is a layer of its own image and no step.
        """
        self._keeper.keep(subject, sample, names)
        if self.subject is None or subject.origin is not self.subject.origin:
            return
        self.clear_view()
        if all(step.recipe != sample.recipe for step in self.history.steps):
            self._record(sample, show=sample.recipe == self.recipe)

    def clear_view(self) -> None:
        """Take the preview away: it would hide what came."""
        self.preview.remove()
        self._shown, self._wanted = None, False

    def apply(self, number: int) -> None:
        """Turn to a step of the history."""
        self._turn(self.history.apply(number).recipe)

    def undo(self) -> None:
        """Turn to the step before, if there is one."""
        if self.history.can_undo:
            self._turn(self.history.undo().recipe)

    def redo(self) -> None:
        """Turn to the step that was undone last, if there is one."""
        if self.history.can_redo:
            self._turn(self.history.redo().recipe)

    def forget(self) -> None:
        """Begin an empty history; the recipe stays."""
        self.history = Exploration({})
        self.history_changed.emit()

    def resume(self, history: Exploration) -> None:
        """Go on with an exploration of this image and these references; a job of another one ends."""
        self.tasks.cancel()
        self.live.restart()
        self.history = history
        current = history.current
        self._turn(Draw() if current is None else history.steps[current].recipe)

    def close(self) -> None:
        """Stop everything, and take the preview away."""
        self._closed = True
        self._stop_timers()
        self.live.close()
        self.tasks.abandon()
        self.preview.remove()
        self._desk.clear()

    def _stop_timers(self) -> None:
        self._settled.stop()
        self._resting.stop()

    def _turn(self, recipe: Recipe) -> None:
        """To a step that is in the history."""
        self.recipe = recipe
        self._settled.stop()
        self.recipe_changed.emit()
        self.history_changed.emit()
        self.look()

    def _show(self, glimpse: Glimpse) -> None:
        if self._closed or glimpse.wish.subject is not self.subject:
            return
        self.preview.show(glimpse)
        self._shown = glimpse
        self.told.emit(glimpse.text)
        self.glimpsed.emit(glimpse)
        self._settle()

    def _fail(self, error: RefVAEError) -> None:
        self.told.emit(f"No preview: {error}.")

    def _settle(self) -> None:
        """What shows stayed for a while: it is a step; one that is still being made is when it shows."""
        glimpse, current = self.shown, self.history.current
        if glimpse is None or self._settled.isActive():
            return
        if current is None or self.history.steps[current].recipe != self.recipe:
            self._record(glimpse.sample)

    def _is_of_now(self, glimpse: Glimpse) -> bool:
        return glimpse.wish.recipe is self.recipe and glimpse.is_exact

    def _record(self, sample: Sample, *, show: bool = True) -> None:
        from napari_refvae.explore.thumbnails import thumbnail  # by now torch is loaded

        assert self.subject is not None  # what made the sample
        picture = thumbnail(sample.sr, intensity_range=self.subject.origin.intensity_range)
        self.history.identity = identity_of(sample)
        self.history.add(sample.recipe, described(sample.recipe, self.names), picture, show=show)
        self.history_changed.emit()

    def _tell_end(self, sentence: str) -> None:
        if self.shown is None:
            self._look_again()
        if sentence:
            self.told.emit(sentence)

    def _look_again(self) -> None:
        """Ask anew for a preview that was dropped on its way."""
        if self._wanted:
            self.look()
