from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.explore import Draw, Mix
from napari_refvae.explore.trust import CALIBRATION, trust_map
from napari_refvae.spec import IntensityRange

NORMAL = tuple((part, NormalDist().inv_cdf(0.5 + part / 2)) for part in np.linspace(0, 0.99, 100).tolist())
SAMPLES = np.random.default_rng(0).normal(100, 5, (8, 40, 50, 3))


def test_mean_and_spread_are_numpys():
    found = trust_map(SAMPLES)
    np.testing.assert_allclose(found.mean, SAMPLES.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.spread, SAMPLES.std(axis=0, ddof=1), rtol=1e-5)


def test_integers_do_not_wrap():
    found = trust_map(np.array([[[250]], [[255]], [[5]]], np.uint8))
    assert found.mean[0, 0] == pytest.approx(170)
    assert found.high[0, 0] > 255


@given(st.floats(0.5, 0.9), st.floats(0.01, 0.09))
def test_the_interval_grows_with_what_it_promises(coverage, more):
    narrow, wide = trust_map(SAMPLES[:4], coverage), trust_map(SAMPLES[:4], coverage + more)
    assert (narrow.high < wide.high).all()
    assert (narrow.low > wide.low).all()


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_it_holds_a_truth_of_the_calibrations_shape_as_often_as_it_says(coverage):
    draws = np.random.default_rng(1).normal(0, 1, (33, 100, 100))
    found = trust_map(draws[1:], coverage, NORMAL)
    inside = (found.low <= draws[0]) & (draws[0] <= found.high)
    assert abs(inside.mean() - coverage) < 0.02


def test_the_packages_calibration_rises():
    assert all(one[0] < two[0] and one[1] < two[1] for one, two in pairwise(CALIBRATION))
    assert CALIBRATION[0][1] > 0


def test_no_interval_is_narrower_than_rounding():
    found = trust_map(np.full((4, 2, 2), 7, np.uint8))
    assert (found.low < 7).all()
    assert (found.high > 7).all()
    assert (found.spread == 0).all()


def test_more_bits_of_the_same_image_are_trusted_alike():
    bytes_ = np.random.default_rng(0).integers(0, 256, (5, 30, 40), np.uint8)
    bytes_[:, :10] = 80  # where all agree
    narrow = trust_map(bytes_)
    for samples, unit, limits in (
        (bytes_ * np.uint16(257), 257, None),
        ((bytes_ / 255).astype(np.float32), 1 / 255, None),
        (bytes_.astype(np.float32) * 10 - 5, 10, IntensityRange(-5, 2545)),
    ):
        wide = trust_map(samples, intensity_range=limits)
        np.testing.assert_allclose((wide.high - wide.low) / unit, narrow.high - narrow.low, rtol=1e-4)


def test_draws_without_chance_are_trusted_wholly(session):
    sure = trust_map([session.decode(Draw(Mix.of(0), seed, temperature=0)).sr for seed in range(3)])
    unsure = trust_map([session.decode(Draw(Mix.of(0), seed)).sr for seed in range(3)])
    assert sure.spread.max() < 1e-6
    assert unsure.spread.mean() > 1e-4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_missing_values_come_back_as_they_are_and_touch_no_others(value):
    samples = SAMPLES.astype(np.float32)
    samples[:, 3, 4] = value
    found, known = trust_map(samples), trust_map(SAMPLES.astype(np.float32))
    for name in ("mean", "low", "high"):
        assert np.array_equal(getattr(found, name)[3, 4], np.full(3, value), equal_nan=True)
    assert np.isnan(found.spread[3, 4]).all()
    np.testing.assert_array_equal(found.high[4:], known.high[4:])


def test_what_is_infinite_in_one_sample_only_has_no_mean():
    samples = SAMPLES.astype(np.float32)
    samples[5, 3, 4], samples[6, 3, 4] = np.inf, -np.inf
    assert not np.isfinite(trust_map(samples).mean[3, 4]).any()


def test_what_says_nothing_is_refused():
    with pytest.raises(InvalidInputError, match="at least 3 samples"):
        trust_map(SAMPLES[:2])
    with pytest.raises(InvalidInputError, match="of one shape"):
        trust_map([*SAMPLES, SAMPLES[0][1:]])
    with pytest.raises(InvalidSpecError, match="coverage"):
        trust_map(SAMPLES, 0.999)
