import numpy as np
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
        assert tile.read.intersect(loose.read) == loose.read
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


def test_one_tile_suffices_when_memory_does():
    assert len(plan(50, 70, automatic_tiles((50, 70), 8, lambda pixels: 1000 * pixels, free=10**9), halo=8)) == 1


@given(free=st.integers(0, 10**10), size=st.tuples(st.integers(1, 4000), st.integers(1, 4000)))
def test_automatic_tiles_fit_into_the_memory_that_is_free_and_take_no_more_than_pays(free, size):
    spec = automatic_tiles(size, 8, lambda pixels: 10**6 + 10_000 * pixels, free)
    reads = [min(length, spec.size + (16 if spec.size < length else 0)) for length in size]
    assert spec.size <= max(SMALLEST_TILE, *size)
    assert spec.size <= SMALLEST_TILE or 10**6 + 10_000 * reads[0] * reads[1] <= min(free, ENOUGH)
