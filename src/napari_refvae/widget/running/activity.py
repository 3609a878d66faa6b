"""How far a run is: in napari's activity dock and as a sentence. Main thread only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari.utils import progress

from napari_refvae.widget.form.estimates import progress_text, seconds_left

if TYPE_CHECKING:
    from napari_refvae.spec import Progress

__all__ = ["Activity"]

PAUSE = 0.2  # seconds


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
        self._moved = -PAUSE

    def advance(self, step: Progress) -> str | None:
        """Move the bar, and say where the run is; None if that was done a moment ago.

        A bar that moves paints the whole window, and tiles may be small.
        """
        now = time.perf_counter()
        if now - self._moved < PAUSE:
            return None
        self._moved = now
        if self._bar.total != step.total:
            self._bar.total = step.total
        self._bar.update(step.done - self._bar.n)
        return progress_text(step, seconds_left(step, now - self._started))

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()
