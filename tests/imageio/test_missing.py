import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.missing import fill_missing
from napari_refvae.imageio.pixels import as_reference, normalize
from napari_refvae.regions import Region

BAD = [np.nan, np.inf, -np.inf]

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9)) | st.tuples(
    st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4])
)


@st.composite
def holed(draw, dtypes=("float16", "float32", "float64", ">f4")):
    """An image with holes, of which each channel has a finite value."""
    dtype, shape = np.dtype(draw(st.sampled_from(dtypes))), draw(shapes)
    array = draw(arrays.arrays(dtype, shape, elements=arrays.from_dtype(dtype, allow_nan=False, allow_infinity=False)))
    holes = draw(arrays.arrays(np.int8, shape, elements=st.integers(-3, 2)))
    for number, value in enumerate(BAD):
        array[holes == number] = value
    array[0, 0] = np.where(np.isfinite(array[0, 0]), array[0, 0], 0)
    return array


def enlarged(array, scale):
    return array.repeat(scale, axis=0).repeat(scale, axis=1)


@given(holed())
def test_what_is_finite_stays_and_the_rest_lies_between_it(array):
    before = array.copy()
    filled, missing = fill_missing(array)

    np.testing.assert_array_equal(array, before)
    assert (filled.dtype, filled.shape) == (array.dtype, array.shape)
    known = np.isfinite(array)
    np.testing.assert_array_equal(filled[known], array[known])
    assert np.isfinite(filled).all()
    assert filled.min() >= array[known].min()
    assert filled.max() <= array[known].max()
    assert (missing is None) == known.all()
    if missing is not None:
        assert missing.count == np.count_nonzero(~known)
        assert json.loads(json.dumps(missing.record)) == {
            "nan": np.count_nonzero(np.isnan(array)),
            "infinite": np.count_nonzero(np.isinf(array)),
        }


@given(holed(), st.sampled_from([1, 2, 4, 8]), st.booleans())
def test_what_was_missing_comes_back_over_its_whole_block(array, scale, several):
    filled, missing = fill_missing(array)
    if missing is None:
        return
    result = enlarged(filled, scale).astype(filled.dtype.newbyteorder("="))
    result = np.stack([result] * 2) if several else result
    missing.put_back(result)

    for image in result if several else [result]:
        np.testing.assert_array_equal(image, enlarged(array, scale))


@given(holed(), st.data())
def test_a_region_has_its_own(array, data):
    filled, missing = fill_missing(array)
    if missing is None:
        return
    top, left = (data.draw(st.integers(0, length - 1)) for length in array.shape[:2])
    region = Region(
        top, left, *(data.draw(st.integers(1, n - k)) for n, k in zip(array.shape, (top, left), strict=False))
    )
    result = enlarged(filled[region.slices], 2)
    missing.within(region).put_back(result)

    np.testing.assert_array_equal(result, enlarged(array[region.slices], 2))


@given(st.floats(-1e308, 1e308), st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8)), min_size=1, max_size=20))
def test_a_constant_image_is_filled_with_its_value(value, holes):
    array = np.full((7, 10), value)
    for hole in holes:
        array[hole] = np.nan

    np.testing.assert_array_equal(fill_missing(array)[0], value)


def test_a_hole_takes_after_its_neighbours_and_not_after_the_image():
    array = np.zeros((64, 64), np.float32)
    array[:, 32:] = 1
    array[20:24, 4:9] = np.nan
    array[20:24, 50:55] = np.inf
    filled, _ = fill_missing(array)

    assert (filled[20:24, 4:9] == 0).all()
    assert (filled[20:24, 50:55] == 1).all()


def test_channels_are_filled_alone():
    array = np.full((4, 4, 3), 0.5)
    array[..., 1] = 0.2
    array[1, 1, 1] = np.nan
    filled, missing = fill_missing(array)

    np.testing.assert_allclose(filled[1, 1], [0.5, 0.2, 0.5])
    assert missing.count == 1


@pytest.mark.parametrize(
    "array", [np.full((2, 3), np.nan), np.full((2, 3, 3), [0.5, np.inf, 0.5]), np.array([[np.nan]])]
)
def test_a_channel_of_nothing_is_refused(array):
    with pytest.raises(InvalidInputError, match="a channel of only NaN or infinite values"):
        fill_missing(array)


@pytest.mark.parametrize("array", [np.ones((3, 3), np.uint8), np.ones((3, 3)), np.full((1, 1, 1, 1), np.nan)])
def test_what_misses_nothing_or_is_no_image_is_passed_on(array):
    assert fill_missing(array) == (array, None)


def test_other_sizes_are_refused():
    _, missing = fill_missing(np.array([[np.nan, 1, 1]]))
    for shape in ((8, 23), (9, 24), (0, 0), (8, 24, 3)):
        with pytest.raises(InvalidInputError, match="whole enlargement"):
            missing.put_back(np.zeros(shape))


def test_the_sentence_counts():
    _, missing = fill_missing(np.array([[np.nan, 1, np.inf]]))
    assert missing.sentence.startswith("2 of 3 values")


def test_filled_images_are_normal_ones_and_references_are_filled_by_themselves():
    array = np.linspace(0, 1, 48, dtype=np.float32).reshape(4, 4, 3)
    array[2, 2] = np.nan

    assert np.isfinite(normalize(fill_missing(array)[0]).rgb).all()
    assert np.isfinite(as_reference(array)).all()
    with pytest.raises(InvalidInputError, match="NaN"):
        normalize(array)
