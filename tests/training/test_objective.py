from dataclasses import replace

import pytest
import torch
from skimage import data

from napari_refvae.errors import InvalidSpecError
from napari_refvae.model import paper
from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import PRESETS
from napari_refvae.resampling import downsample
from napari_refvae.training.config import DataConfig, LossWeights, StageConfig, TrainingConfig
from napari_refvae.training.data import ExampleSource
from napari_refvae.training.drawing import draw_latents, draw_window
from napari_refvae.training.objective import TrainingNetwork, generator_loss, silence_latents
from napari_refvae.training.perception import Views

DATA = DataConfig(patch=8, faithful=2, vivid=3, reference_size=32)


def one_step(network, settings, weights=None):
    batch = ExampleSource([data.astronaut()], [], settings.data, 8, seed=0).batch(0)
    count = settings.samples + network.extra
    drawn = draw_latents(settings, network.model.layout, batch, count, step=0, rank=0)
    outputs = network(batch, drawn)
    loss, terms = generator_loss(outputs, batch, weights or LossWeights(), settings, 5000, Views())
    return batch, outputs, loss, terms


def config(preset="compact", **settings):
    weights = LossWeights(spread=0.1 if settings.get("samples", 2) > 1 else 0.0)
    return TrainingConfig(preset, (StageConfig("one", 1.0, 1e-3, 1e-3, weights),), **{"data": DATA, **settings})


def lively(model):
    """With random weights at the end, which zeros would hide."""
    with torch.no_grad():
        model.last.weight.normal_(0, 0.05, generator=torch.Generator().manual_seed(0))
    return model


def test_a_batch_becomes_samples_and_terms(tiny_preset):
    network = TrainingNetwork(lively(build_model(tiny_preset)))
    batch, outputs, loss, terms = one_step(network, config())
    assert outputs.posterior.shape == (1, 3, 3, 64, 64)
    assert outputs.prior.shape == (2, 3, 3, 64, 64)
    assert outputs.faithful.shape == (2, 3, 64, 64)
    assert (downsample(outputs.prior[1]) - batch.vivid.lr).abs().max() < 1e-4
    names = {"faithful_pixel", "posterior_pixel", "prior_pixel", "spread", "kl_noise", "kl_code"}
    assert set(terms) == names
    weights = LossWeights()
    torch.testing.assert_close(loss.detach(), sum(getattr(weights, name) * terms[name] for name in names))


def test_without_terms_of_the_posterior_it_is_not_drawn(tiny_preset):
    network = TrainingNetwork(lively(build_model(tiny_preset)), posterior=False)
    _, outputs, loss, terms = one_step(network, config(), replace(LossWeights(), posterior_pixel=0.0, kl_noise=0.0))
    assert outputs.posterior.shape[0] == network.extra == 0
    assert outputs.noise is None
    assert set(terms) == {"faithful_pixel", "prior_pixel", "spread", "kl_code"}
    loss.backward()
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert trained == {name for name, _ in network.named_parameters() if name.startswith("model.")}


def test_crossed_samples_are_drawn_with_the_others_references(tiny_preset):
    """Where noise is silent, what an example lends is all that tells samples apart."""
    settings = config(crossed=True, samples=3, data=replace(DATA, dropped=0.0, fully_vivid=1.0))
    network = TrainingNetwork.told(settings, lively(build_model(tiny_preset)))
    batch = ExampleSource([data.astronaut()], [], settings.data, 8, seed=0).batch(0)
    drawn = draw_latents(settings, network.model.layout, batch, 4, step=0, rank=0)
    drawn = drawn._replace(code=torch.zeros_like(drawn.code), noise=torch.zeros_like(drawn.noise))
    outputs = network(batch, drawn)
    assert outputs.which.tolist() == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    one = batch._replace(reference=torch.cat([batch.reference[:2], batch.reference[[3, 3, 3]]]))
    lent = network(one, drawn).prior  # all with the second vivid example's reference
    for sample, row in ((0, 1), (1, 0), (2, 2)):
        torch.testing.assert_close(outputs.prior[sample, row], lent[0, row])
    assert (outputs.prior[0, 0] - lent[0, 0]).abs().max() > 1e-4


def test_every_other_crossed_example_has_one_noise_field_for_all_its_samples(tiny_preset):
    settings = config(crossed=True, data=replace(DATA, dropped=0.0, fully_vivid=1.0))
    network = TrainingNetwork.told(settings, lively(build_model(tiny_preset)))
    batch = ExampleSource([data.astronaut()], [], settings.data, 8, seed=0).batch(0)
    batch = batch._replace(reference=batch.reference[[0, 0, 0, 0, 0]])  # nothing but noise can tell samples apart
    drawn = draw_latents(settings, network.model.layout, batch, 3, step=0, rank=0)
    first, second = network(batch, drawn._replace(code=torch.zeros_like(drawn.code))).prior
    apart = (first - second).abs().amax(dim=(1, 2, 3))
    assert apart[1] < 1e-5 < 1e-3 < apart[[0, 2]].min()


def test_a_direction_needs_references_that_differ():
    stage = StageConfig("one", 1.0, 1e-3, 1e-3, LossWeights(style_direction=0.1))
    for settings in ({}, {"crossed": True, "samples": 1}, {"crossed": True, "data": replace(DATA, vivid=1)}):
        with pytest.raises(InvalidSpecError, match="set crossed = true"):
            TrainingConfig("compact", (stage,), **settings)
    assert TrainingConfig("compact", (stage,), crossed=True).stages[0].weights.of_features


def test_a_posterior_is_needed_for_its_terms_alone():
    for weights, needed in (({}, True), ({"kl_noise": 0.0}, True), ({"kl_noise": 0.0, "posterior_pixel": 0.0}, False)):
        stage = StageConfig("one", 1.0, 1e-3, 1e-3, LossWeights(**weights))
        assert TrainingConfig("compact", (stage,)).needs_posterior == needed
        assert not TrainingConfig("compact", (stage,), latents=False).needs_posterior


def test_unprojected_samples_have_a_low_resolution_error(tiny_preset):
    weights = replace(LossWeights(), low_resolution=1.0)
    for projected in (True, False):
        network = TrainingNetwork(lively(build_model(tiny_preset)), projected=projected)
        error = float(one_step(network, config(projected=projected), weights)[3]["low_resolution"])
        assert (error < 1e-4) == projected


def test_without_latents_nothing_random_and_no_reference_reaches_the_network(tiny_preset):
    model = lively(build_model(tiny_preset))
    silence_latents(model)
    settings = config(latents=False)
    network = TrainingNetwork(model, latents=False)
    _, outputs, loss, terms = one_step(network, settings)
    assert torch.equal(outputs.prior[0], outputs.prior[1])
    assert not terms.keys() & {"kl_noise", "kl_code", "posterior_pixel"}
    loss.backward()
    torch.optim.AdamW(network.parameters(), 1e-2).step()
    features, layout = model.encode(torch.rand(1, 3, 8, 8)), model.layout
    draws = [(torch.randn(1, layout.code), torch.randn(1, layout.noise, 8, 8)) for _ in range(2)]
    answers = [model.decode(features, model.lift(*draw, torch.ones(1))) for draw in draws]
    assert torch.equal(*answers)


def test_the_papers_network_goes_through_the_same_doors(monkeypatch):
    monkeypatch.setattr(paper, "REFERENCE_SIZE", 32)
    settings = config("paper", samples=1, projected=False)
    settings = replace(settings, data=replace(DATA, faithful=0, vivid=2, fully_vivid=1.0, dropped=0.0))
    network = TrainingNetwork(build_model(PRESETS["paper"]), projected=False).train()
    weights = LossWeights(spread=0.0, low_resolution=1.0, total_variation=1.0, kl_code=1.0)
    _, outputs, loss, terms = one_step(network, settings, weights)
    assert outputs.posterior.shape[0] == 0
    assert outputs.noise is None
    assert set(terms) == {"prior_pixel", "low_resolution", "total_variation", "kl_code"}
    loss.backward()
    model = network.model
    assert model.vgg.conv1_1.weight.grad is None
    parts = (model.feature_encoder.linear, model.feature_decoder.linear, model.modulation.conv_in)
    for part in (*parts, model.image_decoder.last):
        assert part.weight.grad.abs().sum() > 0
    with pytest.raises(InvalidSpecError, match="latents = true"):
        silence_latents(model)


def test_windows_lie_inside_and_move():
    settings = replace(config(), data=replace(DATA, feature_crop=24))
    windows = [draw_window(settings, 64, step, 0) for step in range(20)]
    assert all(0 <= w.y <= 40 and 0 <= w.x <= 40 and w.height == w.width == 24 for w in windows)
    assert len({(w.y, w.x) for w in windows}) > 10
    assert draw_window(settings, 16, 0, 0).height == 16
