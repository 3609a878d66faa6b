"""Tiles and windows in turns: everything once, in time, and what is needed still there."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_refvae.engine.frame import plan_frame
from napari_refvae.engine.rolling import RollingDetail, plan_turns
from napari_refvae.engine.symmetry import IDENTITY
from napari_refvae.engine.tiling import plan_tiles
from napari_refvae.regions import Region, TileSpec

SCALE = 2


class Placed:
    """As much of a placed model as rolling asks for."""

    class model:  # noqa: N801
        scale = SCALE

    def canvas(self, region, symmetries):
        fine = region.scaled(SCALE)
        return torch.full((1, 1, fine.height, fine.width), torch.nan)


@st.composite
def plans(draw):
    size = draw(st.tuples(st.integers(1, 60), st.integers(1, 20)))
    y, x = (draw(st.integers(0, length - 1)) for length in size)
    region = Region(y, x, draw(st.integers(1, size[0] - y)), draw(st.integers(1, size[1] - x)))
    frame = plan_frame(size, region, draw(st.sampled_from(["bicubic", None])))
    tiles = plan_tiles(frame.window, size, TileSpec(draw(st.integers(1, 40))), halo=3)
    windows = plan_tiles(frame.region, size, TileSpec(draw(st.integers(1, 40)), draw(st.integers(0, 2))), halo=0)
    return frame, tiles, windows


@given(plans())
@settings(max_examples=60, deadline=None)
def test_every_window_finds_its_detail_once_its_turn_comes(planned):
    frame, tiles, windows = planned
    turns = plan_turns(tiles, windows, frame.window)
    assert [number for turn in turns for number, _ in turn.tiles] == [*range(len(tiles))]
    assert [window for turn in turns for window in turn.windows] == windows
    rows = torch.arange(SCALE * frame.size[0], dtype=torch.float32)[:, None].expand(-1, SCALE * frame.size[1])
    for turn, detail in RollingDetail(Placed(), turns, (IDENTITY,)).take_turns():
        for _, tile in turn.tiles:
            place = tile.write.relative_to(turn.held).scaled(SCALE).slices
            detail[..., *place] = rows[tile.write.scaled(SCALE).slices]
        for window in turn.windows:
            found = detail[0, 0][window.read.relative_to(turn.held).scaled(SCALE).slices]
            assert torch.equal(found, rows[window.read.scaled(SCALE).slices])


@pytest.mark.parametrize("height", [400, 4000])
def test_what_is_held_does_not_grow_with_the_image(height):
    window = Region(0, 0, height, 50)
    tiles = plan_tiles(window, (height, 50), TileSpec(100), halo=9)
    windows = plan_tiles(window, (height, 50), TileSpec(60, 16), halo=0)
    assert max(turn.held.height for turn in plan_turns(tiles, windows, window)) <= 100 + 60 + 2 * 16
