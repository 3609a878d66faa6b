import hashlib

import numpy as np
import pytest

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.arrays import describe_array
from napari_refvae.imageio.pixels import normalize
from napari_refvae.provenance import pixel_hash
from napari_refvae.spec import IntensityRange
from napari_refvae.stacks import surveying
from napari_refvae.stacks.surveying import survey_stack


@pytest.fixture(params=[1, 7, 2**20])
def bands(request, monkeypatch):
    """Rows that are read at a time."""
    monkeypatch.setattr(surveying, "BAND_ROWS", request.param)


@pytest.mark.usefixtures("bands")
@pytest.mark.parametrize("dtype", ["u1", ">u2", "f4"])
def test_the_hash_is_that_of_the_planes_however_they_are_read(dtype):
    stack = np.arange(3 * 10 * 12).reshape(3, 10, 12).astype(dtype)
    other = survey_stack(describe_array(stack.copy()))
    assert survey_stack(describe_array(stack)) == other
    stack[1, 5, 5] += 1
    assert survey_stack(describe_array(stack)).sha256 != other.sha256
    told = hashlib.sha256(b"zyx(3, 10, 12)")
    for plane in stack:
        told.update(pixel_hash(plane).encode())
    assert survey_stack(describe_array(stack)).sha256 == told.hexdigest()


@pytest.mark.usefixtures("bands")
@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 4)])
@pytest.mark.parametrize("declared", [None, IntensityRange(0.2, 0.5)])
def test_bounds_are_those_of_the_whole_image(shape, declared):
    image = np.random.default_rng(0).random(shape, np.float32) * (2 if declared else 1)
    if shape[2:]:
        image[..., 3] = 1
    (plane,) = survey_stack(describe_array(image)).planes
    assert plane.bounds(image.dtype, declared) == normalize(image, declared).bounds
    assert survey_stack(describe_array(image.astype(np.uint8))).planes == ()


@pytest.mark.usefixtures("bands")
def test_missing_values_are_counted_and_an_empty_channel_is_refused():
    image = np.random.default_rng(0).random((9, 8, 3), np.float32)
    image[2, 3, 1], image[4] = np.inf, np.nan
    survey = survey_stack(describe_array(image))
    assert survey.missing == 25
    assert survey.planes[0].bounds(image.dtype, None) == (0, 1)
    image[..., 2] = np.nan
    (plane,) = survey_stack(describe_array(image)).planes
    with pytest.raises(InvalidInputError, match="a channel of only NaN"):
        plane.bounds(image.dtype, None)


def test_values_outside_the_range_are_refused():
    (plane,) = survey_stack(describe_array(np.full((4, 4), 1.5, np.float32))).planes
    with pytest.raises(InvalidInputError, match=r"values from 0 to 1; got 1\.5 to 1\.5"):
        plane.bounds(np.dtype(np.float32), None)
