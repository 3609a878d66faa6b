"""Any size is the sample's own, and gives the input back."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore import Draw, Fade, Mix, Session, resized
from napari_refvae.explore.fitting import down_weights
from napari_refvae.resampling import down_matrix

SIZES = [(30, 36), (31, 37), (47, 100), (113, 36), (200, 287), (240, 288)]


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_at_whole_ratios_it_is_the_degradation(scale):
    np.testing.assert_allclose(down_weights(20 * scale, 20), down_matrix(20, scale), atol=1e-15)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.floats(1, 8))
def test_every_ratio_keeps_constants_and_can_be_inverted(coarse, ratio):
    down = down_weights(max(coarse, round(ratio * coarse)), coarse)
    np.testing.assert_allclose(down.sum(dim=1), 1)
    assert float(torch.linalg.svdvals(down)[-1]) > 0.2


@pytest.mark.parametrize("size", SIZES)
def test_every_size_gives_the_input_back(session, lr, size):
    made = session.decode(Draw(Mix.of(0), seed=2), size=size)
    assert made.sr.shape == (*size, 3)
    rows, columns = (down_weights(fine, coarse).float() for fine, coarse in zip(size, lr.shape[:2], strict=True))
    again = np.einsum("ih,hwc,jw->ijc", rows, made.sr, columns)
    np.testing.assert_allclose(again, lr, atol=1e-5)
    assert made.lr_psnr > 80


def test_it_is_the_sample_made_smaller(session):
    recipe = Fade(Draw(Mix.of(1), seed=3), 0.7)
    whole, made = session.decode(recipe), session.decode(recipe, size=(100, 150))
    assert np.abs(made.sr - resized(whole.sr, (100, 150)))[8:-8, 8:-8].mean() < 1 / 255
    np.testing.assert_allclose(session.decode(recipe, size=(240, 288)).sr, whole.sr, atol=1e-5)


@pytest.mark.parametrize("shape", [(9, 11), (9, 11, 4), (5, 4, 1), (1, 1, 3)])
def test_it_has_the_inputs_kind(model, shape):
    image = np.random.default_rng(0).integers(25000, 40000, shape, dtype=np.uint16)
    size = (3 * shape[0] + 1, 5 * shape[1] - 2)
    made = Session(image, model=model, device="cpu").decode(Draw(), size=size)
    assert made.sr.shape == (*size, *shape[2:])
    assert made.sr.dtype == np.uint16
    assert made.lr_psnr > 60


def test_missing_values_return_where_they_were(model):
    image = np.random.default_rng(0).random((9, 11), dtype=np.float32)
    image[2, 3] = np.nan
    made = Session(image, model=model, device="cpu").decode(Draw(), size=(27, 44)).sr
    assert np.isnan(made[6:9, 12:16]).all()
    assert np.isnan(made).sum() == 12


@pytest.mark.parametrize("size", [(29, 36), (241, 288), (100.5, 120), (100,), (0, 0)])
def test_sizes_beyond_what_there_is_are_refused(session, size):
    with pytest.raises(InvalidSpecError, match="30 x 36 to 240 x 288"):
        session.decode(Draw(), size=size)


def test_a_size_is_of_the_whole(session):
    for beside in ({"scale": 4}, {"region": (0, 0, 8, 8)}, {"context": 6}):
        with pytest.raises(InvalidSpecError, match="leave those out"):
            session.decode(Draw(), size=(60, 60), **beside)
