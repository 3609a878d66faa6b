import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.pixels import as_reference, denormalize, normalize
from napari_refvae.spec import IntensityRange, PixelFormat

EXACT = ["bool", "uint8", "uint16", "int8", "int16"]
INTEGERS = ["uint8", "uint16", "uint32", "int8", "int16", "int32"]
FLOATS = ["float16", "float32", "float64"]
SHAPES = [(1, 1), (1, 9), (7, 1), (5, 4), (5, 4, 1), (5, 4, 3), (5, 4, 4), (1, 9, 3)]

sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))
kinds = st.sampled_from([(), (1,), (3,), (4,)])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def back(image):
    return denormalize(image.rgb, image.alpha, image.pixels, image.bounds)


@st.composite
def images(draw, dtypes):
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = draw(sizes) + draw(kinds)
    array = draw(arrays.arrays(dtype, shape, elements=arrays.from_dtype(dtype, allow_nan=False, allow_infinity=False)))
    if shape[2:] == (4,):  # alpha not negative and not zero, so that no colour is lost
        least = 1 if dtype.kind != "b" else True
        array[..., 3] = np.clip(array[..., 3], least, None)
    return array


@given(images(EXACT))
def test_integers_come_back_exactly(array):
    result = back(normalize(array))

    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, array)


@given(images([name for name in EXACT if name != "bool"]), st.integers(-100, 100), st.integers(1, 5000))
def test_integers_outside_a_declared_range_come_back_exactly(array, low, span):
    image = normalize(array, IntensityRange(low, low + span))
    limits = np.iinfo(array.dtype)

    np.testing.assert_array_equal(back(image), array)
    assert image.bounds == ((limits.min - low) / span, (limits.max - low) / span)


@given(images(["uint32", "int32", "uint64", "int64"]).filter(lambda array: array.shape[2:] != (4,)))
def test_wide_integers_keep_24_bits_of_the_range(array):
    top = 2.0 ** (array.dtype.itemsize * 8)
    result = back(normalize(array, IntensityRange(-top, top)))

    assert result.dtype == array.dtype
    assert np.abs(result.astype(float) - array.astype(float)).max() <= top * 2**-22


@given(images(["int32", "uint32"]).filter(lambda array: array.shape[2:] != (4,)))
def test_wide_integers_within_a_narrow_range_are_exact(array):
    array = array % 2**20

    np.testing.assert_array_equal(back(normalize(array, IntensityRange(0, 2**20))), array)


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3)), elements=st.floats(-50, 50, width=32)
    ),
    st.floats(-20, 20),
    st.floats(0.5, 40),
)
def test_float_data_outside_a_declared_range_is_kept(array, low, span):
    image = normalize(array, IntensityRange(low, low + span))

    np.testing.assert_allclose(back(image), array, atol=1e-4)
    np.testing.assert_allclose(image.bounds, (min(0, image.rgb.min()), max(1, image.rgb.max())), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", SHAPES)
def test_floats_come_back(rng, dtype, shape):
    array = rng.uniform(0.01, 1, shape).astype(dtype)
    result = back(normalize(array))

    assert result.dtype == array.dtype
    assert result.shape == array.shape
    np.testing.assert_allclose(result, array, atol=1e-6)


@pytest.mark.parametrize("dtype", [*EXACT, *INTEGERS])
@pytest.mark.parametrize("shape", SHAPES)
def test_shape_dtype_and_kind_come_back(dtype, shape):
    array = np.ones(shape, dtype)
    image = normalize(array)

    assert image.size == shape[:2]
    assert image.rgb.dtype == np.float32
    assert image.pixels.kind == {(): "grey", (1,): "grey", (3,): "rgb", (4,): "rgba"}[shape[2:]]
    assert (image.alpha is None) == (image.pixels.kind != "rgba")
    assert back(image).shape == shape
    assert back(image).dtype == array.dtype


@pytest.mark.parametrize(
    ("dtype", "low", "high", "bounds"),
    [
        ("bool", 0, 1, (0, 1)),
        ("uint8", 0, 255, (0, 1)),
        ("uint16", 0, 65535, (0, 1)),
        ("uint32", 0, 2**32 - 1, (0, 1)),
        ("int8", 0, 127, (-128 / 127, 1)),
        ("int16", 0, 32767, (-32768 / 32767, 1)),
        ("float32", 0, 1, (0, 1)),
    ],
)
def test_default_ranges(dtype, low, high, bounds):
    image = normalize(np.array([[low, high]], dtype))

    assert image.pixels.range == IntensityRange(low, high)
    assert image.bounds == bounds
    np.testing.assert_array_equal(image.rgb[0, :, 0], [0, 1])


def test_a_declared_range_widens_the_bounds_to_what_the_dtype_stores():
    image = normalize(np.zeros((2, 2), np.uint16), IntensityRange(100, 4195))

    assert image.bounds == (-100 / 4095, 65435 / 4095)


def test_the_default_range_never_follows_the_data():
    dim, bright = np.full((2, 2), 3, np.uint16), np.full((2, 2), 60000, np.uint16)

    assert normalize(dim).pixels == normalize(bright).pixels


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "float16", "float32", "float64"])
def test_memory_layout_and_byte_order_do_not_matter(rng, dtype):
    array = rng.integers(0, 2, (6, 8, 3)).astype(dtype)
    expected = normalize(array).rgb

    strided = np.zeros((12, 16, 3), dtype)
    strided[::2, ::2] = array
    mirrored = np.ascontiguousarray(array[::-1, ::-1])[::-1, ::-1]
    frozen = array.copy()
    frozen.flags.writeable = False
    for other in (
        strided[::2, ::2],
        mirrored,
        np.asfortranarray(array),
        array.astype(f">{array.dtype.str[1:]}"),
        frozen,
    ):
        image = normalize(other)
        np.testing.assert_array_equal(image.rgb, expected)
        assert back(image).dtype == array.dtype
    image.rgb[:] = 0.5  # a copy
    np.testing.assert_array_equal(frozen, array)


def test_grey_is_replicated_and_comes_back_as_the_mean():
    pixels = PixelFormat("grey", "float32", IntensityRange(0, 1))
    rgb = np.array([[[0.1, 0.2, 0.6]]])

    np.testing.assert_allclose(denormalize(rgb, None, pixels), [[0.3]], rtol=1e-6)
    assert np.ptp(normalize(np.array([[7]], np.uint8)).rgb) == 0


def test_integers_are_rounded_and_clipped():
    pixels = PixelFormat("grey", "uint8", IntensityRange(0, 255))
    values = np.array([-0.2, 0.4 / 255, 0.6 / 255, 254.6 / 255, 1.7])
    rgb = np.repeat(values[None, :, None], 3, axis=2)

    np.testing.assert_array_equal(denormalize(rgb, None, pixels, (-1, 2)), [[0, 0, 1, 255, 255]])


def test_results_are_clipped_to_the_bounds():
    pixels = PixelFormat("rgb", "float32", IntensityRange(10, 20))
    rgb = np.array([[[-1.0, 0.5, 3.0]]])

    np.testing.assert_array_equal(denormalize(rgb, None, pixels, (0, 1.5)), [[[10, 15, 25]]])


def test_64_bit_extremes_do_not_wrap_around():
    pixels = PixelFormat("grey", "int64", IntensityRange(0, 1))
    rgb = np.repeat(np.array([[[-1e30], [1e30]]]), 3, axis=2)
    low, high = denormalize(rgb, None, pixels, (-1e30, 1e30))[0]

    assert low == np.iinfo(np.int64).min
    assert high > 0.99 * np.iinfo(np.int64).max


def test_several_samples_at_once(rng):
    array = rng.integers(1, 256, (5, 4, 4), dtype=np.uint8)
    image = normalize(array)
    stack = denormalize(np.stack([image.rgb] * 3), np.stack([image.alpha] * 3), image.pixels)

    np.testing.assert_array_equal(stack, [array] * 3)


class TestAlpha:
    def test_colours_are_premultiplied(self):
        image = normalize(np.array([[[255, 51, 0, 51]]], np.uint8))

        np.testing.assert_allclose(image.alpha, 0.2, rtol=1e-6)
        np.testing.assert_allclose(image.rgb, [[[0.2, 0.04, 0]]], rtol=1e-6)

    def test_transparent_pixels_come_back_black(self):
        array = np.array([[[9, 80, 200, 0], [9, 80, 200, 255]]], np.uint8)

        np.testing.assert_array_equal(back(normalize(array)), [[[0, 0, 0, 0], [9, 80, 200, 255]]])

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
    def test_a_fully_transparent_image_stays_that(self, dtype):
        array = np.zeros((3, 4, 4), dtype)
        array[..., :3] = 1
        image = normalize(array)

        assert not image.rgb.any()
        assert not back(image).any()
        assert (as_reference(array) == 0.5).all()

    def test_alpha_keeps_its_own_range(self):
        array = np.array([[[100, 300, 500, 65535]]], np.uint16)
        image = normalize(array, IntensityRange(100, 500))

        assert image.alpha == 1
        np.testing.assert_array_equal(back(image), array)

    def test_overshooting_alpha_is_clipped(self):
        pixels = PixelFormat("rgba", "uint8", IntensityRange(0, 255))
        result = denormalize(np.full((1, 2, 3), 0.5), np.array([[-0.1, 1.2]]), pixels)

        np.testing.assert_array_equal(result, [[[0, 0, 0, 0], [128, 128, 128, 255]]])

    def test_missing_alpha_is_refused(self):
        with pytest.raises(InvalidInputError, match="alpha"):
            denormalize(np.zeros((1, 1, 3)), None, PixelFormat("rgba", "uint8", IntensityRange(0, 255)))

    @pytest.mark.parametrize("array", [np.full((1, 1, 4), -1, np.int16), np.full((1, 1, 4), [[[0, 0, 0, 1.5]]])])
    def test_alpha_outside_its_range_is_refused(self, array):
        with pytest.raises(InvalidInputError, match="alpha from 0 to"):
            normalize(array)


class TestRefused:
    @pytest.mark.parametrize(
        ("array", "said"),
        [
            (np.zeros(5), "rows and columns"),
            (np.float32(1), "rows and columns"),
            (np.zeros((0, 5)), "holds no pixel"),
            (np.zeros((5, 0, 3), np.uint8), "holds no pixel"),
            (np.zeros((5, 6, 2)), "got shape (5, 6, 2), so 2 channels"),
            (np.zeros((9, 6, 5)), "so 5 channels: pass one plane"),
            (np.zeros((3, 9, 6)), "np.moveaxis(image, 0, -1)"),
            (np.zeros((2, 3, 4, 3)), "plane by plane"),
            (np.zeros((2, 2), complex), "got dtype complex128"),
            (np.full((2, 2), None), "got dtype object"),
            (np.full((2, 2), "x"), "got dtype <U1"),
            (np.zeros((2, 2), "datetime64[s]"), "got dtype datetime64"),
            ([[1, 2], [3]], "pass a numpy array"),
            (np.full((2, 2), np.nan), "only NaN"),
            (np.array([[-0.5, 7.25]]), "got -0.5 to 7.25: pass intensity_range=(low, high)"),
            (np.array([[3, 900]]), "got values from 3 to 900: pass intensity_range=(low, high)"),
        ],
    )
    @pytest.mark.parametrize("accept", [normalize, as_reference])
    def test_what_cannot_be_used_is_named(self, array, said, accept):
        with pytest.raises(InvalidInputError, match=re.escape(said)):
            accept(array)

    def test_a_hole_in_an_image_is_named(self):
        with pytest.raises(InvalidInputError, match="1 NaN or infinite values of 2: replace them"):
            normalize(np.array([[0.5, np.inf]]))

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int32"])
    def test_a_range_in_which_integers_vanish_is_named(self, dtype):
        with pytest.raises(InvalidInputError, match="range on the scale of the data"):
            normalize(np.ones((2, 2), dtype), IntensityRange(0, 1e300))

    @pytest.mark.parametrize("low_high", [IntensityRange(0, 1e-300), IntensityRange(-1.7e308, 1.7e308)])
    @pytest.mark.parametrize("dtype", ["float64", "uint8"])
    def test_a_range_of_another_world_is_named(self, low_high, dtype):
        with pytest.raises(InvalidInputError, match="range on the scale of the data"):
            normalize(np.ones((2, 2), dtype), low_high)


class TestReference:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_is_rgb_in_0_to_1(self, rng, shape):
        reference = as_reference(rng.integers(0, 256, shape, dtype=np.uint8))

        assert reference.shape == (*shape[:2], 3)
        assert reference.dtype == np.float32
        assert reference.min() >= 0
        assert reference.max() <= 1

    def test_transparency_lies_over_mid_grey(self):
        array = np.array([[[255, 0, 0, 0], [255, 0, 0, 255]]], np.uint8)

        np.testing.assert_array_equal(as_reference(array), [[[0.5, 0.5, 0.5], [1, 0, 0]]])

    def test_values_outside_the_declared_range_are_clipped(self):
        reference = as_reference(np.array([[-5.0, 5.0]]), IntensityRange(0, 1))

        np.testing.assert_array_equal(reference[0, :, 0], [0, 1])
