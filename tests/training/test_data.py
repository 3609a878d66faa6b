import logging

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from napari_refvae.errors import TrainingError
from napari_refvae.resampling import downsample
from napari_refvae.training.config import DataConfig
from napari_refvae.training.data import ExampleSource, unsharp
from napari_refvae.training.photographs import load_photographs

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


def test_broken_images_are_skipped_and_named(tmp_path, caplog):
    Image.fromarray(data.astronaut()).save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    Image.fromarray(data.astronaut()[:20]).save(tmp_path / "small.png")
    with caplog.at_level(logging.WARNING):
        images = load_photographs(tmp_path, smallest=64)
    assert len(images) == 1
    assert "broken.png" in caplog.text
    assert "small.png" in caplog.text


def test_a_folder_without_images_is_said(tmp_path):
    with pytest.raises(TrainingError, match=r"short side of at least 64 pixels below .* found none"):
        load_photographs(tmp_path, smallest=64)
