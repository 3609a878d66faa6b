"""How a run is coming along: step, loss, speed, time left."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

__all__ = ["Budget", "Pace", "TrainingProgress"]

MEMORY = 0.95
"""How much of the measured speed is kept at each step."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a process may train; a run ends at the config's last step at the latest."""

    minutes: float = math.inf


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """A run after one of its steps.

    ``seconds_left`` counts to the last step or to the end of the budget, whichever comes first.
    """

    step: int
    steps: int
    stage: str
    loss: float
    seconds_a_step: float
    seconds_left: float


class Pace:
    """Measures the speed of a run that has just begun or been resumed."""

    def __init__(self, budget: Budget) -> None:
        self.budget = 60 * budget.minutes
        self.begin = self.last = time.monotonic()
        self.seconds_a_step = 0.0

    @property
    def within_budget(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() - self.begin < self.budget

    def tick(self) -> None:
        """Take note of a finished step."""
        now = time.monotonic()
        lasted = now - self.last
        kept = MEMORY if self.seconds_a_step else 0.0
        self.seconds_a_step = kept * self.seconds_a_step + (1 - kept) * lasted
        self.last = now

    def resume(self) -> None:
        """Leave out what has passed since the last step: a validation or a save is not the next step's."""
        self.last = time.monotonic()

    def progress(self, step: int, steps: int, stage: str, loss: float) -> TrainingProgress:
        """State how the run is after ``step`` of ``steps``."""
        left = min((steps - step) * self.seconds_a_step, self.begin + self.budget - self.last)
        return TrainingProgress(step, steps, stage, loss, self.seconds_a_step, max(0.0, left))
