"""Regions, smaller scales and the faithful image: what comes out is what a plain run says."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from napari_refvae.engine.frame import PROJECTION_REACH, check_scale, plan_frame
from napari_refvae.engine.upscaler import drain
from napari_refvae.errors import InvalidSpecError
from napari_refvae.imageio.pixels import normalize
from napari_refvae.metrics import lr_psnr
from napari_refvae.regions import Region
from napari_refvae.resampling import downsample, project
from napari_refvae.spec import PriorReference, SampleSpec, SelfReference, SuperResolutionRequest, TileSpec

RNG = np.random.default_rng(0)
IMAGES = {
    "photograph": np.ascontiguousarray(data.astronaut()[::8, ::7] / np.float32(255)),
    "noise": RNG.random((64, 74, 3), dtype=np.float32),
    "black and white": (RNG.random((64, 74, 3)) > 0.5).astype(np.float32),
}
SELF, ONE = (SelfReference(),), SampleSpec(count=1)
REGIONS = [Region(27, 30, 7, 9), Region(0, 40, 3, 8), Region(63, 73, 1, 1)]


@pytest.fixture(scope="module")
def make(upscaler):
    """Run one request for one sample, by the image itself unless told otherwise."""

    def run(pixels, *, samples=ONE, references=SELF, **settings):
        return drain(upscaler.steps(SuperResolutionRequest(normalize(pixels), references, samples, **settings)))

    return run


@pytest.fixture(scope="module")
def wholes(make):
    """Results of whole images, made once."""
    made = {}

    def whole(name, **settings):
        key = (name, *settings.items())
        if key not in made:
            made[key] = make(IMAGES[name], **settings)
        return made[key]

    return whole


@given(height=st.integers(1, 99), width=st.integers(1, 99), data=st.data())
def test_a_frame_holds_the_region_with_what_it_depends_on(height, width, data):
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    region = Region(y, x, data.draw(st.integers(1, height - y)), data.draw(st.integers(1, width - x)))
    frame = plan_frame((height, width), region, "bicubic")
    assert frame.region.intersect(frame.window) == frame.region
    assert frame.window == region.padded(PROJECTION_REACH, (height, width))
    assert plan_frame((height, width), None, "bicubic").window == Region(0, 0, height, width)


@pytest.mark.parametrize("region", REGIONS, ids=str)
@pytest.mark.parametrize("name", IMAGES)
def test_a_region_is_the_crop_of_the_whole_images_result(make, wholes, name, region):
    """To float32's rounding, however much is clamped: both projections do the same rounds, and U's filter is short."""
    whole, part = wholes(name), make(IMAGES[name], region=region)
    inside = region.scaled(8).slices
    np.testing.assert_allclose(part.sr[0], whole.sr[0][inside], atol=1e-5)
    np.testing.assert_allclose(part.bicubic, whole.bicubic[inside], atol=1e-6)
    np.testing.assert_array_equal(part.lr, IMAGES[name][region.slices])


@pytest.mark.parametrize("settings", [{"scale": 2}, {"scale": 4}, {"consistency": None}], ids=str)
def test_a_region_is_the_crop_at_every_scale_and_without_projection(make, wholes, settings):
    region = REGIONS[0]
    whole, part = (wholes("noise", **settings), make(IMAGES["noise"], region=region, **settings))
    np.testing.assert_allclose(part.sr[0], whole.sr[0][region.scaled(whole.scale).slices], atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_region_in_stored_values_is_the_crop_in_every_tiling(make, channels):
    image = RNG.integers(40, 200, (60, 70, channels), dtype=np.uint8)
    whole, tiled = (make(image, region=part, tiles=TileSpec(17)) for part in (None, REGIONS[0]))
    crop = whole.sr[0][REGIONS[0].scaled(8).slices]
    assert tiled.sr[0].shape == crop.shape == (56, 72, channels)
    assert np.abs(tiled.sr[0].astype(int) - crop).max() <= 1  # a value between two levels may round either way
    assert (tiled.sr[0] != crop).mean() < 1e-3


def test_a_region_gives_the_input_back_in_place(make):
    image = RNG.integers(100, 150, (60, 70, 3), dtype=np.uint8)
    part = make(image, region=REGIONS[0])
    assert part.lr_psnr[0] >= 50
    assert part.lr_psnr[0] > lr_psnr(part.sr[0], part.lr)  # alone, its border is mirrored and not continued


@pytest.mark.parametrize("scale", [2, 4])
def test_a_smaller_scale_is_the_samples_own_reduction_and_consistent(make, wholes, scale):
    pixels = IMAGES["photograph"]
    fine, made = wholes("photograph").sr[0], wholes("photograph", scale=scale)
    reduced = downsample(torch.from_numpy(fine).permute(2, 0, 1)[None], 8 // scale)
    lr = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    expected = project(reduced, lr, scale, bounds=(0, 1))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(made.sr[0], expected, atol=1e-5)
    assert made.scale == scale
    assert made.bicubic.shape == made.sr.shape[1:] == (64 * scale, 74 * scale, 3)


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_the_consistency_is_that_of_the_stored_sample_at_its_scale(make, scale):
    image = RNG.integers(0, 256, (20, 23, 3), dtype=np.uint8)
    made = make(image, scale=scale)
    assert made.lr_psnr[0] == pytest.approx(lr_psnr(made.sr[0], image, scale), abs=1e-3)
    assert make(image // 2 + 64, scale=scale).lr_psnr[0] >= 50


def test_the_models_scale_is_what_none_means(make):
    np.testing.assert_array_equal(make(IMAGES["noise"][:9], scale=8).sr, make(IMAGES["noise"][:9]).sr)


@pytest.mark.parametrize("scale", [3, 5, 16])
def test_a_scale_that_the_model_cannot_give_is_named(make, scale):
    with pytest.raises(InvalidSpecError, match=f"one of 2, 4, 8 with this model; got {scale}"):
        make(IMAGES["noise"], scale=scale)
    assert [check_scale(good, 4) for good in (2, 4, None)] == [2, 4, 4]


def test_the_faithful_image_is_the_sample_without_reference_chance_or_vividness(make):
    pixels = IMAGES["photograph"][:20, :20]
    two = SampleSpec(count=2, seed=3, strength=0.5)
    alone, both = (make(pixels, samples=two, faithful=faithful) for faithful in (False, True))
    plain = make(pixels, samples=SampleSpec(count=1, temperature=0, vividness=0), references=(PriorReference(),))
    np.testing.assert_array_equal(both.faithful, plain.sr[0])
    np.testing.assert_array_equal(both.sr, alone.sr)
    assert alone.faithful is None
    part = make(pixels, region=Region(4, 5, 6, 7), scale=2, faithful=True)
    assert part.faithful.shape == part.sr.shape[1:] == (12, 14, 3)
