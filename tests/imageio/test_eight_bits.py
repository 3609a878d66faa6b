import numpy as np
import pytest

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.eight_bits import as_8_bit, deep_range
from napari_refvae.spec import IntensityRange

RAMP = np.linspace(0, 4095, 64 * 64).reshape(64, 64)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
def test_deep_images_keep_all_levels_that_8_bits_have(dtype):
    stored = RAMP.astype(dtype)
    assert deep_range(stored) == IntensityRange(0, 4095)
    made = as_8_bit(stored, deep_range(stored))
    assert made.shape == (64, 64, 3)
    assert made.dtype == np.uint8
    assert len(np.unique(made)) == 256


@pytest.mark.parametrize("dtype", [np.uint8, bool])
def test_images_of_8_bits_or_less_are_as_they_are(dtype):
    stored = np.array([[[0, 1, 1]]], dtype)
    assert deep_range(stored) is None
    assert as_8_bit(stored).tolist() == [[[0, 255, 255] if dtype is bool else [0, 1, 1]]]


def test_a_flat_deep_image_and_one_with_holes_can_be_used():
    flat = np.full((8, 8), 700, np.uint16)
    assert (as_8_bit(flat, deep_range(flat)) == 0).all()
    holes = np.array([[np.nan, 2.0], [10.0, 10.0]], np.float32)
    assert as_8_bit(holes, deep_range(holes))[0, 1].tolist() == [0, 0, 0]
    with pytest.raises(InvalidInputError, match="declare a range"):
        deep_range(np.full((8, 8), np.nan, np.float32))
