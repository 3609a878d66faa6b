"""Where a reference looks like the input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data
from torch.nn import functional

from napari_refvae.model.matching import searching
from napari_refvae.model.matching.searching import USED, Guide, extended, find_matches, grid_places, smallest_guide
from napari_refvae.resampling import downsample

SIDE = 96


def tensor(image):
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def photograph():
    return tensor(data.astronaut()[40:200, 150:320])


@pytest.fixture(scope="module")
def guide(photograph):
    return Guide(photograph, 8)


def patches(lr):
    return functional.unfold(extended(lr), 5)[0].unflatten(0, (3, -1)).permute(2, 0, 1)


def inner(places, size, width, margin=2):
    """Rows and columns of the best places, away from the border."""
    best = places[:, 0].reshape(size)[margin:-margin, margin:-margin]
    return best // width, best % width


@given(y=st.integers(8, 40), x=st.integers(8, 50))
@settings(max_examples=8, deadline=None)
def test_a_part_of_the_reference_is_found_where_it_was_cut_out(photograph, guide, y, x):
    """Nearly always: in a smooth part the search, coarse at first, may end at a place that fits about as well."""
    lr = downsample(photograph[..., y : y + SIDE, x : x + SIDE])
    found = find_matches(guide, patches(lr))
    rows, columns = inner(found.places, lr.shape[-2:], guide.size[1])
    cells = 8 * torch.arange(2, SIDE // 8 - 2)
    assert ((rows == y + cells[:, None]) & (columns == x + cells)).float().mean() > 0.8


def test_matches_are_sorted_and_apart(guide, photograph):
    lr = downsample(photograph[..., :128, :160].flip(-1))
    found = find_matches(guide, patches(lr))
    assert found.places.shape == found.distances.shape == (16 * 20, USED)
    assert found.distances[:, 0].isfinite().all()
    assert (found.distances[:, 0] >= 0).all()
    assert (found.distances[:, 1:] >= found.distances[:, :-1]).all()
    rows, columns = found.places // guide.size[1], found.places % guide.size[1]
    apart = (rows[:, 1:] - rows[:, :1]).abs() + (columns[:, 1:] - columns[:, :1]).abs()
    assert (apart[found.distances[:, 1:].isfinite()] > 1).all()
    assert (rows >= 8).all()
    assert (rows <= guide.size[0] - 16).all()
    assert (columns >= 8).all()
    assert (columns <= guide.size[1] - 16).all()


def test_the_search_is_nearly_as_good_as_looking_everywhere(guide, photograph):
    wanted = patches(downsample(photograph[..., :128, :160].transpose(-1, -2).contiguous()))
    everywhere = torch.arange(8, 145)[:, None] * guide.size[1] + torch.arange(8, 155)
    described = guide.describe(everywhere.flatten())
    best = torch.cdist(searching._described(wanted), described).square().amin(1) / 75
    found = find_matches(guide, wanted).distances[:, 0]
    assert (found >= best - 1e-5).all()
    assert (found <= 1.2 * best + 1e-6).float().mean() > 0.9


def test_the_reference_made_small_is_d_of_every_phase(guide, photograph):
    for y, x in ((0, 0), (3, 5)):
        height, width = (side - side % 8 for side in (160 - y, 170 - x))
        lr = downsample(photograph[..., y : y + height, x : x + width])
        small = guide.small.reshape(3, *guide.size)[:, y : y + height : 8, x : x + width : 8]
        torch.testing.assert_close(small[:, 2:-2, 2:-2], lr[0, :, 2:-2, 2:-2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(24, 24), (24, 31), (40, 25)])
def test_tiny_references_repeat_their_last_match_infinitely_far(photograph, size):
    assert smallest_guide(8) == 24
    tiny = Guide(photograph[..., : size[0], : size[1]], 8)
    found = find_matches(tiny, patches(downsample(photograph[..., :32, :32])))
    assert found.places.shape == (16, USED)
    assert found.distances[:, 0].isfinite().all()
    if size == (24, 24):
        assert found.distances[:, 1:].isinf().all()


@pytest.mark.parametrize(("size", "stride"), [((24, 300), 4), ((500, 40), 4), ((1500, 1500), 8)])
def test_the_grid_is_wider_where_a_reference_is_large(size, stride):
    assert grid_places(size, 8) == len(range(8, size[0] - 15, stride)) * len(range(8, size[1] - 15, stride))
    if size[0] < 1000:
        assert Guide(torch.rand(1, 3, *size), 8).grid.numel() == grid_places(size, 8)
