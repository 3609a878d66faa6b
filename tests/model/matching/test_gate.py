"""How much of the copied detail is taken."""

import numpy as np
import pytest
import torch
from skimage import data
from torch.nn import functional

from napari_refvae.model.matching.copying import copy_detail
from napari_refvae.model.matching.gate import GATE_FILE, MatchingGate, describe_cells, load_gate
from napari_refvae.model.matching.searching import Guide, extended, find_matches
from napari_refvae.resampling import downsample, upsample


def tensor(image):
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def part():
    return tensor(data.astronaut()[60:188, 170:298])


def numbers(part, reference, vividness=1.0):
    """Of an image with detail of its own that is as strong as the true one, and wrong."""
    lr, guide = extended(downsample(part)), Guide(reference, 8)
    found = find_matches(guide, functional.unfold(lr, 5)[0].unflatten(0, (3, -1)).permute(2, 0, 1))
    copied = copy_detail(guide, found, (16, 16))
    own = (part - upsample(downsample(part))).roll((24, 40), (-2, -1)) * (0.3 + 0.7 * vividness)
    return describe_cells(lr, guide, found, copied, own, vividness)


def test_the_file_is_small():
    assert GATE_FILE.stat().st_size < 100_000
    assert len(load_gate().identity) == 64


@pytest.mark.parametrize("vividness", [0.0, 1.0])
def test_the_gate_opens_for_the_same_thing_and_is_shut_for_another(part, vividness):
    gate = load_gate().network
    same = gate(numbers(part, tensor(data.astronaut()[40:200, 150:320]), vividness))
    other = gate(numbers(part, tensor(data.coffee()[100:260, 200:370]), vividness))
    assert same.min() >= 0
    assert same.max() <= 1
    assert same.mean() > 0.6
    assert other.mean() < 0.1


def test_numbers_are_finite_whatever_the_images():
    for image, reference in ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0)):
        found = numbers(torch.full((1, 3, 128, 128), image), torch.full((1, 3, 24, 24), reference))
        assert found.shape == (1, 12, 16, 16)
        assert found.isfinite().all()


def test_neighbours_that_match_neighbours_are_told(part):
    same = numbers(part, tensor(data.astronaut()[40:200, 150:320]))[0, 5, 2:-2, 2:-2]
    other = numbers(part, tensor(data.coffee()[100:260, 200:370]))[0, 5, 2:-2, 2:-2]
    assert same.mean() > 0.9
    assert other.mean() < 0.3


def test_the_gate_sees_two_cells_around():
    torch.manual_seed(0)
    gate, given = MatchingGate(), torch.rand(1, 12, 11, 11)
    changed = given.clone()
    changed[..., 5, 5] += 1
    moved = (gate(changed) - gate(given)).abs()[0, 0] > 0
    rows, columns = moved.nonzero().T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 7, 3, 7)
