import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from napari_refvae.engine import placed
from napari_refvae.engine.placed import PlacedModel
from napari_refvae.imageio.pixels import normalize
from napari_refvae.spec import ImageReference, SelfReference


@pytest.fixture
def model(network):
    return PlacedModel(network, device="cpu", precision="float32")


@pytest.fixture
def image():
    return normalize(np.zeros((4, 5, 3), np.uint8))


@pytest.fixture
def read(model, monkeypatch):
    """Counts the references that pass the network."""
    calls = []
    original = model.model.posterior
    monkeypatch.setattr(model.model, "posterior", lambda x: calls.append(x) or original(x))
    return calls


def texture(seed):
    return ImageReference(np.random.default_rng(seed).random((16, 16, 3), dtype=np.float32))


def test_a_reference_is_read_once_and_an_equal_one_anew(model, image, read):
    first, equal = texture(0), texture(0)
    found = [model.posterior(one, image) for one in (first, first, equal)]
    assert len(read) == 2
    assert found[0] is found[1]
    assert all((a == b).all() for a, b in zip(found[0], found[2], strict=True))


def test_the_input_itself_is_read_each_time(model, image, read):
    model.posterior(SelfReference(), image)
    model.posterior(SelfReference(), normalize(np.ones((4, 5, 3), np.uint8)))
    assert len(read) == 2


def test_few_references_are_kept(model, image, read):
    several = [texture(seed) for seed in range(placed.REMEMBERED + 1)]
    for one in [*several, several[-1], several[0]]:
        model.posterior(one, image)
    assert len(read) == len(several) + 1


def test_no_large_references_are_kept(model, image, read, monkeypatch):
    monkeypatch.setattr(placed, "REMEMBERED_BYTES", 100)
    one = texture(0)
    model.posterior(one, image)
    model.posterior(one, image)
    assert len(read) == 2


def test_threads_share_what_is_remembered(model, image, monkeypatch):
    monkeypatch.setattr(placed, "REMEMBERED", 2)
    monkeypatch.setattr(model, "_read", lambda pixels: pixels.mean())
    several = [texture(seed) for seed in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda one: model.posterior(one, image), several * 500))
    finally:
        sys.setswitchinterval(before)
    assert found == [one.image.mean() for one in several] * 500
