"""Tells a loss that has run away from one that is merely noisy, and a run that can make no step."""

from __future__ import annotations

import logging
import math
from collections import deque
from statistics import median

__all__ = ["LossWatch"]

log = logging.getLogger(__name__)

WINDOW = 200
"""Steps whose losses say what is usual."""

LEAST = 50
"""Steps before anything is called unusual."""

FACTOR = 20.0
"""An unusual loss lies above the median by so many median deviations ..."""

SHARE = 2.0
"""... and by so many times the median's size."""

PATIENCE = 50
"""So many unusual steps in a row are a divergence, and so are so many that could not be made."""


class LossWatch:
    """Compares each loss with the usual ones of its stage; unusual ones do not count as usual later."""

    def __init__(self) -> None:
        self.stage = ""
        self.usual: deque[float] = deque(maxlen=WINDOW)
        self.loss = 0.0
        self.unusual = self.skipped = 0

    @property
    def calm(self) -> bool:
        """Whether the last loss was usual: a state that is saved now is a good one."""
        return self.unusual == 0

    @property
    def diverged(self) -> bool:
        """Whether the loss has been unusual, or no step could be made, for too long."""
        return max(self.unusual, self.skipped) >= PATIENCE

    @property
    def trouble(self) -> str:
        """Why a run has diverged."""
        if self.skipped >= PATIENCE:
            return f"{self.skipped} steps in a row had gradients that are not finite, the last"
        if math.isfinite(self.loss):
            return f"the loss has stayed far above what was usual, at {self.loss:.4g},"
        return f"the loss became {self.loss}"

    def see(self, stage: str, loss: float) -> None:
        """Take note of a step's loss. A new stage has other losses, so it begins anew."""
        if stage != self.stage:
            self.stage, self.unusual = stage, 0
            self.usual.clear()
        self.loss = loss
        if not math.isfinite(loss):
            self.unusual = PATIENCE
        elif len(self.usual) >= LEAST and loss > self._limit():
            self.unusual += 1
        else:
            self.usual.append(loss)
            self.unusual = 0

    def see_gradients(self, *, finite: bool) -> None:
        """Take note of whether a step could be made; one whose gradients are not finite is left out."""
        self.skipped = 0 if finite else self.skipped + 1
        if self.skipped == 1:
            log.warning("left out a step whose gradients are not finite")

    def _limit(self) -> float:
        middle = median(self.usual)
        deviation = median(abs(value - middle) for value in self.usual)
        return middle + max(FACTOR * deviation, SHARE * abs(middle))
