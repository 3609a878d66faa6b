"""How long runs take beside what was forecast: the forecast knows an idle machine, and others compute too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Pace"]

TELLING = 0.5
"""Seconds that a run must have been forecast to take: shorter ones say how long the window takes."""


class Pace:
    """What the last run with each engine says of the next one's time; one a viewer, for as long as that is there."""

    def __init__(self) -> None:
        self._factors: dict[Hashable, float] = {}
        self._under_way: tuple[Hashable, float] | None = None

    @classmethod
    def of_viewer(cls, viewer: Any) -> Pace:
        """The one that belongs to a viewer; made when it is first asked for."""
        return _OF_VIEWERS.setdefault(getattr(viewer, "__wrapped__", viewer), cls())

    def factor(self, engine: Hashable) -> float:
        """How many times as long as forecast a run takes with an engine: model, device and precision."""
        return self._factors.get(engine, 1.0)

    def begin(self, engine: Hashable, seconds: float | None) -> None:
        """A run begins that was forecast to take so long on an idle machine; None if there was no forecast."""
        self._under_way = None if seconds is None or seconds < TELLING else (engine, seconds)

    def end(self, seconds: float) -> None:
        """The run is complete, and took so long; those that were stopped say nothing."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            engine, forecast = under_way
            self._factors[engine] = seconds / forecast


_OF_VIEWERS: WeakKeyDictionary[Any, Pace] = WeakKeyDictionary()
