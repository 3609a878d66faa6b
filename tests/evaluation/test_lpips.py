import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from skimage import data

from napari_refvae.errors import CheckpointError, InvalidInputError, MissingWeightsError
from napari_refvae.evaluation.lpips import LPIPS
from napari_refvae.model import lpips as room

RECTIFIED = (1, 4, 7, 9, 11)
"""Index in torchvision's ``features`` of the five rectifiers."""


@pytest.fixture(scope="module")
def alexnet():
    """Torchvision's, with random weights that keep the signal alive through all layers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = torchvision.models.alexnet(weights=None).features.eval()
        for module in network:
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
                torch.nn.init.normal_(module.bias, std=0.1)
    return network


@pytest.fixture(scope="module")
def vectors():
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(width, generator=generator) for width in (64, 192, 384, 256, 256)]


@pytest.fixture(scope="module")
def weights(alexnet, vectors, tmp_path_factory):
    state = {f"features.{name}": value for name, value in alexnet.state_dict().items()}
    state |= {f"lin{i}.model.1.weight": vector.view(1, -1, 1, 1).contiguous() for i, vector in enumerate(vectors)}
    path = tmp_path_factory.mktemp("alexnet") / "alexnet.safetensors"
    save_file(state, path)
    return path


@pytest.fixture(scope="module")
def images():
    image = np.ascontiguousarray(data.chelsea()[80:150, 100:190])
    return image, np.asarray(Image.fromarray(image).resize((30, 23)).resize((90, 70)))


def as_published(alexnet, vectors, a, b):
    """Mean and map by the definition, in float64 numpy but for the layers themselves."""

    def features(image):
        rgb = (image / 127.5 - 1 - np.array([-0.030, -0.088, -0.188])) / np.array([0.458, 0.448, 0.450])
        x, taken = torch.tensor(rgb.transpose(2, 0, 1)[None], dtype=torch.float32), []
        with torch.no_grad():
            for index, module in enumerate(alexnet):
                x = module(x)
                if index in RECTIFIED:
                    taken.append(x.numpy().astype(np.float64).copy())
        return [f / (np.sqrt((f**2).sum(axis=1, keepdims=True)) + 1e-10) for f in taken]

    value, error_map = 0.0, np.zeros(a.shape[:2])
    for first, second, vector in zip(features(a), features(b), vectors, strict=True):
        weighted = ((first - second) ** 2 * vector.numpy()[:, None, None]).sum(axis=1)
        value += weighted.mean()
        error_map += torch.nn.functional.interpolate(
            torch.tensor(weighted[None]), size=a.shape[:2], mode="bilinear", align_corners=False
        )[0, 0].numpy()
    return value, error_map


def test_it_is_the_published_definition(alexnet, vectors, weights, images):
    distance = LPIPS(weights)
    told = distance.measure(images[1], distance.features(images[0]))
    value, error_map = as_published(alexnet, vectors, images[1], images[0])
    assert told.value == pytest.approx(value, rel=1e-4)
    assert told.map.shape == (70, 90)
    np.testing.assert_allclose(told.map, error_map, rtol=1e-3, atol=1e-4)


def test_it_is_that_of_torchmetrics(alexnet, weights, images, tmp_path):
    """With its learned vectors, and the same random AlexNet in both."""
    reference = pytest.importorskip("torchmetrics.functional.image.lpips")
    path = tmp_path / "alexnet.safetensors"
    save_file({f"features.{name}": value for name, value in alexnet.state_dict().items()}, path)
    theirs = reference._LPIPS(pretrained=True, net="alex", pnet_rand=True)
    slices = [getattr(theirs.net, f"slice{number}") for number in range(1, 6)]
    own = [module for part in slices for module in part if isinstance(module, torch.nn.Conv2d)]
    for module, source in zip(own, (m for m in alexnet if isinstance(m, torch.nn.Conv2d)), strict=True):
        module.load_state_dict(source.state_dict())
    a, b = (torch.tensor(image / 127.5 - 1, dtype=torch.float32).permute(2, 0, 1)[None] for image in images)
    distance = LPIPS(path)
    told = distance.measure(images[1], distance.features(images[0]))
    with torch.no_grad():
        assert told.value == pytest.approx(float(theirs(a, b)), rel=1e-3)


def test_an_image_is_at_no_distance_from_itself(weights, images):
    distance = LPIPS(weights)
    told = distance.measure(images[0], distance.features(images[0]))
    assert told.value == 0
    assert not told.map.any()


def test_the_map_is_where_the_change_is(weights, images):
    distance = LPIPS(weights)
    changed = images[0].copy()
    changed[:, :20] = 255 - changed[:, :20]
    error_map = distance.measure(changed, distance.features(images[0])).map
    assert error_map[:, :20].mean() > 3 * error_map[:, -20:].mean()


def test_tiny_images_are_refused(weights):
    distance = LPIPS(weights)
    assert len(distance.features(np.zeros((31, 31, 3), np.uint8))) == 5
    with pytest.raises(InvalidInputError, match=r"at least 31 pixels; got \(30, 40\)"):
        distance.features(np.zeros((30, 40, 3), np.uint8))


def test_another_file_is_refused(tmp_path):
    save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"AlexNet in torchvision's layout in other.safetensors; missing: feat"):
        LPIPS(tmp_path / "other.safetensors")


def test_without_the_learned_vectors_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(room, "find_spec", lambda name: None)
    with pytest.raises(MissingWeightsError, match=r"pip install 'napari-refvae\[evaluate\]'"):
        LPIPS()
