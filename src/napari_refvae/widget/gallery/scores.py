"""The scores of runs' pictures against their ground truths, as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_refvae.widget.compare.pictures import FAITHFUL, sample_key
from napari_refvae.widget.gallery.meter import Scoring
from napari_refvae.widget.gallery.scoring import Scorer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari_refvae.widget.compare.pictures import Picture
    from napari_refvae.widget.gallery.meter import Measured
    from napari_refvae.widget.results.run import Run
    from napari_refvae.widget.results.runs import Runs

    Key = tuple[str, str, str]  # a run's id, a picture's key, and the first of the scores that are asked for

__all__ = ["Scores"]


class Scores:
    """Has pictures measured, once each; the runs keep what came of it, and outlive a gallery.

    Parameters
    ----------
    runs
        The viewer's runs.
    on_change
        Called when there are new scores.
    """

    def __init__(self, runs: Runs, on_change: Callable[[], None]) -> None:
        self._runs = runs
        self._on_change = on_change
        self._reasons: dict[str, str] = {}  # by run
        self._problems: dict[tuple[str, str], str] = {}  # by run and picture
        self._scorer = Scorer(self._measured, self._failed)

    def of(self, run: Run, key: str) -> Mapping[str, float]:
        """What is known of a picture; empty until it is measured."""
        return _kept(run, key) or {}

    def reason(self, run: Run) -> str:
        """Why the pictures of a run have no VGG distance; empty if they have, or nobody knows yet."""
        return self._reasons.get(run.id, "")

    def problem(self, run: Run, key: str) -> str:
        """What went wrong when a picture was measured; empty if nothing did."""
        return self._problems.get((run.id, key), "")

    def ask(self, run: Run, pictures: Iterable[Picture]) -> None:
        """Measure those pictures of a run that have layers, if it has a ground truth.

        The VGG distance, which takes seconds and memory, waits until the run is complete.
        """
        truth = run.truth
        if truth is None:
            return
        fitting = [one for one in pictures if one.layer is not None and one.pixels.shape == truth.shape]
        shave = truth.shape[0] // run.origin.lr.shape[0]
        for score in ("psnr", "vgg") if run.result is not None else ("psnr",):
            for picture in fitting:
                if score not in self.of(run, picture.key):
                    scoring = Scoring(picture.pixels, truth, run.origin.intensity_range, shave, score == "vgg")
                    self._scorer.add((run.id, picture.key, score), scoring)

    def stop(self) -> None:
        """Measure and tell nothing more."""
        self._scorer.stop()

    def _measured(self, key: Key, measured: Measured) -> None:
        run_id, picture, _ = key
        kept = next((_kept(run, picture) for run in self._runs if run.id == run_id), None)
        if kept is not None:
            kept.update(measured.scores)
        if measured.reason:
            self._reasons[run_id] = measured.reason
        self._on_change()

    def _failed(self, key: Key, sentence: str) -> None:
        self._problems[key[:2]] = sentence
        self._on_change()


def _kept(run: Run, key: str) -> dict[str, float] | None:
    """Where the scores of a picture are kept; None if it is no longer there."""
    if key == FAITHFUL:
        return run.faithful_scores
    return next((sample.scores for sample in run.samples.values() if sample_key(sample.index) == key), None)
