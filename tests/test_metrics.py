from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import correlate1d
from skimage import data

from napari_refvae import metrics
from napari_refvae.errors import InvalidInputError

BYTES = st.integers(0, 255)


def random_image(seed: int, height: int = 40, width: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def error_maps(least: float = 0) -> st.SearchStrategy[np.ndarray]:
    shapes = array_shapes(min_dims=3, max_dims=3, max_side=6)
    return arrays(np.float64, shapes, elements=st.floats(least, 1e6))


# --- cropping and luma


def test_modulo_crop_keeps_the_top_left_and_makes_multiples():
    image = random_image(0, 43, 50)
    assert np.array_equal(metrics.modulo_crop(image, 8), image[:40, :48])
    assert metrics.modulo_crop(image, 1) is not None
    assert metrics.modulo_crop(image[..., 0], 8).shape == (40, 48)


def test_modulo_crop_refuses_what_would_vanish():
    with pytest.raises(InvalidInputError, match="at least 8 pixels; got 7 x 50"):
        metrics.modulo_crop(random_image(0, 7, 50), 8)


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((0, 0, 0), 16),
        ((255, 255, 255), 235),
        ((255, 0, 0), 81),  # 81.481
        ((0, 255, 0), 145),  # 144.553
        ((0, 0, 255), 41),  # 40.966
        ((128, 128, 128), 126),  # 125.93
    ],
)
def test_luma_is_studio_swing_and_rounded(rgb, expected):
    assert metrics.luma(np.array([[rgb]], np.uint8)) == expected


def test_luma_by_an_independent_loop():
    image = random_image(1, 5, 7)
    for y, x in np.ndindex(5, 7):
        r, g, b = (int(v) for v in image[y, x])
        assert metrics.luma(image)[y, x] == round(16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255)


def test_low_resolution_is_what_lr_psnr_compares_with():
    hr = data.astronaut()[:64, :96]
    lr = metrics.low_resolution(hr)
    assert lr.dtype == np.uint8
    assert lr.shape == (8, 12, 3)
    assert metrics.lr_psnr(hr, lr) == math.inf


def test_low_resolution_saturates():
    """D overshoots at edges between black and white; 8 bits hold no such values."""
    hr = np.zeros((64, 64, 3), np.uint8)
    hr[:, 28:] = 255
    assert metrics.low_resolution(hr).min() == 0
    assert metrics.low_resolution(hr).max() == 255


# --- PSNR and SSIM


def test_psnr_by_an_independent_formula():
    sr, hr = random_image(2), random_image(3)
    total = count = 0
    for y in range(8, 32):
        for x in range(8, 40):
            total += (metrics.luma(sr)[y, x] - metrics.luma(hr)[y, x]) ** 2
            count += 1
    assert metrics.psnr_y(sr, hr) == pytest.approx(20 * math.log10(255) - 10 * math.log10(total / count))


def test_psnr_of_a_grey_offset_is_known():
    hr = np.full((32, 32, 3), 100, np.uint8)
    step = metrics.luma(hr + np.uint8(10))[0, 0] - metrics.luma(hr)[0, 0]
    assert metrics.psnr_y(hr + np.uint8(10), hr) == pytest.approx(20 * math.log10(255 / step))


def test_psnr_ignores_the_border_only():
    hr = random_image(4)
    border, inside = hr.copy(), hr.copy()
    border[:8] ^= 255
    border[:, -8:] ^= 255
    inside[8, 8] ^= 255
    assert metrics.psnr_y(border, hr) == math.inf
    assert metrics.psnr_y(border, hr, shave=0) < 20
    assert metrics.psnr_y(inside, hr) < 60


@given(st.integers(0, 99), st.integers(100, 199), st.integers(0, 12))
@settings(deadline=None, max_examples=25)
def test_psnr_is_symmetric(a, b, shave):
    first, second = random_image(a), random_image(b)
    assert metrics.psnr_y(first, second, shave) == metrics.psnr_y(second, first, shave)


@given(arrays(np.uint8, (28, 30, 3), elements=BYTES))
@settings(deadline=None, max_examples=25)
def test_an_image_equals_itself(image):
    assert metrics.psnr_y(image, image) == math.inf
    assert metrics.ssim_y(image, image) == pytest.approx(1)


@given(st.integers(0, 99), st.integers(100, 199))
@settings(deadline=None, max_examples=10)
def test_ssim_is_symmetric_and_at_most_one(a, b):
    first, second = random_image(a), random_image(b)
    value = metrics.ssim_y(first, second)
    assert value == pytest.approx(metrics.ssim_y(second, first), abs=1e-12)
    assert -1 <= value < 1


def test_ssim_by_an_independent_formula():
    """Wang et al. (2004), with the window written out and applied where it fits."""
    hr = data.astronaut()[:96, 160:256]
    sr = np.clip(hr.astype(int) + np.random.default_rng(0).integers(-40, 41, hr.shape), 0, 255).astype(np.uint8)
    a, b = (metrics.luma(image)[8:-8, 8:-8] for image in (sr, hr))
    window = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def local(x):
        return correlate1d(correlate1d(x, window, axis=0), window, axis=1)[5:-5, 5:-5]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = local(a), local(b)
    var_a, var_b = local(a * a) - mean_a**2, local(b * b) - mean_b**2
    covariance = local(a * b) - mean_a * mean_b
    ssim = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    ssim /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    assert metrics.ssim_y(sr, hr) == pytest.approx(ssim.mean(), abs=1e-12)


@pytest.mark.parametrize("figure", [metrics.psnr_y, metrics.ssim_y])
def test_figures_refuse_what_they_cannot_compare(figure):
    image = random_image(0)
    with pytest.raises(InvalidInputError, match="one size"):
        figure(image, image[:-1])
    with pytest.raises(InvalidInputError, match="uint8"):
        figure(image.astype(np.float32), image)
    with pytest.raises(InvalidInputError, match=r"\(H, W, 3\)"):
        figure(image[..., 0], image[..., 0])
    with pytest.raises(InvalidInputError, match="border of 8"):
        figure(image[:16], image[:16])


# --- consistency


def upsampled_by_repetition(lr: np.ndarray, scale: int) -> np.ndarray:
    return np.repeat(np.repeat(lr, scale, axis=0), scale, axis=1)


def test_lr_psnr_is_infinite_for_constant_images():
    lr = np.full((3, 5, 3), 77, np.uint8)
    assert metrics.lr_psnr(upsampled_by_repetition(lr, 8), lr) == math.inf


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_lr_psnr_of_an_offset_is_known(scale):
    """D keeps constants, so an offset of 3 steps stays one of 3 steps, on the border too."""
    lr = np.full((4, 6, 3), 100, np.uint8)
    shifted = lr.copy()
    shifted[..., 1] += 3
    expected = 20 * math.log10(255) - 10 * math.log10(3**2 / 3)
    assert metrics.lr_psnr(upsampled_by_repetition(shifted, scale), lr, scale) == pytest.approx(expected)


def test_lr_psnr_rounds_to_8_bits():
    lr = np.full((4, 4, 3), 100 / 255, np.float32)
    sr = upsampled_by_repetition(lr, 8)
    almost = metrics.lr_psnr_normalized(sr + 0.3 / 255, lr)
    assert almost == math.inf
    assert metrics.lr_psnr_normalized(sr + 0.9 / 255, lr) == pytest.approx(20 * math.log10(255))


def test_lr_psnr_is_the_same_for_8_bit_and_normalised_images():
    sr, lr = random_image(5, 40, 48), random_image(6, 5, 6)
    assert metrics.lr_psnr_normalized(sr / 255, lr / 255) == metrics.lr_psnr(sr, lr)


def test_lr_psnr_takes_16_bit_images_once_normalised():
    lr = np.random.default_rng(0).integers(0, 65536, (4, 4, 3)).astype(np.uint16)
    value = metrics.lr_psnr_normalized(upsampled_by_repetition(lr, 8) / 65535, lr / 65535)
    assert 10 < value < 60


@pytest.mark.parametrize("shape", [(40, 47, 3), (40, 48), (5, 6, 3), (40, 48, 4)])
def test_lr_psnr_refuses_other_shapes(shape):
    with pytest.raises(InvalidInputError, match="expected"):
        metrics.lr_psnr(np.zeros(shape, np.uint8), random_image(0, 5, 6))


def test_lr_psnr_refuses_floats_where_bytes_are_meant():
    with pytest.raises(InvalidInputError, match="uint8"):
        metrics.lr_psnr(np.zeros((40, 48, 3)), random_image(0, 5, 6))


# --- diversity


def test_diversity_by_hand():
    maps = np.array([[[1.0, 3.0]], [[4.0, 2.0]]])  # best sample: mean 2; best choice: 1 and 2
    assert metrics.diversity(maps) == pytest.approx(100 * (2 - 1.5) / 2)


@given(error_maps())
def test_diversity_lies_from_0_to_100(maps):
    assert 0 <= metrics.diversity(maps) <= 100


@given(error_maps(), st.randoms(use_true_random=False))
def test_diversity_does_not_depend_on_the_order(maps, random):
    order = list(range(len(maps)))
    random.shuffle(order)
    assert metrics.diversity(maps[order]) == metrics.diversity(maps)


@given(arrays(np.float64, (3, 4), elements=st.floats(0, 1e6)), st.integers(1, 5))
def test_identical_samples_have_no_diversity(one, count):
    assert metrics.diversity(np.stack([one] * count)) == pytest.approx(0, abs=1e-9)


@given(error_maps(least=1e-3), st.floats(1e-3, 1e3))
def test_diversity_has_no_unit(maps, factor):
    assert metrics.diversity(maps * factor) == pytest.approx(metrics.diversity(maps), abs=1e-6)


@pytest.mark.parametrize(
    "maps", [np.zeros((0, 2, 2)), np.zeros((2, 2)), -np.ones((1, 2, 2)), np.full((1, 2, 2), np.nan)]
)
def test_diversity_refuses_what_is_no_error(maps):
    with pytest.raises(InvalidInputError, match="expected error maps"):
        metrics.diversity(maps)


def test_mse_maps_by_an_independent_loop():
    hr = random_image(7, 40, 52)
    samples = np.stack([random_image(seed, 40, 52) for seed in (8, 9)])
    maps = metrics.mse_maps(samples, hr, box=16)
    assert maps.shape == (2, 2, 3)
    for k, y, x in np.ndindex(*maps.shape):
        box = np.s_[16 * y : 16 * y + 16, 16 * x : 16 * x + 16]
        assert maps[k, y, x] == pytest.approx(np.mean((samples[k][box].astype(float) - hr[box].astype(float)) ** 2))


def test_mse_diversity_rewards_errors_in_different_places():
    hr = np.full((32, 32, 3), 128, np.uint8)
    left, right = hr.copy(), hr.copy()
    left[:, :16] += 20
    right[:, 16:] += 20
    assert metrics.diversity(metrics.mse_maps(np.stack([left, right]), hr)) == pytest.approx(100)
    assert metrics.diversity(metrics.mse_maps(np.stack([left, left]), hr)) == 0


def test_mse_maps_refuse_other_shapes():
    hr = random_image(0, 32, 32)
    with pytest.raises(InvalidInputError, match="expected K uint8 samples"):
        metrics.mse_maps(hr, hr)
    with pytest.raises(InvalidInputError, match="at least 64 pixels"):
        metrics.mse_maps(hr[None], hr, box=64)
