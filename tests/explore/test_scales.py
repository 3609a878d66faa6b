import numpy as np
import pytest

from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore import Draw
from napari_refvae.explore.scales import resized
from napari_refvae.metrics import low_resolution
from napari_refvae.spec import IntensityRange


@pytest.mark.parametrize("shape", [(16, 24), (16, 24, 1), (16, 24, 3), (16, 24, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_kind_and_dtype_stay(shape, dtype):
    image = (np.random.default_rng(0).random(shape) * (1 if dtype == np.float32 else 255)).astype(dtype)
    small = resized(image, (5, 7))
    assert small.shape == (5, 7, *shape[2:])
    assert small.dtype == dtype


def test_the_same_size_is_the_same_image():
    image = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resized(image, (16, 24)), image)


def test_a_whole_factor_is_the_degradation_inside():
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    inner = (slice(3, -3), slice(3, -3))
    small = resized(image, (12, 12))[inner].astype(int)
    assert np.abs(small - low_resolution(image, 8)[inner]).max() <= 1


def test_a_declared_range_holds():
    image = np.linspace(-5, 20, 16 * 24, dtype=np.float32).reshape(16, 24)
    assert resized(image, (4, 6), IntensityRange(0, 10)).max() > 15


@pytest.mark.parametrize("size", [(17, 24), (0, 4)])
def test_only_smaller_sizes(size):
    with pytest.raises(InvalidSpecError, match="16 x 24"):
        resized(np.zeros((16, 24), np.uint8), size)


def test_two_scales_of_one_sample_show_the_same(session):
    fine, coarse = (session.decode(Draw(seed=2), scale=scale).sr for scale in (8, 2))
    assert np.abs(resized(fine, coarse.shape[:2])[8:-8, 8:-8] - coarse[8:-8, 8:-8]).mean() < 1 / 255
