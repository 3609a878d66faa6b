import copy

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr
from skimage import data

from napari_refvae.api import LoadedModel, load_model, upscale
from napari_refvae.evaluation import listen as listening
from napari_refvae.evaluation.distance import FeatureDistance
from napari_refvae.evaluation.listen import _channels, listen, listen_to_folders, to_markdown
from napari_refvae.evaluation.texture import blurred, spearman
from napari_refvae.metrics import low_resolution
from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import CompactConfig, PaperConfig
from napari_refvae.spec import ImageReference

SMALL = CompactConfig(
    width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(8, 8, 8), code=4, noise=2, reference_widths=(4, 8)
)


@pytest.fixture(scope="module")
def distance(vgg):
    return FeatureDistance(vgg)


@pytest.fixture(scope="module")
def inputs():
    return [low_resolution(np.ascontiguousarray(data.chelsea()[80:176, 100:196]))]


@pytest.fixture(scope="module")
def references():
    images = (data.grass(), data.brick(), data.gravel())
    pixels = (np.repeat(image[:64, :64, None], 3, axis=2).astype(np.float32) / 255 for image in images)
    return [ImageReference(image, name) for image, name in zip(pixels, ("grass", "brick", "gravel"), strict=True)]


def model_with(tiny_model, change):
    torch.manual_seed(0)
    network = build_model(SMALL).eval()
    change(network)
    return LoadedModel(network, load_model(tiny_model).info, "changed")


def by_name(checks):
    return {check.name: check for check in checks}


def test_a_deaf_model_fails(tiny_model, inputs, references, distance):
    deaf = by_name(listen(inputs, references, distance, model=model_with(tiny_model, lambda network: None)))
    assert not any(
        deaf[name].passed
        for name in (
            "references change the output",
            "seeds change the output",
            "a blurred reference blurs the output",
            "noise channels are active",
        )
    )


def test_a_model_that_hears_noise_alone_is_told_from_one_that_hears_both(tiny_model, inputs, references, distance):
    def hear_noise(network):
        torch.nn.init.normal_(network.last.weight, std=0.2)
        torch.nn.init.normal_(network.blocks[0].modulation.weight, std=1.0)
        network.blocks[0].modulation.weight.data[:, SMALL.noise :] = 0

    checks = by_name(listen(inputs, references, distance, model=model_with(tiny_model, hear_noise)))
    assert checks["seeds change the output"].passed
    assert checks["noise channels are active"].passed
    assert not checks["references change the output"].passed


def test_the_report_names_every_check(tiny_model, inputs, references, distance):
    said = []
    checks = listen(inputs, references, distance, model=str(tiny_model), say=said.append)
    assert len(checks) == len(said) == 6
    assert all(check.name in to_markdown(checks) for check in checks)


@pytest.fixture
def devices(monkeypatch):
    """The devices that are asked for, one entry a call of `upscale`."""
    asked = []

    def record(*arguments, device="none", **settings):
        asked.append(device)
        return upscale(*arguments, device=device, **settings)

    monkeypatch.setattr(listening, "upscale", record)
    return asked


def test_folders_are_read_at_the_models_scale_and_every_sample_is_drawn_on_the_device(
    fourfold_model, references, distance, devices, tmp_path
):
    for folder in ("originals", "references"):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.ascontiguousarray(data.chelsea()[80:130, 100:150])).save(tmp_path / "originals" / "cat.png")
    for reference in references:
        Image.fromarray(np.rint(reference.image * 255).astype(np.uint8)).save(
            tmp_path / "references" / f"{reference.name}.png"
        )
    checks = listen_to_folders(
        tmp_path / "originals", tmp_path / "references", distance, model=fourfold_model, device="cpu"
    )
    assert len(checks) == 6
    assert set(devices) == {"cpu"}


def test_the_channel_check_runs_where_the_network_is(fourfold_model, inputs, monkeypatch):
    """On torch's device without memory."""
    network, seen = copy.deepcopy(fourfold_model.network).to("meta"), set()

    def watch(door):
        def call(*tensors):
            seen.update(tensor.device.type for tensor in tensors)
            return door(*tensors)

        return call

    for name in ("encode", "lift", "decode"):
        monkeypatch.setattr(network, name, watch(getattr(network, name)))
    monkeypatch.setattr(listening, "image_from_tensor", lambda tensor: np.ones(tensor.shape[1:]))
    assert _channels(inputs[0], LoadedModel(network, fourfold_model.info, "meta")).passed
    assert seen == {"meta"}


def test_rank_correlation_is_scipys():
    rng = np.random.default_rng(0)
    for _ in range(5):
        a, b = rng.random(7), rng.random(7)
        assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)


def test_blur_keeps_the_mean_and_takes_the_contrast(references):
    image = references[0].image
    soft = blurred(image, 4.0)
    assert soft.shape == image.shape
    assert soft.mean() == pytest.approx(image.mean(), abs=0.02)
    assert soft.std() < 0.5 * image.std()
    assert blurred(image, 0.0) is image


def test_a_network_without_noise_channels_is_not_praised_for_them(
    tiny_model, inputs, references, distance, monkeypatch
):
    for check in ("_variance", "_blur", "_style"):
        monkeypatch.setattr(listening, check, lambda *_: [])
    with torch.device("meta"):
        silent = LoadedModel(build_model(PaperConfig()), load_model(tiny_model).info, "silent")
    said = []
    assert listen(inputs, references, distance, model=silent, say=said.append) == []
    assert said == ["left out  noise channels are active: the network has none"]
