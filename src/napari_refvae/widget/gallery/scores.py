"""The scores of all runs' pictures against their ground truths, as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_refvae.widget.compare.pictures import sample_key
from napari_refvae.widget.gallery.scoring import Scorer, Scoring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari_refvae.widget.compare.pictures import Picture
    from napari_refvae.widget.results.run import Run
    from napari_refvae.widget.results.runs import Runs

__all__ = ["Scores"]


class Scores:
    """Has pictures measured, once each, and keeps what came of it; samples are told theirs.

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
        self._known: dict[tuple[str, str], dict[str, float]] = {}  # by run and picture
        self._scorer = Scorer(self._scored)

    def of(self, run: Run, key: str) -> Mapping[str, float]:
        """What is known of a picture; empty until it is measured."""
        return self._known.get((run.id, key), {})

    def ask(self, run: Run, pictures: Iterable[Picture]) -> None:
        """Measure those pictures of a run that have layers, if it has a ground truth."""
        if run.truth is None:
            return
        for picture in pictures:
            if picture.layer is not None and picture.pixels.shape == run.truth.shape:
                shave = picture.pixels.shape[0] // run.origin.lr.shape[0]
                scoring = Scoring(picture.pixels, run.truth, run.origin.intensity_range, shave)
                self._scorer.add((run.id, picture.key), scoring)

    def stop(self) -> None:
        """Measure and tell nothing more."""
        self._scorer.stop()

    def _scored(self, key: tuple[str, str], scores: dict[str, float]) -> None:
        self._known[key] = scores
        for run in self._runs:
            for sample in run.samples.values():
                if (run.id, sample_key(sample.index)) == key:
                    sample.scores.update(scores)
        self._on_change()
