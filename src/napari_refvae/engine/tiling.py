"""How an image is cut: tiles that are kept once each and seen with context."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from napari_refvae.regions import Region, Tile, TileSpec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SMALLEST_TILE", "automatic_tiles", "plan_tiles"]

SMALLEST_TILE = 16
"""LR pixels a side; below it, halving a tile no longer saves memory because of its halo."""

SHARE_OF_FREE_MEMORY = 0.5
"""What one tile may take of the memory that is free."""

ENOUGH = 2**28
"""Bytes for one tile's working memory. Larger tiles would save some context, and lose as much again on a CPU: their
features no longer fit into its cache, and the system clears each block of memory anew."""


def plan_tiles(window: Region, within: tuple[int, int], spec: TileSpec, halo: int, alignment: int = 1) -> list[Tile]:
    """Cover a ``window`` of an image of size ``within`` with tiles, row by row.

    The parts to write cover every pixel of the window exactly once and differ by at most one pixel in height and
    width; the parts to read reach ``spec.overlap`` (or else ``halo``) further, within the image, and begin
    at multiples of ``alignment``, from the image's first row and column and, for flipped images, from its last.
    """
    overlap = halo if spec.overlap is None else spec.overlap
    tiles = []
    for y, bottom in itertools.pairwise(_cuts(window.y, window.height, spec.size)):
        for x, right in itertools.pairwise(_cuts(window.x, window.width, spec.size)):
            write = Region(y, x, bottom - y, right - x)
            tiles.append(Tile(read=_aligned(write.padded(overlap, within), within, alignment), write=write))
    return tiles


def automatic_tiles(size: tuple[int, int], halo: int, working_bytes: Callable[[int], int], free: int) -> TileSpec:
    """The largest tiles that leave memory free, and take no more of it than pays.

    Parameters
    ----------
    size
        Of what is cut.
    halo
        How far a tile reads beyond what it writes.
    working_bytes
        From a tile's pixels that are read to the memory that it takes.
    free
        Bytes.
    """
    limit = min(SHARE_OF_FREE_MEMORY * free, ENOUGH)
    for cuts in itertools.count(1):
        side = math.ceil(max(size) / cuts)
        read = [length if side >= length else min(length, side + 2 * halo) for length in size]
        if side <= SMALLEST_TILE or working_bytes(math.prod(read)) <= limit:
            return TileSpec(max(side, SMALLEST_TILE) if cuts > 1 else side)
    raise AssertionError("sides shrink to the smallest")


def _aligned(region: Region, within: tuple[int, int], alignment: int) -> Region:
    up, left = region.y % alignment, region.x % alignment
    down = (within[0] - region.y - region.height) % alignment
    right = (within[1] - region.x - region.width) % alignment
    return Region(region.y - up, region.x - left, region.height + up + down, region.width + left + right)


def _cuts(start: int, length: int, size: int) -> list[int]:
    count = math.ceil(length / size)
    return [start + length * index // count for index in range(count + 1)]
