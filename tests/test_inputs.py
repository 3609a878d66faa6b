"""What callers may pass: layers are known by what they have, and no napari is needed."""

import numpy as np
import pytest
from skimage import data

import napari_refvae
from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.pixels import as_reference, dtype_range
from napari_refvae.inputs import layer_range
from napari_refvae.spec import ImageReference, IntensityRange


@pytest.fixture
def image():
    return np.ascontiguousarray(data.astronaut()[::16, ::16])


@pytest.fixture
def texture():
    return np.ascontiguousarray(data.gravel()[:90, :70])


@pytest.fixture
def upscale(tiny_model):
    return lambda *args, **kwargs: napari_refvae.upscale(*args, model=tiny_model, device="cpu", **kwargs)


class Layer:
    """What a napari image layer has, as far as the package reads it."""

    multiscale = False

    def __init__(self, data, name, limits=(0, 255), rgb=False):
        self.data, self.name, self.contrast_limits, self.rgb = data, name, limits, rgb


def test_layers_are_taken_where_arrays_are(upscale, image, texture):
    photo, gravel = Layer(image, "photo", rgb=True), Layer(texture, "gravel", (20, 220))
    made = upscale(photo, [gravel, "self"], samples=1)
    assert made.references == ("gravel", "self")
    assert made.provenance["input"]["name"] == "photo"
    assert made.provenance["references"][0]["intensity_range"] == [20, 220]
    stretched = as_reference(texture, IntensityRange(20, 220))
    np.testing.assert_array_equal(made.sr, upscale(image, [ImageReference(stretched), "self"], samples=1).sr)


def test_a_grey_layers_contrast_limits_are_its_range_unless_one_is_declared(upscale, image):
    counts = image[..., 0].astype(np.float32) * 10 - 100
    layer = Layer(counts, "counts", (-100, 2450))
    np.testing.assert_array_equal(
        upscale(layer, samples=1).sr, upscale(counts, samples=1, intensity_range=(-100, 2450)).sr
    )
    declared = upscale(layer, samples=1, intensity_range=(-500, 3000))
    assert declared.provenance["settings"]["intensity_range"] == [-500, 3000]


@pytest.mark.parametrize(
    ("stored", "limits", "declared"),
    [
        (np.uint8, (0, 255), [0, 255]),
        (np.uint16, (0, 65535), [0, 65535]),
        (np.uint16, (0, 4095), [0, 4095]),  # of 12 bits
        (np.float32, (0, 1), [0, 1]),
        (np.float32, (-100, 300), [-100, 300]),
    ],
)
def test_colours_are_seen_through_their_contrast_limits(upscale, image, stored, limits, declared):
    low, high = limits
    pixels = (image / 255 * (high - low) + low).astype(stored)
    made = upscale(Layer(pixels, "photo", limits, rgb=True), samples=1)
    assert made.provenance["settings"]["intensity_range"] == declared
    np.testing.assert_array_equal(made.sr, upscale(pixels, samples=1, intensity_range=limits).sr)


def test_colours_beyond_their_limits_are_no_error(upscale, image):
    assert upscale(Layer(image.astype(np.float32) / 100, "bright", (0, 1), rgb=True), samples=1).sr.max() > 1


def test_what_fills_its_dtype_declares_nothing():
    for dtype in map(np.dtype, ("bool", "uint8", "uint16", "int16", "uint32")):
        own = dtype_range(dtype)
        assert layer_range((own.low, own.high), dtype, coloured=True) is None
        assert layer_range((own.low, own.high), dtype, coloured=False) == own


def test_a_multiscale_layer_is_read_at_full_resolution_and_a_stack_is_refused(upscale, image):
    pyramid = Layer([image, image[::2, ::2]], "pyramid", rgb=True)
    pyramid.multiscale = True
    assert upscale(pyramid, samples=1).sr.shape == (1, 8 * len(image), 8 * image.shape[1], 3)
    with pytest.raises(InvalidInputError, match=r"a layer with one plane; got 'stack' of shape \(5, 9, 3\)"):
        upscale(Layer(np.zeros((5, 9, 3)), "stack"))


def test_a_run_of_layers_replays_with_their_ranges(upscale, image, texture, tmp_path):
    grey = image[..., 0]
    made = upscale(Layer(grey, "photo", (10, 200)), Layer(texture, "gravel", (20, 220)), samples=1)
    side_car = made.save(tmp_path, "a")[-1]
    for given in ((grey, [texture]), (Layer(grey, "photo", (0, 9)), [Layer(texture, "gravel", (0, 9))])):
        again = napari_refvae.replay(side_car, image=given[0], references=given[1])
        np.testing.assert_array_equal(again.sr, made.sr)
