import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_refvae.model.gaussian import DiagonalGaussian
from napari_refvae.resampling import downsample
from napari_refvae.training import losses


def images(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_pixel_is_the_mean_absolute_difference_an_example():
    sr, hr = images(2, 3, 8, 8), images(2, 3, 8, 8, seed=1)
    torch.testing.assert_close(losses.pixel(sr, hr)[1], (sr[1] - hr[1]).abs().mean())


@settings(deadline=None, max_examples=20)
@given(count=st.integers(2, 6), std=st.floats(0.1, 3))
def test_spread_estimates_the_standard_deviation_of_gaussian_samples(count, std):
    samples = std * torch.randn(count, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    # E|x - mean of P| = std sqrt(2/pi) sqrt((P-1)/P), so the estimate is std: unbiased
    assert float(losses.spread(samples)) == pytest.approx(std, rel=0.03)


def test_spread_of_equal_samples_is_zero():
    assert float(losses.spread(images(1, 2, 3, 8, 8).repeat(3, 1, 1, 1, 1)).sum()) < 1e-6


def test_code_kl_ignores_absent_references_and_free_bits():
    posterior = DiagonalGaussian(torch.tensor([[1.0, 0.1], [100.0, 100.0]]), torch.zeros(2, 2))
    present = torch.tensor([True, False])
    value = losses.code_kl(posterior, present, free_bits=0.02)
    assert float(value) == pytest.approx((0.5 - 0.02) / 2)


def test_kl_against_torch():
    posterior = DiagonalGaussian(images(2, 5), images(2, 5, seed=1) - 0.5)
    told = torch.distributions.kl_divergence(
        torch.distributions.Normal(posterior.mean, posterior.std), torch.distributions.Normal(0.0, 1.0)
    )
    torch.testing.assert_close(posterior.kl(), told)
    torch.testing.assert_close(losses.field_kl(posterior), told.mean())


def test_perceptual_is_zero_at_the_target_and_at_most_four_a_layer():
    hr = [images(2, 4, 6, 6), images(2, 8, 3, 3, seed=1)]
    same = [feature.repeat(3, 1, 1, 1) for feature in hr]
    assert losses.perceptual(same, hr).abs().max() < 1e-6
    opposite = [-feature for feature in same]
    torch.testing.assert_close(losses.perceptual(opposite, hr), torch.full((2,), 8.0), rtol=1e-4, atol=1e-4)


def test_local_best_takes_the_nearer_sample_at_each_place():
    hr = [images(1, 4, 4, 4)]
    left, right = hr[0].clone(), hr[0].clone()
    left[..., 2:] = -1
    right[..., :2] = -1
    assert float(losses.local_best([torch.cat([left, right])], hr)) < 1e-6
    assert float(losses.perceptual([torch.cat([left, right])], hr)) > 0.5
    assert float(losses.local_best([left], hr)) == pytest.approx(float(losses.perceptual([left], hr)))


def test_style_sees_statistics_and_not_places():
    reference = [images(1, 4, 8, 8)]
    shuffled = [reference[0].flatten(2)[..., torch.randperm(64)].unflatten(2, (8, 8))]
    assert float(losses.style(shuffled, reference)) < 1e-4
    assert float(losses.style([2 * reference[0]], reference)) > 0.5


def test_style_is_measured_against_the_lender():
    reference = [torch.stack([images(4, 8, 8), 3 * images(4, 8, 8, seed=1)])]
    swapped = torch.tensor([[1, 0]])
    crossed = [reference[0].flip(0)]  # each sample looks like the other example's reference
    assert losses.style(crossed, reference, swapped).max() < 1e-4
    assert losses.style(crossed, reference).min() > 0.5


def test_style_direction_is_zero_where_samples_differ_as_their_references_do():
    reference = [torch.stack([images(4, 8, 8), 3 * images(4, 8, 8, seed=1)])]
    which = torch.tensor([[0, 1], [1, 0]])
    content = images(2, 4, 8, 8, seed=2)  # of each input, common to its samples
    along = reference[0].mean(dim=(2, 3), keepdim=True)

    def measured(amount):
        samples = torch.cat([content + amount * along[rows] for rows in which])
        return losses.style_direction([samples], reference, which)

    # a shift of the mean follows the references' means, not their deviations: right, but not all of the way
    towards, away = measured(0.3), measured(-0.3)
    assert towards.max() < 0.7 < 1.3 < away.min()
    torch.testing.assert_close(towards + away, torch.full((2,), 2.0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(measured(0.0), torch.ones(2))
    exactly = torch.cat([reference[0][rows] for rows in which])
    assert losses.style_direction([exactly], reference, which).abs().max() < 1e-4


def test_style_direction_has_bounded_gradients_where_samples_hardly_differ():
    reference = [torch.stack([images(4, 8, 8), 3 * images(4, 8, 8, seed=1)])]
    which = torch.tensor([[0, 1], [1, 0]])
    content = images(2, 4, 8, 8, seed=2).repeat(2, 1, 1, 1)
    steps = []
    for faint in (1e-3, 1e-6):
        samples = (content + faint * images(4, 4, 8, 8, seed=3)).requires_grad_()
        losses.style_direction([samples], reference, which).sum().backward()
        steps.append(float(samples.grad.norm()))
    assert steps[1] < 2 * steps[0]


def test_total_variation_against_the_formula():
    image = images(1, 1, 3, 3)
    x = image[0, 0]
    told = torch.stack([(x[i + 1, j] - x[i, j]) ** 2 + (x[i, j + 1] - x[i, j]) ** 2 for i in (0, 1) for j in (0, 1)])
    torch.testing.assert_close(losses.total_variation(image)[0], told.mean())
    torch.testing.assert_close(losses.total_variation(image, beta=0.5)[0], told.sqrt().mean())


def test_hinge_is_zero_beyond_the_margin():
    assert losses.hinge_discriminator(torch.full((2, 1, 3, 3), 1.5), torch.full((2, 1, 3, 3), -1.5)) == 0
    assert losses.hinge_discriminator(torch.zeros(1), torch.zeros(1)) == 2
    assert losses.hinge_generator(torch.full((2, 1, 3, 3), 0.5)).tolist() == [-0.5, -0.5]


def test_spread_constant_is_rcgans():
    samples = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1, 1)
    assert float(losses.spread(samples)) == pytest.approx(math.sqrt(math.pi / 4) * 1.0)


def test_content_features_look_at_the_deepest_layer():
    hr = [images(2, 4, 8, 8), images(2, 6, 4, 4, seed=1)]
    sr = [torch.zeros(4, 4, 8, 8), hr[1].repeat(2, 1, 1, 1)]
    assert losses.content_features(sr, hr).tolist() == [0, 0]
    sr[1] = sr[1] + torch.tensor([1.0, 0.0, 3.0, 0.0])[:, None, None, None]
    torch.testing.assert_close(losses.content_features(sr, hr), torch.tensor([2.0, 0.0]))


def test_low_resolution_sees_what_down_sampling_keeps():
    hr = images(2, 3, 32, 32)
    lr = downsample(hr)
    assert losses.low_resolution(hr[None], lr, 8).max() < 1e-6
    assert losses.low_resolution(torch.stack([hr, hr + 0.25]), lr, 8)[1].tolist() == pytest.approx(
        [0.25, 0.25], rel=1e-4
    )


def test_channel_weights_scale_each_channel_of_the_distance():
    sr, hr = [images(1, 4, 6, 6)], [images(1, 4, 6, 6, seed=1)]
    ones, twos = [torch.ones(4)], [2 * torch.ones(4)]
    torch.testing.assert_close(losses.perceptual(sr, hr, ones), losses.perceptual(sr, hr))
    torch.testing.assert_close(losses.local_best(sr, hr, twos), 2 * losses.local_best(sr, hr))
    parts = [losses.perceptual(sr, hr, [row]) for row in torch.eye(4)]
    torch.testing.assert_close(torch.stack(parts).sum(dim=0), losses.perceptual(sr, hr))


def test_minimax_is_the_cross_entropy_and_equation_5():
    real, fake = images(2, 1, 3, 3) * 4 - 2, images(2, 1, 3, 3, seed=1) * 4 - 2
    told = -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean()
    torch.testing.assert_close(losses.minimax_discriminator(real, fake), told)
    torch.testing.assert_close(losses.minimax_generator(fake), (1 - fake.sigmoid()).log().mean(dim=(1, 2, 3)))


def test_grid_sees_a_weave_and_not_noise():
    noise = 0.1 * torch.randn(2, 3, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    rows = torch.arange(96)[:, None]
    weave = 0.05 * torch.cos(2 * torch.pi * rows / 8) + 0.05 * torch.cos(4 * torch.pi * rows / 8)
    other = 0.05 * torch.cos(2 * torch.pi * rows / 7) + 0.05 * torch.cos(4 * torch.pi * rows / 7)
    assert losses.grid(noise, 8).shape == (3,)
    assert losses.grid(noise, 8).max() < 0.03
    assert losses.grid(noise + weave, 8).min() > 2 * losses.grid(noise, 8).max()
    assert losses.grid(noise + weave, 8).min() > losses.grid(noise + other, 8).max()


def test_grid_does_not_depend_on_contrast():
    detail = torch.randn(2, 2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(losses.grid(detail, 8), losses.grid(0.5 * detail, 8), rtol=1e-3, atol=1e-5)


def noise(*shape, seed=0):
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_spectrum_is_blind_to_places():
    hr = noise(1, 3, 128, 128)
    moved = torch.stack([hr.roll((5, 9), dims=(2, 3)), noise(1, 3, 128, 128, seed=1)])
    assert float(losses.spectrum(moved, hr, 8)) < 0.25  # of a band's 64 random powers
    assert float(losses.spectrum(hr[None], hr, 8)) == 0


@pytest.mark.parametrize("share", [0.25, 4.0])
def test_spectrum_counts_powers_in_nepers(share):
    hr = noise(2, 3, 128, 128)
    told = losses.spectrum((math.sqrt(share) * hr)[None], hr, 8)
    assert told.tolist() == pytest.approx([abs(math.log(share))] * 2, rel=0.02)


def test_spectrum_sees_hatching():
    hr = noise(1, 3, 128, 128)
    lines = 0.1 * torch.cos(0.8 * math.pi * torch.arange(128))
    hatched = hr + lines[:, None] + lines
    assert float(losses.spectrum(hatched[None], hr, 8)) > 2 * float(losses.spectrum(hr[None] + 0.2, hr, 8)) + 0.01


def test_spectrum_leaves_alone_what_the_input_shows():
    hr = noise(1, 3, 128, 128)
    coarse = 0.3 * torch.cos(2 * math.pi * 2 * torch.arange(128) / 128)[:, None].expand(128, 128)
    assert float(losses.spectrum((hr + coarse)[None], hr, 8)) < 0.02
