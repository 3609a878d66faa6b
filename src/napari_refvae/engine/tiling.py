"""How an image is cut: tiles that are kept once each and seen with context."""

from __future__ import annotations

import itertools
import math

from napari_refvae.regions import Region, Tile, TileSpec

__all__ = ["SMALLEST_TILE", "automatic_tiles", "plan_tiles"]

SMALLEST_TILE = 16
"""LR pixels a side; below it, halving a tile no longer saves memory because of its halo."""

SHARE_OF_FREE_MEMORY = 0.5
"""What one tile may take of the memory that is free."""


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


def automatic_tiles(size: tuple[int, int], halo: int, bytes_per_pixel: int, free: int) -> TileSpec:
    """The largest tiles whose working memory fits into a share of the ``free`` bytes."""
    pixels = SHARE_OF_FREE_MEMORY * free / bytes_per_pixel
    if size[0] * size[1] <= pixels:
        return TileSpec(max(size))
    return TileSpec(max(SMALLEST_TILE, int(math.sqrt(pixels)) - 2 * halo))


def _aligned(region: Region, within: tuple[int, int], alignment: int) -> Region:
    up, left = region.y % alignment, region.x % alignment
    down = (within[0] - region.y - region.height) % alignment
    right = (within[1] - region.x - region.width) % alignment
    return Region(region.y - up, region.x - left, region.height + up + down, region.width + left + right)


def _cuts(start: int, length: int, size: int) -> list[int]:
    count = math.ceil(length / size)
    return [start + length * index // count for index in range(count + 1)]
