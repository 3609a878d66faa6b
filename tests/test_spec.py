import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.spec import (
    ImageReference,
    IntensityRange,
    NormalizedImage,
    PixelFormat,
    Region,
    SampleSpec,
    SuperResolutionRequest,
    TileSpec,
)

small = st.integers(-50, 50)
lengths = st.integers(0, 50)
regions = st.builds(Region, small, small, lengths, lengths)


@given(a=regions, b=regions)
def test_intersection_commutes_and_lies_in_both(a, b):
    common = a.intersect(b)
    assert common == b.intersect(a) or not common.height * common.width
    if common.height and common.width:
        assert common.intersect(a) == common == common.intersect(b)


@given(region=st.builds(Region, st.integers(0, 20), st.integers(0, 20), st.integers(1, 9), st.integers(1, 9)))
def test_slices_scaled_are_blocks(region):
    image = np.zeros((30, 30), int)
    image[region.slices] = 1
    fine = np.zeros((240, 240), int)
    fine[region.scaled(8).slices] = 1
    np.testing.assert_array_equal(fine, np.kron(image, np.ones((8, 8), int)))


def test_padding_stops_at_the_border():
    assert Region(2, 5, 4, 4).padded(3, (8, 20)) == Region(0, 2, 8, 10)


def test_relative_coordinates_index_the_same_pixels():
    image = np.arange(100).reshape(10, 10)
    outer, inner = Region(2, 3, 6, 5), Region(4, 4, 2, 3)
    np.testing.assert_array_equal(image[outer.slices][inner.relative_to(outer).slices], image[inner.slices])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("count", 0, "samples must be an integer of at least 1; got 0"),
        ("count", 2.5, "samples must be an integer of at least 1; got 2.5"),
        ("count", True, "samples must be an integer"),
        ("seed", -1, "seed must be an integer of at least 0; got -1"),
        ("seed", "7", "seed must be an integer of at least 0; got '7'"),
        ("temperature", -0.1, "temperature must be a finite number of at least 0; got -0.1"),
        ("temperature", math.inf, "temperature must be a finite number"),
        ("temperature", None, "temperature must be a finite number"),
        ("strength", 1.1, "strength must be a finite number from 0 to 1; got 1.1"),
        ("vividness", math.nan, "vividness must be a finite number from 0 to 1; got nan"),
    ],
)
def test_samples_outside_their_domain_are_named(field, value, message):
    with pytest.raises(InvalidSpecError, match=message):
        SampleSpec(**{field: value})


def test_numpy_numbers_become_pythons():
    spec = SampleSpec(count=np.int64(2), seed=np.uint8(254), temperature=np.float32(0.5))
    assert spec.seed + spec.count == 256
    assert [type(value) for value in (spec.count, spec.seed, spec.temperature)] == [int, int, float]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((4, 4, 3), 128, np.uint8), "float32 values in 0..1; got uint8 with values from 128 to 128"),
        (np.full((4, 4, 3), 2, np.float32), "got float32 with values from 2 to 2"),
        (np.full((4, 4, 3), np.nan, np.float32), "got float32 with values from nan"),
    ],
)
def test_a_reference_must_be_normalised(image, message):
    with pytest.raises(InvalidInputError, match=message):
        ImageReference(image)


@pytest.mark.parametrize(("size", "overlap"), [(0, None), (True, None), (1.5, None), (8, -1), (8, 0.5)])
def test_tiles_outside_their_domain_are_named(size, overlap):
    with pytest.raises(InvalidSpecError, match="LR pixel"):
        TileSpec(size, overlap)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, math.inf), (math.nan, 1)])
def test_an_intensity_range_must_rise(low, high):
    with pytest.raises(InvalidSpecError, match="finite low < high"):
        IntensityRange(low, high)


def test_images_and_references_must_be_rgb():
    pixels = PixelFormat("rgb", "uint8", IntensityRange(0, 255))
    with pytest.raises(InvalidInputError, match=r"\(H, W, 3\); got \(4, 4\)"):
        NormalizedImage(np.zeros((4, 4), np.float32), None, pixels)
    with pytest.raises(InvalidInputError, match=r"\(H, W, 3\); got \(0, 4, 3\)"):
        ImageReference(np.zeros((0, 4, 3), np.float32))


def test_a_request_needs_a_reference_and_a_known_consistency():
    image = NormalizedImage(np.zeros((4, 4, 3), np.float32), None, PixelFormat("rgb", "uint8", IntensityRange(0, 255)))
    with pytest.raises(InvalidSpecError, match="at least one reference"):
        SuperResolutionRequest(image, references=())
    with pytest.raises(InvalidSpecError, match="'bicubic' or None; got 'lanczos'"):
        SuperResolutionRequest(image, consistency="lanczos")
    assert SuperResolutionRequest(image, samples=SampleSpec(3)).total == 3
