import logging
import threading
import warnings

import numpy as np
import pytest
from PIL import Image
from skimage import data

from napari_refvae.errors import TrainingError
from napari_refvae.training import photographs
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


def test_grey_images_and_micrographs_of_12_bits_become_rgb_with_all_levels_and_it_is_said(tmp_path, caplog):
    Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)).save(tmp_path / "deep.tif")
    Image.fromarray(np.full((64, 64), 16, np.uint8)).save(tmp_path / "grey.png")
    with caplog.at_level(logging.INFO):
        images = load_photographs(tmp_path, smallest=8, memory=0)
    for deep, grey in (images, (images[0], images[1])):  # as it was kept, and decoded again
        assert deep.shape == grey.shape == (64, 64, 3)
        assert deep.dtype == grey.dtype == np.uint8
        assert len(np.unique(deep)) == 256
        assert (grey == 16).all()
    assert "1 of more than 8 bits, each used from its darkest to its brightest value: deep.tif from 0 to 4095" in (
        caplog.text
    )


def test_threads_that_silence_warnings_leave_none_silenced(folder, monkeypatch):
    """Two that begin and end one after the other, each putting back what it found."""
    inside, first_is_out = threading.Barrier(2, timeout=10), threading.Event()
    usual = photographs.read_image

    def read(path):
        number = int(path.stem)
        if number > 1:
            return usual(path)
        if number == 1:
            first_is_in.wait(10)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first_is_in.set()
            inside.wait()
            if number == 1:
                first_is_out.wait(10)
        first_is_out.set()
        return usual(path)

    first_is_in = threading.Event()
    monkeypatch.setattr(photographs, "read_image", read)
    monkeypatch.setattr(photographs.os, "cpu_count", lambda: 2)
    before = list(warnings.filters)
    load_photographs(folder, smallest=8)
    assert list(warnings.filters) == before


def test_a_folder_without_images_is_said(tmp_path):
    with pytest.raises(TrainingError, match=r"short side of at least 64 pixels below .* found none"):
        load_photographs(tmp_path, smallest=64)
