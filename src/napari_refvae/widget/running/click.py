"""One click on Upscale: the run that it starts, or the runs of several channels, one after the other."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_refvae.widget.plan import Draft, Plan

__all__ = ["Click"]


class Click:
    """Which run of a click is under way. All of them come to stay, or none. Main thread only, but for `read`.

    Parameters
    ----------
    draft
        What the click asks for.

    Attributes
    ----------
    id
        What the runs of several channels have in common; empty for one run.
    """

    def __init__(self, draft: Draft) -> None:
        self._count = len(draft)
        self.id = uuid.uuid4().hex[:8] if self._count > 1 else ""
        self._draft: Draft | None = draft  # until it is read
        self._plans: Sequence[Plan] = ()
        self._index = 0
        self._started = time.perf_counter()

    @property
    def is_read(self) -> bool:
        """Whether the plans are there."""
        return bool(self._plans)

    @property
    def plan(self) -> Plan:
        """Of the run under way, once all is read."""
        return self._plans[self._index]

    @property
    def is_last(self) -> bool:
        """Whether no run follows that under way."""
        return self._index + 1 == self._count

    @property
    def seconds(self) -> float:
        """Since the click."""
        return time.perf_counter() - self._started

    def read(self) -> Generator[None, None, list[Plan]]:
        """Make the plans of all runs: in a worker, once. `take` is to be given them."""
        assert self._draft is not None
        return self._draft.plans()

    def take(self, plans: Sequence[Plan]) -> None:
        """Go by these plans."""
        self._plans, self._draft = plans, None

    def go_on(self) -> None:
        """Turn to the next run."""
        self._index += 1

    def done(self, part: float) -> float:
        """How much of the click is done when a part of the run is, from 0 to 1."""
        return (self._index + part) / self._count

    def ended(self, sentence: str) -> str:
        """A sentence on the run that has just ended."""
        return f"All {self._count} channels are done. {sentence}" if self.id and self.is_last else sentence

    def named(self, sentence: str) -> str:
        """A sentence on the run under way, with its channel where there are several."""
        return f"Channel {self._index + 1} of {self._count}. {sentence}" if self.id else sentence
