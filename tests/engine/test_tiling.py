import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_refvae.engine.tiling import ENOUGH, SMALLEST_TILE, automatic_tiles, plan_tiles
from napari_refvae.regions import Region, TileSpec

sides = st.integers(1, 120)


def plan(height, width, *arguments, **keywords):
    return plan_tiles(Region(0, 0, height, width), (height, width), *arguments, **keywords)


@settings(max_examples=40, deadline=None)
@given(height=sides, width=sides, size=st.integers(1, 120), overlap=st.none() | st.integers(0, 40))
def test_tiles_cover_every_pixel_once_and_read_what_they_write(height, width, size, overlap):
    covered = np.zeros((height, width), int)
    for tile in plan(height, width, TileSpec(size, overlap), halo=7):
        covered[tile.write.slices] += 1
        assert max(tile.write.height, tile.write.width) <= size
        assert tile.read.intersect(tile.write) == tile.write
        assert tile.read.padded(0, (height, width)) == tile.read
    assert (covered == 1).all()


@given(height=sides, width=sides, overlap=st.integers(0, 40))
def test_every_tile_reads_the_overlap_up_to_the_border(height, width, overlap):
    for tile in plan(height, width, TileSpec(32, overlap), halo=99):
        assert tile.write.y - tile.read.y == min(overlap, tile.write.y)
        assert tile.write.x - tile.read.x == min(overlap, tile.write.x)


@given(height=sides, width=sides, size=st.integers(8, 60), alignment=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_aligned_tiles_begin_on_the_grid_and_lose_no_context(height, width, size, alignment):
    plain = plan(height, width, TileSpec(size), 7)
    for tile, loose in zip(plan(height, width, TileSpec(size), 7, alignment), plain, strict=True):
        assert tile.read.y % alignment == tile.read.x % alignment == 0
        below, right = height - tile.read.y - tile.read.height, width - tile.read.x - tile.read.width
        assert min(below, right) >= 0
        assert below % alignment == right % alignment == 0
        assert tile.read.padded(0, (height, width)) == tile.read
        assert tile.read.intersect(loose.read) == loose.read
        assert tile.read.intersect(loose.read.padded(alignment - 1, (height, width))) == tile.read
        assert tile.write == loose.write


@given(bounds=st.tuples(sides, sides), size=st.integers(1, 60), overlap=st.integers(0, 9), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_window_is_covered_once_and_read_with_the_context_around_it(bounds, size, overlap, data):
    y, x = (data.draw(st.integers(0, side - 1)) for side in bounds)
    height, width = (data.draw(st.integers(1, side - start)) for side, start in zip(bounds, (y, x), strict=True))
    window = Region(y, x, height, width)
    covered = np.zeros(bounds, int)
    for tile in plan_tiles(window, bounds, TileSpec(size, overlap), halo=7):
        covered[tile.write.slices] += 1
        assert tile.read == tile.write.padded(overlap, bounds)
    assert (covered[window.slices] == 1).all()
    assert covered.sum() == height * width


@given(height=sides, width=sides, size=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_tiles_come_row_by_row_and_are_as_even_and_as_few_as_can_be(height, width, size):
    writes = [tile.write for tile in plan(height, width, TileSpec(size), halo=7)]
    assert [(write.y, write.x) for write in writes] == sorted((write.y, write.x) for write in writes)
    assert len(writes) == math.ceil(height / size) * math.ceil(width / size)
    for lengths in ([write.height for write in writes], [write.width for write in writes]):
        assert max(lengths) - min(lengths) <= 1


# --- tiles for the memory that there is

HALO = 8

sizes = st.tuples(st.integers(1, 4000), st.integers(1, 4000))


def working_bytes(pixels):
    return 10**6 + 10_000 * pixels


def taken(size, side):
    """What a tile of a side takes, with its halo, but for what lies outside the image."""
    return working_bytes(math.prod(min(length, side + 2 * HALO) for length in size))


def automatic(size, free):
    return automatic_tiles(size, HALO, working_bytes, free).size


def test_one_tile_suffices_when_memory_does():
    assert len(plan(50, 70, automatic_tiles((50, 70), 8, lambda pixels: 1000 * pixels, free=10**9), halo=8)) == 1


@given(free=st.integers(0, 10**10), size=sizes)
def test_automatic_tiles_leave_half_of_the_free_memory_and_take_no_more_than_pays(free, size):
    side = automatic(size, free)
    assert side <= max(SMALLEST_TILE, *size)
    assert side == SMALLEST_TILE or taken(size, side) <= min(free / 2, ENOUGH) or max(size) < SMALLEST_TILE


@given(free=st.integers(0, 10**10), size=sizes)
def test_fewer_tiles_along_the_longer_side_would_not_fit(free, size):
    side, longest = automatic(size, free), max(size)
    if side < longest:
        fewer = math.ceil(longest / (math.ceil(longest / side) - 1))
        assert taken(size, fewer) > min(free / 2, ENOUGH)


def test_what_just_fits_is_taken():
    assert automatic((100, 100), free=2 * taken((100, 100), 100)) == 100
    assert automatic((100, 100), free=2 * taken((100, 100), 100) - 2) == 50
    for taken_by_all, side in ((ENOUGH, 100), (ENOUGH + 1, 50)):
        assert (
            automatic_tiles((100, 100), HALO, lambda pixels, most=taken_by_all: most * pixels // 10**4, 10**12).size
            == side
        )


@pytest.mark.parametrize("size", [(17, 9), (20, 20), (31, 32), (500, 3), (4000, 4000)])
def test_without_memory_tiles_are_the_smallest(size):
    """Below 16 pixels a side the halo outweighs what a smaller tile would save."""
    assert automatic(size, free=0) == 16


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (16, 16)])
def test_an_image_no_larger_than_the_smallest_tile_is_one(size):
    for free in (0, 10**10):
        assert automatic(size, free) == max(size)
