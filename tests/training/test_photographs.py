import logging

import numpy as np
import pytest
from PIL import Image
from skimage import data

from napari_refvae.errors import TrainingError
from napari_refvae.training.photographs import load_photographs

SIDE = 64
ONE = SIDE * SIDE * 3 / 1e9  # GB


@pytest.fixture
def folder(tmp_path):
    for number in range(5):
        Image.fromarray(data.astronaut()[number * SIDE :][:SIDE, :SIDE]).save(tmp_path / f"{number}.png")
    return tmp_path


def test_what_memory_does_not_hold_is_decoded_again_and_the_same(folder, caplog):
    with caplog.at_level(logging.INFO):
        few, all_ = load_photographs(folder, smallest=8, memory=2.5 * ONE), load_photographs(folder, smallest=8)
    assert few.streamed
    assert not all_.streamed
    assert "decoded again when drawn" in caplog.text
    assert "kept in memory" in caplog.text
    for index in (0, 4, 1, 4, 3, 2, 0):
        assert (few[index] == all_[index]).all()
        assert len(few._kept) <= 2
        assert few._held <= 2.5 * ONE * 1e9
    assert len(all_._kept) == 5


def test_a_file_that_vanishes_is_named(folder):
    images = load_photographs(folder, smallest=8, memory=1.5 * ONE)
    (folder / "4.png").unlink()
    with pytest.raises(TrainingError, match=r"4\.png was there when training began"):
        images[4]


def test_a_single_image_larger_than_the_memory_is_still_used(folder):
    assert load_photographs(folder, smallest=8, memory=0.5 * ONE)[2].shape == (SIDE, SIDE, 3)


def test_images_that_do_not_hold_a_patch_are_left_out_and_named(folder, caplog):
    Image.fromarray(data.astronaut()[:200, :200]).save(folder / "large.png")
    images = load_photographs(folder, smallest=8)
    chosen = images.at_least(100)
    assert [path.name for path in chosen.paths] == ["large.png"]
    assert chosen[0].shape == (200, 200, 3)
    assert "skipped" in caplog.text
    with pytest.raises(TrainingError, match="at least 300 pixels"):
        images.at_least(300)


def test_slices_and_negative_indices(folder):
    images = load_photographs(folder, smallest=8)
    assert [image.shape for image in images[3:9]] == [(SIDE, SIDE, 3)] * 2
    assert (images[-1] == images[4]).all()
    with pytest.raises(IndexError):
        images[5]


def test_broken_images_are_skipped_and_named(folder, caplog):
    (folder / "broken.png").write_bytes(b"no image")
    Image.fromarray(data.astronaut()[:20]).save(folder / "small.png")
    images = load_photographs(folder, smallest=32)
    assert len(images) == 5
    assert "broken.png" in caplog.text
    assert "small.png" in caplog.text


def test_grey_and_deep_images_become_rgb_of_8_bits(tmp_path):
    Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16).save(tmp_path / "deep.tif")
    (image,) = load_photographs(tmp_path, smallest=8)
    assert image.shape == (64, 64, 3)
    assert image.dtype == np.uint8
    assert image.max() == 255


def test_a_folder_without_images_is_said(tmp_path):
    with pytest.raises(TrainingError, match=r"short side of at least 64 pixels below .* found none"):
        load_photographs(tmp_path, smallest=64)
