import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_refvae.engine.frame import PROJECTION_REACH
from napari_refvae.regions import Region
from napari_refvae.stacks.pieces import cut_pieces, window_of

LENGTHS = st.integers(1, 200)


@given(st.integers(0, 50), st.integers(0, 50), LENGTHS, LENGTHS, st.integers(5, 90))
def test_pieces_cover_a_region_once_row_by_row(y, x, height, width, side):
    pieces = cut_pieces(Region(y, x, height, width), side)
    times = np.zeros((y + height + 1, x + width + 1), int)
    for piece in pieces:
        times[piece.slices] += 1
    assert (times[y:-1, x:-1] == 1).all()
    assert times.sum() == height * width
    assert len(pieces) == math.ceil(height / side) * math.ceil(width / side)
    assert [(piece.y, piece.x) for piece in pieces] == sorted((piece.y, piece.x) for piece in pieces)


class Model:
    halo = 5
    alignment = 2


@given(LENGTHS, LENGTHS, st.booleans(), st.data())
def test_a_window_holds_what_a_piece_depends_on_and_lies_on_the_networks_grid(height, width, missing, data):
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    region = Region(y, x, data.draw(st.integers(1, height - y)), data.draw(st.integers(1, width - x)))
    window = window_of(region, (height, width), Model, "bicubic", None, missing=missing)
    needed = region.padded(PROJECTION_REACH + Model.halo, (height, width))
    assert needed.intersect(window) == needed
    assert window.intersect(Region(0, 0, height, width)) == window
    for start, length, whole in ((window.y, window.height, height), (window.x, window.width, width)):
        assert start % 2 == 0
        assert (whole - start - length) % 2 == 0
        assert not missing or start % 256 == 0
