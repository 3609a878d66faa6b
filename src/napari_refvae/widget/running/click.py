"""One click on Upscale: the run that it starts, or the runs of several channels, one after the other."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.widget.plan import Plan

__all__ = ["Click"]


class Click:
    """Which run of a click is under way. All of them come to stay, or none.

    Parameters
    ----------
    plans
        At least one.

    Attributes
    ----------
    id
        What the runs of several channels have in common; empty for one run.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self.id = uuid.uuid4().hex[:8] if len(plans) > 1 else ""
        self._plans = list(plans)
        self._index = 0
        self._started = time.perf_counter()

    @property
    def plan(self) -> Plan:
        """Of the run under way."""
        return self._plans[self._index]

    @property
    def is_last(self) -> bool:
        """Whether no run follows that under way."""
        return self._index + 1 == len(self._plans)

    @property
    def seconds(self) -> float:
        """Since the click."""
        return time.perf_counter() - self._started

    def go_on(self) -> None:
        """Turn to the next run."""
        self._index += 1

    def done(self, part: float) -> float:
        """How much of the click is done when a part of the run is, from 0 to 1."""
        return (self._index + part) / len(self._plans)

    def ended(self, sentence: str) -> str:
        """A sentence on the run that has just ended."""
        return f"All {len(self._plans)} channels are done. {sentence}" if self.id and self.is_last else sentence

    def named(self, sentence: str) -> str:
        """A sentence on the run under way, with its channel where there are several."""
        return f"Channel {self._index + 1} of {len(self._plans)}. {sentence}" if self.id else sentence
