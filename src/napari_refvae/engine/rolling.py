"""The detail of a sample's last tile rows: what finishing still needs, and no whole canvas of a large image."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from napari_refvae.regions import Region

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from napari_refvae.engine.placed import PlacedModel
    from napari_refvae.engine.symmetry import Symmetry
    from napari_refvae.regions import Tile

__all__ = ["RollingDetail", "Turn", "plan_turns"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A row of tiles, and what follows it.

    Attributes
    ----------
    tiles
        To decode, with their numbers in the plan.
    windows
        What can be finished then.
    held
        The region whose detail has to be there for that.
    """

    tiles: tuple[tuple[int, Tile], ...]
    windows: tuple[Tile, ...]
    held: Region


def plan_turns(plan: Sequence[Tile], windows: Sequence[Tile], window: Region) -> list[Turn]:
    """How decoding tiles and finishing windows, both row by row, take turns in a frame's ``window``."""
    waiting, turns, first = list(windows), [], window.y
    for _, row in groupby(enumerate(plan), key=lambda entry: entry[1].write.y):
        tiles = tuple(row)
        bottom = _bottom(tiles[0][1].write)
        ready = tuple(one for one in waiting if _bottom(one.read) <= bottom)
        waiting = waiting[len(ready) :]
        turns.append(Turn(tiles, ready, Region(first, window.x, bottom - first, window.width)))
        first = min([bottom, *(one.read.y for one in waiting)])
    return turns


class RollingDetail:
    """Room for what the turns of one sample hold, which moves down the image.

    Parameters
    ----------
    placed
        The model on its device.
    turns
        What `plan_turns` found.
    symmetries
        Over which the detail is averaged at most.
    """

    def __init__(self, placed: PlacedModel, turns: Sequence[Turn], symmetries: Sequence[Symmetry]) -> None:
        self._turns = turns
        self._scale = placed.model.scale
        self._room = placed.canvas(max((turn.held for turn in turns), key=lambda held: held.height), symmetries)

    def take_turns(self) -> Iterator[tuple[Turn, Tensor]]:
        """Each turn with the detail ``(1, 3, scale*h, scale*w)`` of what it holds; what the next one needs stays."""
        before: Region | None = None
        for turn in self._turns:
            if before is not None:
                self._move(before, turn.held)
            yield turn, self._room[..., : turn.held.height * self._scale, :]
            before = turn.held

    def _move(self, before: Region, after: Region) -> None:
        """Take the rows that both regions share to the top."""
        shift, shared = (after.y - before.y) * self._scale, (_bottom(before) - after.y) * self._scale
        if shift:
            for plane in self._room[0]:
                plane[:shared] = plane[shift : shift + shared].clone()


def _bottom(region: Region) -> int:
    return region.y + region.height
