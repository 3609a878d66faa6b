import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from napari_refvae.errors import CheckpointError
from napari_refvae.model import vgg
from napari_refvae.model.vgg import VGG19, vgg19_state


@pytest.fixture(scope="module")
def torchvision_features():
    """Torchvision's own layers up to relu4_1, small random weights, with the reflection padding of the paper."""
    with torch.device("meta"):
        whole = torchvision.models.vgg19(weights=None)
    features = whole.features[:21].to_empty(device="cpu").requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            layer.padding_mode = "reflect"
            layer.weight.normal_(std=(2 / (9 * layer.in_channels)) ** 0.5, generator=generator)
            layer.bias.normal_(std=0.1, generator=generator)
    return features


@pytest.fixture
def torchvision_state(torchvision_features):
    state = {f"features.{name}": value for name, value in torchvision_features.state_dict().items()}
    return state | {"features.21.bias": torch.zeros(1), "classifier.6.bias": torch.zeros(1)}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_torchvisions_weights_give_torchvisions_features(tmp_path, torchvision_features, torchvision_state, suffix):
    path = tmp_path / f"vgg19{suffix}"
    torch.save(torchvision_state, path) if suffix == ".pth" else save_file(torchvision_state, path)
    network = VGG19()
    network.load_state_dict(vgg19_state(path))
    image = torch.rand(1, 3, 40, 29)
    mean, std = (torch.tensor(values)[:, None, None] for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    expected = torchvision_features((image - mean) / std)
    found = network(image)
    assert found.shape == (1, 512, 5, 3)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_the_authors_file_is_read(authors, authors_files):
    network = VGG19()
    network.load_state_dict(vgg19_state(authors_files[1]))
    image = torch.rand(1, 3, 24, 17)
    torch.testing.assert_close(network(image), authors.features(image), atol=1e-4, rtol=1e-4)


def test_without_a_file_torchvisions_is_fetched(tmp_path, monkeypatch, torchvision_state):
    asked = []

    def fetch(url, sha256, name):
        asked.append((url, sha256, name))
        torch.save(torchvision_state, tmp_path / name)
        return tmp_path / name

    monkeypatch.setattr(vgg, "fetch", fetch)
    assert vgg19_state().keys() == VGG19().state_dict().keys()
    ((url, sha256, name),) = asked
    assert url.endswith(name)
    assert name == f"vgg19-{sha256[:8]}.pth"  # torchvision's convention
    assert len(sha256) == 64


@pytest.mark.parametrize("size", [(8, 8), (8, 40), (9, 15), (16, 8)])
def test_the_smallest_images_have_features(size):
    features = VGG19()(torch.rand(1, 3, *size))
    assert features.shape == (1, 512, size[0] // 8, size[1] // 8)
    assert torch.isfinite(features).all()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda state: state.pop("features.19.bias"), "missing: features.19.bias; unknown: nothing"),
        (lambda state: state.update(tail=torch.zeros(1)), "missing: nothing; unknown: tail"),
        (
            lambda state: state.update({"features.0.bias": torch.zeros(3)}),
            r"features.0.bias of shape \(64,\); got \(3,\)",
        ),
        (lambda state: state.update({"features.0.bias": torch.full((64,), torch.nan)}), "features.0.bias holds values"),
    ],
)
def test_what_does_not_fit_torchvisions_layout_is_named(tmp_path, torchvision_state, spoil, words):
    spoil(torchvision_state)
    path = tmp_path / "vgg19.safetensors"
    save_file(torchvision_state, path)
    with pytest.raises(CheckpointError, match=words):
        vgg19_state(path)


def test_what_does_not_fit_the_authors_layout_is_named(tmp_path, authors):
    state = dict(authors.vgg)
    state["conv11.weight"] = state.pop("conv10.weight")
    path = tmp_path / "vgg_r41.safetensors"
    save_file(state, path)
    with pytest.raises(CheckpointError, match=r"missing: conv10.weight; unknown: conv11.weight: pass torchvision's"):
        vgg19_state(path)
