import numpy as np
import pytest
import torch
from skimage import data

from napari_refvae.resampling import downsample
from napari_refvae.training.ahead import Ahead
from napari_refvae.training.config import DataConfig
from napari_refvae.training.data import ExampleSource, unsharp
from napari_refvae.training.photographs import Photographs

CONFIG = DataConfig(patch=8, faithful=2, vivid=4, reference_size=32)


@pytest.fixture(scope="module")
def source():
    return ExampleSource([data.astronaut(), data.coffee()], [], CONFIG, 8, seed=3)


def test_a_step_is_the_same_however_often_it_is_asked_for(source):
    first, again, later = source.batch(5), source.batch(5), source.batch(6)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.hr, later.hr)
    assert not torch.equal(first.hr, source.batch(5, rank=1).hr)


def test_shapes_and_ranges(source):
    batch = source.batch(0)
    assert batch.hr.shape == (6, 3, 64, 64)
    assert batch.lr.shape == (6, 3, 8, 8)
    assert batch.reference.shape == (6, 3, 32, 32)
    for image in (batch.hr, batch.lr, batch.reference):
        assert image.min() >= 0
        assert image.max() <= 1


def test_targets_altered_or_not_are_consistent_with_their_input(source):
    for step in range(3):
        batch = source.batch(step)
        saturated = (batch.lr == 0) | (batch.lr == 1)  # where the kernel overshoots, 8 bits clip the input
        error = (downsample(batch.hr) - batch.lr).abs().masked_fill(saturated, 0)
        assert error.max() < 4 / 255  # rounding, and clamping of sharpened targets


def test_vividness_holds_both_ends_and_what_lies_between(source):
    levels = torch.stack([source.batch(step).vividness for step in range(4)])
    assert (levels[:, :2] == 0).all()
    assert (levels[:, 2:] > 0).all()
    assert (levels == 1).any()
    assert ((levels > 0) & (levels < 1)).any()
    assert len(source.batch(0).vivid.vividness) == 4


def test_flat_crops_are_drawn_again():
    half = np.zeros((400, 400, 3), np.uint8)
    half[:, 200:] = np.random.default_rng(0).integers(0, 256, (400, 200, 3))
    batch = ExampleSource([half], [], CONFIG, 8, seed=0).batch(0)
    assert batch.hr.flatten(1).std(dim=1).min() > 0.01


def test_unsharp_at_minus_one_is_the_blur_and_at_zero_nothing():
    image = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    out = unsharp(image, torch.tensor([0.0, -1.0]), torch.tensor([2.0, 2.0]))
    assert torch.equal(out[0], image[0])
    assert out[1].std() < 0.5 * image[1].std()


def test_unsharp_of_an_example_does_not_depend_on_its_neighbours():
    image = torch.rand(3, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    amount, sigma = torch.tensor([-1.0, 0.7, 1.2]), torch.tensor([4.0, 0.8, 2.0])
    together = unsharp(image, amount, sigma)
    for row in range(3):
        alone = unsharp(image[row : row + 1], amount[row : row + 1], sigma[row : row + 1])
        torch.testing.assert_close(together[row], alone[0])


@pytest.mark.parametrize("streamed", [False, True])
def test_batches_made_ahead_are_the_batches_of_their_steps(streamed):
    photographs = Photographs([], [], memory=0)
    photographs.paths, photographs.shapes = ["a", "b"], [(512, 512), (400, 600)]
    photographs._decoded = lambda index: (data.astronaut(), data.coffee())[index]
    photographs.memory = 1 if streamed else 1e9
    assert photographs.streamed == streamed
    source = ExampleSource(photographs, [], CONFIG, 8, seed=3)
    ahead = Ahead(source, 0, torch.device("cpu"))
    for step in (4, 5, 9):
        told = ExampleSource([data.astronaut(), data.coffee()], [], CONFIG, 8, seed=3).batch(step)
        assert all(torch.equal(a, b) for a, b in zip(ahead.batch(step), told, strict=True))
