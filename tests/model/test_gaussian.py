import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from napari_refvae.model.gaussian import DiagonalGaussian


def make(shape=(3, 4), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return DiagonalGaussian(torch.randn(shape, generator=generator), torch.randn(shape, generator=generator))


def test_kl_is_that_of_the_distributions():
    gaussian = make()
    expected = kl_divergence(Normal(gaussian.mean, gaussian.std), Normal(0.0, 1.0))
    torch.testing.assert_close(gaussian.kl(), expected)


def test_kl_vanishes_at_the_prior_only():
    assert not DiagonalGaussian(torch.zeros(2, 3), torch.zeros(2, 3)).kl().any()
    assert (make().kl() > 0).all()


def test_temperature_scales_the_random_part():
    gaussian, noise = make(), torch.randn(3, 4)
    assert torch.equal(gaussian.sample(noise, temperature=0), gaussian.mean)
    torch.testing.assert_close(gaussian.sample(noise), gaussian.mean + noise * gaussian.std)
    torch.testing.assert_close(gaussian.sample(noise, 0.5), gaussian.mean + 0.5 * noise * gaussian.std)


def test_samples_have_the_mean_and_the_deviation():
    gaussian = make((4,))
    samples = gaussian.sample(torch.randn(100_000, 4, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(samples.mean(dim=0), gaussian.mean, atol=0.03, rtol=0)
    torch.testing.assert_close(samples.std(dim=0), gaussian.std, atol=0.03, rtol=0)


@given(strength=st.floats(0, 1))
def test_strength_goes_from_the_prior_to_the_posterior(strength):
    gaussian = make()
    between = gaussian.toward_prior(strength)
    torch.testing.assert_close(between.mean, strength * gaussian.mean)
    torch.testing.assert_close(between.std, strength * gaussian.std + (1 - strength))


@pytest.mark.parametrize(
    ("strength", "expected"), [(0, DiagonalGaussian(torch.zeros(3, 4), torch.zeros(3, 4))), (1, make())]
)
def test_both_ends_of_strength(strength, expected):
    found = make().toward_prior(strength)
    torch.testing.assert_close(found.mean, expected.mean)
    torch.testing.assert_close(found.log_variance, expected.log_variance)
