"""Finishing in windows and bands is finishing at once, as `resampling` defines it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_refvae import resampling
from napari_refvae.engine import finishing
from napari_refvae.engine.bands import add_bicubic, downsample_planes, project_planes
from napari_refvae.engine.finishing import Finisher
from napari_refvae.engine.frame import plan_frame
from napari_refvae.engine.storing import store_planes
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.errors import ModelError
from napari_refvae.imageio.pixels import denormalize, normalize
from napari_refvae.metrics import lr_psnr_normalized
from napari_refvae.regions import Region, TileSpec
from napari_refvae.spec import IntensityRange, SuperResolutionRequest

CPU = torch.device("cpu")
sides = st.one_of(st.integers(1, 40), st.sampled_from([47, 130, 195]))
RNG = np.random.default_rng(0)


def lines(height, width, seed=0):
    """Two planes, line by line."""
    return torch.randn(height, 2, width, generator=torch.Generator().manual_seed(seed))


def as_image(planes):
    return planes.transpose(0, 1)[None]


@given(sides, sides, st.sampled_from([2, 3, 4, 8]), st.integers(0, 99))
@settings(deadline=None, max_examples=12)
def test_bands_make_the_operators_of_whole_planes(height, width, scale, seed):
    """Whatever the size: bands at a border, far from it, and axes that are one band."""
    hr, lr = lines(height * scale, width * scale, seed), lines(height, width, seed + 1)
    near = {"rtol": 0, "atol": 5e-6}
    small = downsample_planes(hr, scale)
    torch.testing.assert_close(as_image(small), resampling.downsample(as_image(hr), scale), **near)
    added = hr.clone()
    add_bicubic(added, lr, scale)
    torch.testing.assert_close(as_image(added), as_image(hr) + resampling.upsample(as_image(lr), scale), **near)


@given(sides, sides, st.sampled_from([2, 4, 8]), st.sampled_from([0.02, 0.5, 3.0]))
@settings(deadline=None, max_examples=15)
def test_planes_are_projected_as_images_are(height, width, scale, contrast):
    """From planes that no bound touches to those that are clamped everywhere."""
    sr = 0.5 + contrast * lines(height * scale, width * scale)
    lr = torch.rand(height, 2, width, generator=torch.Generator().manual_seed(2)) * 0.5 + 0.25
    expected = resampling.project(as_image(sr), as_image(lr), scale, bounds=(0, 1))
    project_planes(sr, lr, scale, (0, 1))
    torch.testing.assert_close(as_image(sr), expected, rtol=0, atol=1e-5)


def test_one_plane_needs_no_axis_of_planes():
    hr, lr = lines(24, 40), lines(3, 5, seed=1)
    alone, small = hr[:, 1].contiguous(), lr[:, 1].contiguous()
    for planes, target in ((hr, lr), (alone, small)):
        project_planes(planes, target, 8, (-9, 9))
    torch.testing.assert_close(alone, hr[:, 1], rtol=0, atol=1e-6)


def finish(pixels, detail, scale=8, region=None, consistency="bicubic"):
    request = SuperResolutionRequest(normalize(pixels), region=region, consistency=consistency)
    frame = plan_frame(request.image.size, region, consistency)
    finisher = Finisher(request, frame, 8, scale, CPU)
    out = finisher.empty()
    window = detail[..., *frame.window.scaled(8).slices]
    return out, finisher.finish(window, out), finisher


@pytest.mark.parametrize(
    "settings_", [{}, {"scale": 4}, {"consistency": None}, {"region": Region(3, 20, 39, 33)}], ids=str
)
def test_windows_make_the_whole_image(monkeypatch, settings_):
    """Of noise, which is clamped all over; the windows reach as far as a region's context does."""
    pixels = RNG.random((60, 70, 3), dtype=np.float32)
    detail = torch.from_numpy(0.3 * RNG.standard_normal((1, 3, 480, 560), dtype=np.float32))
    before = detail.clone()
    whole, psnr, one = finish(pixels, detail, **settings_)
    bicubic = one.bicubic()
    monkeypatch.setattr(finishing, "WINDOW", TileSpec(20, overlap=16))
    cut, psnr_of_cut, many = finish(pixels, detail, **settings_)
    assert len(one.windows) == 1
    assert len(many.windows) >= 4
    np.testing.assert_allclose(cut, whole, atol=1e-5)
    np.testing.assert_allclose(many.bicubic(), bicubic, atol=1e-6)
    assert psnr_of_cut == pytest.approx(psnr, abs=1e-2)
    assert torch.equal(detail, before)


def test_the_whole_image_is_what_the_definitions_make():
    pixels = RNG.random((20, 30, 3), dtype=np.float32)
    detail = torch.from_numpy(0.2 * RNG.standard_normal((1, 3, 160, 240), dtype=np.float32))
    lr = image_to_tensor(pixels, CPU)
    expected = image_from_tensor(resampling.project(resampling.upsample(lr) + detail, lr, bounds=(0, 1)))
    made, psnr, _ = finish(pixels, detail)
    np.testing.assert_allclose(made, expected, atol=1e-5)
    assert psnr == pytest.approx(lr_psnr_normalized(made, pixels), abs=1e-2)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "uint32", "bool", "float16", "float32"])
@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 3), (9, 7, 4)])
def test_planes_are_stored_and_read_as_the_format_says(dtype, shape):
    levels = RNG.random(shape) if np.dtype(dtype).kind == "f" else RNG.integers(0, 2 if dtype == "bool" else 120, shape)
    limits = None if (len(shape) == 3 and shape[2] == 4) or dtype == "bool" else IntensityRange(-3, 130)
    image = normalize(levels.astype(dtype), limits)
    made = torch.from_numpy(RNG.uniform(-0.1, 1.1, (3, 70, 50)).astype(np.float32))
    alpha = torch.rand(70, 50, generator=torch.Generator().manual_seed(0)) if image.alpha is not None else None
    again = made.clone()
    stored = store_planes(again, alpha, image)
    opacity = None if alpha is None else alpha.numpy()
    expected = denormalize(made.permute(1, 2, 0).numpy(), opacity, image.pixels, image.bounds)
    assert stored.dtype == dtype
    np.testing.assert_array_equal(stored, expected)
    read = normalize(expected, image.pixels.range).rgb
    np.testing.assert_allclose(again.permute(1, 2, 0), read, atol=1e-7)


@pytest.mark.parametrize("consistency", ["bicubic", None])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_not_finite_is_said(consistency, value):
    detail = torch.zeros(1, 3, 160, 160)
    detail[0, 1, 77, 99] = value
    with pytest.raises(ModelError, match="not finite"):
        finish(np.zeros((20, 20, 3), np.uint8), detail, consistency=consistency)
