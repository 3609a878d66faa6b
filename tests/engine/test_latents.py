import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_refvae.engine.latents import draw_noise, make_latent_map, plan_latent_map, prior
from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import CompactConfig
from napari_refvae.model.doors import LatentLayout
from napari_refvae.spec import SampleSpec

LAYOUT = LatentLayout(code=5, noise=3, vividness=True)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    small = CompactConfig(width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(8, 8, 8), code=5, noise=3)
    return build_model(small).eval()


@given(seed=st.integers(0, 2**80))
def test_noise_depends_on_the_seed_alone(seed):
    first, again = draw_noise(LAYOUT, (4, 6), seed), draw_noise(LAYOUT, (4, 6), seed)
    other = draw_noise(LAYOUT, (4, 6), seed + 1)
    assert torch.equal(first.field, again.field)
    assert torch.equal(first.code, again.code)
    assert not torch.equal(first.field, other.field)


def test_noise_is_standard_normal():
    field = draw_noise(LAYOUT, (200, 200), 0).field
    assert abs(field.mean()) < 0.02
    assert abs(field.std() - 1) < 0.02


def test_drawing_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    draw_noise(LAYOUT, (4, 6), 0)
    assert torch.equal(before, torch.get_rng_state())


def test_temperature_zero_takes_the_mean_whatever_the_seed(model):
    posterior = model.posterior(torch.rand(1, 3, 32, 32))
    spec = SampleSpec(temperature=0)
    maps = [make_latent_map(model, posterior, draw_noise(model.layout, (4, 6), seed), spec) for seed in (0, 1)]
    assert torch.equal(*maps)


def test_strength_zero_is_the_prior(model):
    posterior = model.posterior(torch.rand(1, 3, 32, 32))
    noise, spec = draw_noise(model.layout, (4, 6), 3), SampleSpec(strength=0)
    without = make_latent_map(model, prior(model.layout), noise, SampleSpec())
    torch.testing.assert_close(make_latent_map(model, posterior, noise, spec), without)


def test_strength_moves_the_code_in_proportion(model):
    posterior = model.posterior(torch.rand(1, 3, 32, 32))
    noise = draw_noise(model.layout, (1, 1), 3)
    maps = [make_latent_map(model, posterior, noise, SampleSpec(strength=s)) for s in (0, 0.5, 1)]
    torch.testing.assert_close(maps[1], (maps[0] + maps[2]) / 2)


def test_the_map_lies_on_the_grid_of_the_whole_image(model):
    noise = draw_noise(model.layout, (7, 9), 0)
    latent = make_latent_map(model, prior(model.layout), noise, SampleSpec(vividness=0.25))
    assert latent.shape[0] == 1
    assert latent.shape[2:] == (7, 9)


def test_temperature_scales_the_code_and_the_field_alike(model):
    noise = draw_noise(model.layout, (4, 6), 3)
    vividness = torch.ones(1)
    warm = make_latent_map(model, prior(model.layout), noise, SampleSpec(temperature=0.5))
    torch.testing.assert_close(warm, model.lift(0.5 * noise.code, 0.5 * noise.field, vividness))


@pytest.mark.parametrize(
    ("seed", "code", "field"),
    [
        (0, [0.545865, -0.358755, -0.717865], [0.157920, -0.297832]),
        (3, [-0.364179, 0.003755, 1.014359], [-0.737286, 0.076655]),
    ],
)
def test_a_seed_always_means_the_same_numbers(seed, code, field):
    """Recorded runs replay with them; so they are written down."""
    noise = draw_noise(LatentLayout(code=3, noise=1, vividness=True), (4, 5), seed)
    torch.testing.assert_close(noise.code, torch.tensor([code]), atol=1e-5, rtol=0)
    torch.testing.assert_close(noise.field[0, 0, 0, :2], torch.tensor(field), atol=1e-5, rtol=0)


class Stretching:
    """A network without a noise field: it stretches its code over the whole image, as the paper's does."""

    layout = LatentLayout(code=5, noise=0, vividness=False)

    def lift(self, codes, field, vividness):
        height, width = field.shape[-2:]
        return codes[..., None, None] * torch.linspace(0, 1, height)[:, None] * torch.linspace(1, 2, width)


@pytest.mark.parametrize("kind", ["pixel by pixel", "as a whole"])
def test_a_planned_map_is_the_map_wherever_it_is_read(model, kind):
    made_by = model if kind == "pixel by pixel" else Stretching()
    arguments = (made_by, prior(made_by.layout), draw_noise(made_by.layout, (9, 7), 3), SampleSpec(temperature=0.7))
    whole, planned = make_latent_map(*arguments), plan_latent_map(*arguments)
    for rows, columns in ((slice(0, 9), slice(0, 7)), (slice(2, 5), slice(6, 7))):
        assert torch.equal(planned[..., rows, columns], whole[..., rows, columns])
