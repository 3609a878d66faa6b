"""The laws of D, U and the projection, in double precision unless a test says why not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from napari_refvae import resampling
from napari_refvae.errors import InvalidInputError
from napari_refvae.metrics import lr_psnr, modulo_crop
from napari_refvae.resampling import consistent_upsample, downsample, project, upsample

SCALES = [2, 3, 4, 8]
EXACT = {"rtol": 0, "atol": 1e-8}  # the filter of U is cut where its taps fall below 1e-9

scales = st.sampled_from(SCALES)
sides = st.integers(1, 7)
seeds = st.integers(0, 2**16)
quick = settings(deadline=None, max_examples=30)


def noise(seed: int, *shape: int) -> torch.Tensor:
    """Uniform in 0..1, double precision."""
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def as_matrix(operator, height: int, width: int) -> torch.Tensor:
    """A linear operator on ``(height, width)`` images, column by column."""
    basis = torch.eye(height * width, dtype=torch.float64).reshape(-1, 1, height, width)
    return operator(basis).flatten(1).T


def photograph(name: str) -> torch.Tensor:
    """A bundled photograph as ``(1, 3, H, W)`` float32 in 0..255."""
    image = modulo_crop(getattr(data, name)(), 8)
    return torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]


def rounded(image: torch.Tensor) -> np.ndarray:
    return image.round().clamp(0, 255)[0].permute(1, 2, 0).numpy().astype(np.uint8)


# --- D: what it computes


def keys(x: float) -> float:
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def downsampled_line(line: np.ndarray, scale: int) -> np.ndarray:
    """D along one axis, as it is defined: the kernel stretched by the scale over the mirrored signal."""
    length, margin = len(line), 2 * scale + 1
    padded = np.pad(line, margin, mode="symmetric")
    out = []
    for i in range(length // scale):
        centre = (i + 0.5) * scale - 0.5
        weights = np.array([keys((p - margin - centre) / scale) for p in range(len(padded))])
        out.append(weights @ padded / weights.sum())
    return np.array(out)


@given(scales, sides, sides, seeds)
@quick
def test_down_is_the_stretched_kernel_over_the_mirrored_image(scale, height, width, seed):
    """Also for images smaller than the kernel, which are mirrored more than once."""
    hr = noise(seed, 1, 1, height * scale, width * scale)
    rows = np.apply_along_axis(downsampled_line, 0, hr[0, 0].numpy(), scale)
    expected = np.apply_along_axis(downsampled_line, 1, rows, scale)
    np.testing.assert_allclose(downsample(hr, scale)[0, 0], expected, rtol=0, atol=1e-12)


def pillow(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pillow's antialiased bicubic resize of a float image; size is ``(height, width)``."""
    return np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC))


@pytest.mark.parametrize("scale", SCALES)
def test_down_agrees_with_pillow_inside_the_border(scale):
    hr = noise(0, 1, 1, 12 * scale, 15 * scale).float()
    ours = downsample(hr, scale)[0, 0].numpy()
    theirs = pillow(hr[0, 0].numpy(), ours.shape)
    np.testing.assert_allclose(ours[2:-2, 2:-2], theirs[2:-2, 2:-2], rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", SCALES)
def test_up_agrees_with_pillow_inside_the_border(scale):
    lr = noise(1, 1, 1, 12, 15).float()
    ours = upsample(lr, scale)[0, 0].numpy()
    theirs = pillow(lr[0, 0].numpy(), ours.shape)
    inside = np.s_[2 * scale : -2 * scale, 2 * scale : -2 * scale]
    np.testing.assert_allclose(ours[inside], theirs[inside], rtol=0, atol=1e-5)


def test_down_refuses_sides_that_are_no_multiples():
    with pytest.raises(InvalidInputError, match="multiples of 8; got 16 x 17"):
        downsample(torch.zeros(1, 3, 16, 17))


@pytest.mark.parametrize("operator", [downsample, upsample, consistent_upsample])
@pytest.mark.parametrize("scale", [1, *SCALES])
def test_constants_stay_constant(operator, scale):
    image = torch.full((1, 2, 3 * scale, 5 * scale), 0.7, dtype=torch.float64)
    torch.testing.assert_close(operator(image, scale), torch.full_like(operator(image, scale), 0.7), **EXACT)


@pytest.mark.parametrize("operator", [downsample, upsample, consistent_upsample])
def test_scale_one_changes_nothing(operator):
    image = noise(2, 2, 3, 5, 4)
    assert torch.equal(operator(image, 1), image)


# --- U: the right inverse


@given(scales, sides, sides, seeds)
@quick
def test_down_undoes_up(scale, height, width, seed):
    lr = noise(seed, 2, 3, height, width)
    torch.testing.assert_close(downsample(consistent_upsample(lr, scale), scale), lr, **EXACT)


@pytest.mark.parametrize(("height", "width", "scale"), [(1, 1, 8), (3, 2, 2), (2, 3, 3), (4, 1, 4)])
def test_up_is_the_pseudo_inverse(height, width, scale):
    down = as_matrix(lambda x: downsample(x, scale), height * scale, width * scale)
    up = as_matrix(lambda x: consistent_upsample(x, scale), height, width)
    torch.testing.assert_close(up, torch.linalg.pinv(down), **EXACT)


@pytest.mark.parametrize(("height", "width", "scale"), [(1, 1, 8), (3, 2, 2), (2, 3, 3), (4, 1, 4)])
def test_up_down_is_an_orthogonal_projector(height, width, scale):
    """U D is symmetric and idempotent, and its rank is the number of LR pixels."""
    both = as_matrix(lambda x: consistent_upsample(downsample(x, scale), scale), height * scale, width * scale)
    torch.testing.assert_close(both, both.T, **EXACT)
    torch.testing.assert_close(both @ both, both, **EXACT)
    assert float(both.trace()) == pytest.approx(height * width)


@given(scales, sides, sides, seeds)
@quick
def test_up_gives_the_smallest_consistent_image(scale, height, width, seed):
    other = noise(seed, 1, 1, height * scale, width * scale)
    smallest = consistent_upsample(downsample(other, scale), scale)
    assert smallest.norm() <= other.norm() * (1 + 1e-9)
    assert float((smallest * (other - smallest)).sum()) == pytest.approx(
        0, abs=1e-6
    )  # what it leaves out is orthogonal


# --- the projection


@given(scales, sides, sides, seeds)
@quick
def test_a_projected_image_is_consistent(scale, height, width, seed):
    lr, sr = noise(seed, 1, 3, height, width), 4 * noise(seed + 1, 2, 3, height * scale, width * scale) - 2
    projected = project(sr, lr, scale)
    torch.testing.assert_close(downsample(projected, scale), lr.expand(2, -1, -1, -1), **EXACT)
    torch.testing.assert_close(project(projected, lr, scale), projected, **EXACT)


@given(scales, sides, sides, seeds, st.sampled_from([None, (0.0, 1.0)]), st.integers(0, 9))
@quick
def test_projection_never_moves_away_from_a_consistent_image(scale, height, width, seed, bounds, rounds):
    """Nor does clamping, if that image keeps to the bounds: so at any number of rounds."""
    consistent = noise(seed, 1, 1, height * scale, width * scale)
    sr = consistent + 2 * noise(seed + 1, *consistent.shape) - 1
    projected = project(sr, downsample(consistent, scale), scale, bounds, rounds)
    assert (projected - consistent).norm() <= (sr - consistent).norm() * (1 + 1e-9)


@given(scales, sides, sides, seeds)
@quick
def test_bounds_are_kept_exactly(scale, height, width, seed):
    lr, sr = noise(seed, 1, 1, height, width).round(), 6 * noise(seed + 1, 1, 1, height * scale, width * scale) - 3
    projected = project(sr, lr, scale, bounds=(0, 1))
    assert float(projected.min()) >= 0
    assert float(projected.max()) <= 1


def test_the_last_round_goes_exactly_as_far_as_it_has_to():
    """So that nothing is left where clamping does not touch; those before go further."""
    lr, sr = 0.5 + 0.1 * noise(5, 1, 1, 4, 5), 0.5 + 3 * (noise(6, 1, 1, 32, 40) - 0.5)
    clamped = project(sr, lr).clamp(0, 1)
    expected = clamped + consistent_upsample(lr - downsample(clamped))
    torch.testing.assert_close(project(sr, lr, bounds=(0, 1), rounds=1), expected.clamp(0, 1), **EXACT)


def test_rounds_bring_a_bounded_image_closer_to_the_input():
    hr = photograph("coffee")[..., :256, :256]
    lr = downsample(hr).round().clamp(0, 255)
    sr = upsample(lr) + 60 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(0))
    errors = [float((downsample(project(sr, lr, 8, (0, 255), rounds)) - lr).norm()) for rounds in (0, 1, 4, 16)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry"])
@pytest.mark.parametrize("detail", [0.0, 25.0])
def test_natural_images_stay_consistent_through_8_bit_rounding(name, detail):
    """At least 50 dB, with detail of a strength that a vivid sample has; bicubic has under 45 dB."""
    hr = photograph(name)
    lr = downsample(hr).round().clamp(0, 255)
    sr = upsample(lr) + detail * torch.randn(hr.shape, generator=torch.Generator().manual_seed(0))
    assert lr_psnr(rounded(upsample(lr)), rounded(lr)) < 45
    assert lr_psnr(rounded(project(sr, lr, bounds=(0, 255))), rounded(lr)) >= 50


def test_projection_of_a_batch_is_that_of_its_images():
    sr, lr = noise(3, 3, 3, 40, 24), noise(4, 1, 3, 5, 3)
    alone = torch.cat([project(image[None], lr) for image in sr])
    torch.testing.assert_close(project(sr, lr), alone, **EXACT)


# --- how it is computed


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (7, 5), (41, 30)])
@pytest.mark.parametrize("operator", [downsample, upsample, consistent_upsample])
def test_matrices_and_convolutions_agree(operator, size, scale, monkeypatch):
    factor = scale if operator is downsample else 1
    image = noise(5, 2, 3, size[0] * factor, size[1] * factor)
    monkeypatch.setattr(resampling, "DENSE_LIMIT", 10**6)
    dense = operator(image, scale)
    monkeypatch.setattr(resampling, "DENSE_LIMIT", 0)
    torch.testing.assert_close(operator(image, scale), dense, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 140)])
def test_shapes_and_precision_are_kept(size):
    for dtype in (torch.float32, torch.float64):
        lr = torch.rand(2, 3, *size, dtype=dtype)
        for operator in (upsample, consistent_upsample):
            hr = operator(lr)
            assert hr.shape == (2, 3, 8 * size[0], 8 * size[1])
            assert hr.dtype == dtype
            assert downsample(hr).shape == lr.shape
            assert downsample(hr).dtype == dtype


def test_single_precision_is_enough_for_16_bits():
    lr = torch.rand(1, 3, 33, 140, generator=torch.Generator().manual_seed(0))
    sr = project(torch.rand(1, 3, 264, 1120, generator=torch.Generator().manual_seed(1)), lr)
    assert float((downsample(sr) - lr).abs().max()) < 0.5 / 65535


def test_gradients_flow_and_are_right():
    lr, sr = noise(6, 1, 1, 2, 3), noise(7, 1, 1, 4, 6)
    for tensor in (lr, sr):
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: project(a, b, 2), (sr, lr))
    assert torch.autograd.gradcheck(lambda b: upsample(b, 2), (lr,))
    assert torch.autograd.gradcheck(lambda a: downsample(a, 2), (sr,))


def test_a_gradient_survives_the_bounds():
    sr = noise(8, 1, 1, 16, 16).requires_grad_()
    project(sr, noise(9, 1, 1, 2, 2), bounds=(0, 1)).square().sum().backward()
    assert sr.grad is not None
    assert float(sr.grad.norm()) > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_flow_after_inference(dtype):
    for cached in (resampling.inverse_taps, resampling.spread_matrix, resampling.down_matrix):
        cached.cache_clear()
    sr, lr = noise(0, 1, 1, 40, 40).to(dtype), noise(1, 1, 1, 5, 5).to(dtype)
    with torch.inference_mode():
        project(sr, lr)
    sr.requires_grad_()
    try:
        project(sr, lr).sum().backward()
    finally:
        for cached in (resampling.inverse_taps, resampling.spread_matrix, resampling.down_matrix):
            cached.cache_clear()
    assert sr.grad is not None


@pytest.mark.parametrize("seed", range(6))
def test_within_bounds_the_projection_is_exact_wherever_an_exact_answer_is_found(seed):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(1, 1, 64, 64, generator=generator, dtype=torch.float64)
    lr = downsample(truth)  # so that an image within the bounds gives it
    start = truth + 0.4 * torch.randn(1, 1, 64, 64, generator=generator, dtype=torch.float64)
    answer = project(start, lr, bounds=(0, 1), rounds=200)
    assert answer.min() >= 0
    assert answer.max() <= 1
    assert (downsample(answer) - lr).abs().max() < 1e-6
