import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.arrays import describe_array
from napari_refvae.imageio.measuring import measure_range
from napari_refvae.imageio.pixels import denormalize, normalize
from napari_refvae.spec import IntensityRange


@given(arrays.arrays(st.sampled_from(["u2", "i4", "f4", "u8"]), st.tuples(st.integers(1, 4), st.just(3), st.just(5))))
def test_every_finite_value_lies_within_and_both_ends_are_met(stack):
    finite = stack[np.isfinite(stack)].astype(float)
    if not finite.size:
        return
    found = measure_range(stack)

    assert found.low == finite.min()
    assert found.high == finite.max() or finite.min() == finite.max()
    assert found.low < found.high


def test_a_stack_is_measured_as_a_whole():
    stack = np.array([[[1.0, 2]], [[5, np.nan]], [[np.inf, -3]]])
    planes = (plane for _, plane in describe_array(stack).planes())
    assert measure_range(planes) == IntensityRange(-3, 5)


def test_alpha_does_not_count():
    assert measure_range([np.array([[[1, 2, 3, 255]]], np.uint8)]) == IntensityRange(1, 3)


@pytest.mark.parametrize("value", [0, 7, -1e30, 2**63])
def test_constant_images(value):
    array = np.full((2, 3), value, np.float64)
    image = normalize(array, measure_range([array]))
    np.testing.assert_array_equal(denormalize(image.rgb, None, image.pixels, image.bounds), array)


@pytest.mark.parametrize("planes", [[], [np.full((2, 2), np.nan)]])
def test_nothing_to_measure(planes):
    with pytest.raises(InvalidInputError, match="finite values to measure"):
        measure_range(planes)
