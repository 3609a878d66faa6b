import pytest
import torch

from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.compact import CompactRefVAE, DetailPosterior
from napari_refvae.model.config import PRESETS, CompactConfig

CONFIGS = {
    "small": CompactConfig(width=8, trunk_blocks=2, decoder_blocks=1, tail_widths=(8, 8, 4), code=5, noise=2),
    "4x": CompactConfig(width=8, trunk_blocks=1, decoder_blocks=2, tail_widths=(8, 4), code=3, noise=1),
    "2x": CompactConfig(width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(4,), code=3, noise=1),
    "16x": CompactConfig(width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(8, 8, 8, 8), code=3, noise=1),
    "compact": PRESETS["compact"],
}


def model_of(config):
    """Random weights, and a last layer that is not zero as it is before training."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model(config).eval().requires_grad_(False)
        model.last.weight.normal_(std=0.1)
    assert isinstance(model, CompactRefVAE)
    return model


@pytest.fixture
def model(small_config):
    return model_of(small_config)


def draw(model, count, size):
    layout = model.layout
    return model.lift(torch.randn(count, layout.code), torch.randn(count, layout.noise, *size), torch.rand(count))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (3, 8)])
@pytest.mark.parametrize("name", ["small", "4x", "2x"])
def test_every_size_gives_exactly_scale_times_it(name, size):
    model = model_of(CONFIGS[name])
    features = model.encode(torch.rand(1, 3, *size))
    assert features.shape[-2:] == size
    detail = model.decode(features, draw(model, 2, size))
    assert detail.shape == (2, 3, model.scale * size[0], model.scale * size[1])


def test_before_training_there_is_no_detail(small_config):
    model = build_model(small_config)
    assert not model.decode(model.encode(torch.rand(1, 3, 4, 4)), draw(model, 1, (4, 4))).any()


def test_a_latent_map_is_noise_then_code_then_vividness(model):
    code, noise = torch.randn(2, 5), torch.randn(2, 2, 3, 4)
    latent = model.lift(code, noise, torch.tensor([0.0, 1.0]))
    assert latent.shape == (2, 8, 3, 4)
    assert torch.equal(latent[:, :2], noise)
    assert torch.equal(latent[:, 2:7], code[:, :, None, None].expand(-1, -1, 3, 4))
    assert torch.equal(latent[:, 7].unique(), torch.tensor([-1.0, 1.0]))


def test_samples_of_a_batch_are_those_made_alone_and_differ(model):
    features = model.encode(torch.rand(1, 3, 4, 5))
    latents = draw(model, 3, (4, 5))
    together = model.decode(features, latents)
    alone = torch.cat([model.decode(features, latent[None]) for latent in latents])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    assert (together[0] - together[1]).abs().max() > 1e-3


@pytest.mark.parametrize("name", CONFIGS)
def test_the_halo_is_the_reach(name, reach):
    model = model_of(CONFIGS[name]).double()
    width = 2 * model.halo + 5
    sides = reach(model, width, width // 2)
    assert sides[:2] == (model.halo, model.halo)
    assert max(sides[2:]) <= model.halo


@pytest.mark.parametrize("axis", [-2, -1])
def test_tiled_equals_untiled(model, tiled, axis):
    size = (40, 3) if axis == -2 else (3, 40)
    lr, latent = torch.rand(1, 3, *size), draw(model, 1, size)
    whole = model.decode(model.encode(lr), latent)
    torch.testing.assert_close(tiled(model, lr, latent, (17, 19), axis), whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (17, 5), (64, 48)])
def test_references_of_every_size_have_a_posterior(model, size):
    found = model.posterior(torch.rand(2, 3, *size))
    assert found.mean.shape == found.log_variance.shape == (2, 5)
    assert torch.isfinite(found.mean).all()
    assert found.log_variance.min() >= -10
    assert found.log_variance.max() <= 4


def test_a_posterior_depends_on_the_reference_and_on_its_colour_alone_if_it_is_one_pixel(model):
    pixel = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None]
    one, wide = model.posterior(pixel), model.posterior(pixel.expand(-1, -1, 16, 16))
    assert torch.equal(one.mean, wide.mean)
    assert not torch.equal(one.mean, model.posterior(1 - pixel).mean)


def test_the_detail_posterior_describes_the_noise_field(model, small_config):
    detail, features = torch.rand(2, 3, 32, 24), model.encode(torch.rand(2, 3, 4, 3))
    found = DetailPosterior(small_config, hidden=8)(detail, features)
    assert found.mean.shape == found.log_variance.shape == (2, small_config.noise, 4, 3)


def test_of_a_large_reference_a_bounded_number_of_pixels_is_read(model, monkeypatch):
    encoder = model.reference
    seen = []
    whole = type(encoder)._moments
    monkeypatch.setattr(type(encoder), "_moments", lambda self, tile: seen.append(tile.shape) or whole(self, tile))
    monkeypatch.setattr(type(encoder), "LARGEST", 64 * 64)
    monkeypatch.setattr(type(encoder), "TILE", 16)
    generator = torch.Generator().manual_seed(0)
    for height, width in ((64, 64), (300, 200), (20, 3000), (1000, 17), (65, 64)):
        seen.clear()
        model.posterior(torch.rand(1, 3, height, width, generator=generator))
        assert 0.3 * 64 * 64 < sum(shape[-1] * shape[-2] for shape in seen) <= 64 * 64
        assert len({tuple(shape) for shape in seen}) == 1


def test_the_code_of_a_large_texture_is_that_of_all_of_it(model, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    texture = torch.rand(1, 3, 200, 260, generator=generator)
    told = model.posterior(texture).mean
    monkeypatch.setattr(type(model.reference), "LARGEST", 128 * 128)
    monkeypatch.setattr(type(model.reference), "TILE", 64)
    other = model.posterior(texture * 0.5).mean
    assert (model.posterior(texture).mean - told).norm() < 0.1 * (other - told).norm()
