from dataclasses import replace

import pytest
import torch

from napari_refvae.errors import InvalidSpecError, MissingWeightsError
from napari_refvae.model import lpips
from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import PRESETS
from napari_refvae.spec import Region
from napari_refvae.training import losses
from napari_refvae.training.config import LossWeights, StageConfig, TrainingConfig
from napari_refvae.training.data import Batch
from napari_refvae.training.perception import OwnFeatures, Perception

CPU = torch.device("cpu")
PLAIN = LossWeights()
MEASURED = replace(PLAIN, perceptual=1.0)


def images(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def perception(weights, path=None, **settings):
    config = TrainingConfig("compact", (StageConfig("one", 1.0, 1e-3, 1e-3, weights),), **settings)
    return Perception(config, build_model(PRESETS["compact"]), path, CPU)


def see(eyes, weights):
    vivid = Batch(images(2, 3, 64, 64), images(2, 3, 8, 8), images(2, 3, 48, 48), torch.ones(2) > 0, torch.ones(2))
    return eyes.see(weights, images(3, 2, 3, 64, 64, seed=1), vivid, Region(8, 16, 40, 40))


def test_nothing_is_loaded_and_nothing_looked_at_without_need():
    eyes = perception(PLAIN)
    assert eyes.features is None
    assert see(eyes, PLAIN) == (None, None, None)


def test_only_what_is_asked_for_is_seen(feature_weights):
    weights = replace(PLAIN, perceptual=1.0, style=1.0, adversarial=1.0)
    eyes = perception(weights, feature_weights)
    views = see(eyes, MEASURED)
    assert views.features is views.perceptual
    assert views.judged is None
    assert not views.features.reference
    assert not views.features.base
    assert [len(layer) for layer in views.features.sr] == [6] * 4
    assert views.features.hr[0].shape[-2:] == (40, 40)
    everything = see(eyes, weights)
    assert len(everything.judged.base) == len(everything.features.reference) == 4
    assert everything.features.reference[0].shape[-2:] == (40, 40)
    style = see(eyes, replace(PLAIN, style=1.0))
    assert style.perceptual is None


def test_a_patchgan_sees_the_window_itself(feature_weights):
    weights = replace(PLAIN, adversarial=1.0)
    eyes = perception(weights, adversary="patchgan")
    assert eyes.features is None
    views = see(eyes, weights)
    assert views.features is None
    torch.testing.assert_close(views.judged.hr[0], images(2, 3, 64, 64)[..., 8:48, 16:56])


def test_the_models_own_encoder_needs_no_file_and_stays_as_it_was(monkeypatch, tmp_path):
    monkeypatch.setenv("REFVAE_CACHE", str(tmp_path))
    eyes = perception(MEASURED, perceptual_network="own")
    views = see(eyes, MEASURED)
    assert [layer.shape[1] for layer in views.perceptual.sr] == [8, 8]
    assert not any(parameter.requires_grad for parameter in eyes.own.parameters())
    with torch.device("meta"), pytest.raises(InvalidSpecError, match="choose 'features'"):
        OwnFeatures(build_model(PRESETS["paper"]))


class TestLpips:
    @pytest.fixture
    def alexnet(self, monkeypatch, tmp_path):
        """AlexNet with random weights in the place of the download."""
        torchvision = pytest.importorskip("torchvision")
        pytest.importorskip("torchmetrics")
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = torchvision.models.alexnet(weights=None)
        path = tmp_path / "alexnet.pth"
        state = {key: value for key, value in network.state_dict().items() if key.startswith("features")}
        torch.save(state, path)
        monkeypatch.setattr(lpips, "fetch", lambda url, sha256, name: path)
        return network

    def test_it_is_the_figure_that_torchmetrics_gives(self, alexnet, monkeypatch):
        from torchmetrics.functional.image import lpips as told_module

        monkeypatch.setattr(told_module, "_get_tv_model_features", lambda name, pretrained: alexnet.features)
        told = told_module._NoTrainLpips(net="alex")
        network = lpips.LpipsNetwork.load(advice="none")
        sr, hr = images(2, 3, 64, 64), images(2, 3, 64, 64, seed=1)
        made = losses.perceptual(network(sr), network(hr), network.channels)
        torch.testing.assert_close(made, told(sr, hr, normalize=True).flatten(), rtol=1e-3, atol=1e-6)

    def test_it_measures_beside_a_feature_network(self, alexnet, feature_weights):
        weights = replace(MEASURED, style=1.0)
        eyes = perception(weights, feature_weights, perceptual_network="lpips")
        views = see(eyes, weights)
        assert len(views.perceptual.channels) == 5
        assert len(views.features.sr) == 4

    def test_without_a_connection_it_says_what_is_missing(self, monkeypatch, tmp_path):
        monkeypatch.setenv("REFVAE_CACHE", str(tmp_path))
        monkeypatch.setattr(lpips, "ALEXNET_URL", "http://127.0.0.1:9/alexnet.pth")
        with pytest.raises(MissingWeightsError, match=r"alexnet\.pth"):
            perception(MEASURED, perceptual_network="lpips")
