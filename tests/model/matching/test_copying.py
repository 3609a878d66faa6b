"""The detail of matched places."""

import numpy as np
import pytest
import torch
from skimage import data
from torch.nn import functional

from napari_refvae.model.matching import copying
from napari_refvae.model.matching.copying import copy_detail
from napari_refvae.model.matching.searching import USED, Guide, Matches, extended, find_matches
from napari_refvae.resampling import downsample, upsample

SIZE = (12, 14)
Y, X = 21, 34


@pytest.fixture(scope="module")
def photograph():
    pixels = torch.from_numpy(np.ascontiguousarray(data.astronaut()[40:200, 150:320]))
    return pixels.permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def part(photograph):
    return photograph[..., Y : Y + 8 * SIZE[0], X : X + 8 * SIZE[1]]


@pytest.fixture(scope="module")
def guide(photograph):
    return Guide(photograph, 8)


@pytest.fixture(scope="module")
def matches(guide, part):
    patches = functional.unfold(extended(downsample(part)), 5)[0].unflatten(0, (3, -1)).permute(2, 0, 1)
    return find_matches(guide, patches)


def test_a_reference_that_holds_the_image_gives_its_detail_back(guide, matches, part):
    truth = part - upsample(downsample(part))
    copied = copy_detail(guide, matches, SIZE)
    away = (..., slice(24, -24), slice(24, -24))
    error = (copied.mean - truth)[away].square().mean()
    assert error < 0.01 * truth[away].square().mean()
    assert copied.variance[away].mean() < 0.05 * truth[away].square().mean()


def test_one_exact_match_a_cell_gives_exactly_its_detail(guide, part):
    rows, columns = torch.arange(SIZE[0])[:, None] * 8 + Y, torch.arange(SIZE[1]) * 8 + X
    places = (rows * guide.size[1] + columns).flatten()[:, None].expand(-1, USED)
    distances = torch.full(places.shape, torch.inf)
    distances[:, 0] = 0
    copied = copy_detail(guide, Matches(places, distances), SIZE)
    truth = part - upsample(downsample(part))
    away = (..., slice(32, -32), slice(32, -32))
    torch.testing.assert_close(copied.mean[away], truth[away], atol=1e-5, rtol=0)
    assert copied.variance[away].max() < 1e-5


def test_the_rows_that_are_copied_at_a_time_change_nothing(guide, matches, monkeypatch):
    whole = copy_detail(guide, matches, SIZE)
    monkeypatch.setattr(copying, "BAND", 5)
    banded = copy_detail(guide, matches, SIZE)
    torch.testing.assert_close(banded.mean, whole.mean, atol=1e-6, rtol=0)
    torch.testing.assert_close(banded.variance, whole.variance, atol=1e-6, rtol=0)


def test_a_flat_reference_has_no_detail():
    guide = Guide(torch.full((1, 3, 40, 50), 0.4), 8)
    found = find_matches(guide, torch.rand(6, 3, 25))
    copied = copy_detail(guide, found, (2, 3))
    assert copied.mean.abs().max() < 1e-5
    assert copied.variance.max() < 1e-9
    assert copied.mean.shape == (1, 3, 16, 24)
