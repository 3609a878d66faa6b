"""How far a run is: in napari's activity dock and as a sentence. Main thread only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari.utils import progress

from napari_refvae.widget.estimates import progress_text, seconds_left

if TYPE_CHECKING:
    from napari_refvae.spec import Progress

__all__ = ["Activity"]


class Activity:
    """One run's bar in the activity dock, and its clock: made with the first progress.

    Loading a model comes before that, and says nothing about speed.

    Parameters
    ----------
    title
        What the bar is called.
    """

    def __init__(self, title: str) -> None:
        self._bar = progress(total=1, desc=title)
        self._started = time.perf_counter()

    def advance(self, step: Progress) -> str:
        """Move the bar, and say where the run is."""
        if self._bar.total != step.total:
            self._bar.total = step.total
        self._bar.update(step.done - self._bar.n)
        return progress_text(step, seconds_left(step, time.perf_counter() - self._started))

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()
