"""The baseline is the paper's network: the same function as the package's, written twice."""

import numpy as np
import pytest
import torch

from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import PaperConfig
from napari_refvae.resampling import upsample


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_model(PaperConfig()).eval()


@torch.inference_mode()
def test_naive_samples_are_those_of_the_paper_network(network):
    from naive import NaiveRefVAE

    lr, reference = torch.rand(1, 3, 5, 7), torch.rand(1, 3, 40, 32)
    baseline = NaiveRefVAE(network.state_dict())
    noise = baseline.noise(seed=3)
    theirs = baseline.sample(lr, reference, noise)
    code = network.posterior(reference).sample(noise, 1.0)
    latent = network.lift(code, torch.zeros(1, 0, 5, 7), torch.ones(1))
    ours = upsample(lr) + network.decode(network.encode(lr), latent)
    assert theirs.shape == (1, 3, 40, 56)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    assert (theirs - upsample(lr)).abs().max() > 1e-3  # there is a detail that could differ


def test_each_naive_sample_passes_every_stage(network):
    from naive import STAGES, NaiveRefVAE

    baseline = NaiveRefVAE(network.state_dict())
    made = baseline.samples(np.zeros((2, 3, 3), np.uint8), np.zeros((16, 16, 3), np.uint8), range(2))
    assert made.shape == (2, 16, 24, 3)
    assert made.dtype == np.uint8
    assert {stage: len(laps) for stage, laps in baseline.laps.items()} == dict.fromkeys(STAGES, 2)
