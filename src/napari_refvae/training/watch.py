"""Tells a loss that has run away from one that is merely noisy."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

__all__ = ["LossWatch"]

WINDOW = 200
"""Steps whose losses say what is usual."""

LEAST = 50
"""Steps before anything is called unusual."""

FACTOR = 20.0
"""An unusual loss lies above the median by so many median deviations ..."""

SHARE = 2.0
"""... and by so many times the median's size."""

PATIENCE = 50
"""So many unusual steps in a row are a divergence."""


class LossWatch:
    """Compares each loss with the usual ones of its stage; unusual ones do not count as usual later."""

    def __init__(self) -> None:
        self.stage = ""
        self.usual: deque[float] = deque(maxlen=WINDOW)
        self.unusual = 0

    @property
    def calm(self) -> bool:
        """Whether the last loss was usual: a state that is saved now is a good one."""
        return self.unusual == 0

    @property
    def diverged(self) -> bool:
        """Whether the loss has been unusual for too long."""
        return self.unusual >= PATIENCE

    def see(self, stage: str, loss: float) -> None:
        """Take note of a step's loss. A new stage has other losses, so it begins anew."""
        if stage != self.stage:
            self.stage, self.unusual = stage, 0
            self.usual.clear()
        if not math.isfinite(loss):
            self.unusual = PATIENCE
        elif len(self.usual) >= LEAST and loss > self._limit():
            self.unusual += 1
        else:
            self.usual.append(loss)
            self.unusual = 0

    def _limit(self) -> float:
        middle = median(self.usual)
        deviation = median(abs(value - middle) for value in self.usual)
        return middle + max(FACTOR * deviation, SHARE * abs(middle))
