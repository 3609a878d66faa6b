"""Layers that are filled a few rows at a time, when the window has nothing else to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.layers import Image

__all__ = ["Filling"]

TURN = 0.02
"""Seconds that it may keep the window from other events."""


class Filling:
    """Drains what fills the pixels of layers, the one added last first, and shows each when it is full."""

    def __init__(self) -> None:
        self._waiting: dict[Image, Iterator[None]] = {}
        self._timer = QTimer()
        self._timer.timeout.connect(self._go_on)

    def add(self, layer: Image, steps: Iterator[None]) -> None:
        """Fill a layer by ``steps``, each of which writes some of its pixels."""
        self._waiting[layer] = steps
        self._timer.start(0)

    def drop(self, layer: Image) -> None:
        """Leave a layer as it is."""
        self._waiting.pop(layer, None)

    def _go_on(self) -> None:
        end = time.perf_counter() + TURN
        while self._waiting and time.perf_counter() < end:
            layer, steps = next(reversed(self._waiting.items()))  # of many the topmost one is added last
            if next(steps, self) is self:  # that was the last one
                del self._waiting[layer]
                layer.refresh()
        if not self._waiting:
            self._timer.stop()
