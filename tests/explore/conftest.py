"""One image with two references, in a session on the tiny network."""

from __future__ import annotations

import numpy as np
import pytest

from napari_refvae.api import load_model
from napari_refvae.explore import Session

SIZE = (30, 36)


@pytest.fixture(scope="session")
def model(tiny_model):
    return load_model(tiny_model)


@pytest.fixture(scope="session")
def halo(model):
    return model.network.halo


@pytest.fixture(scope="session")
def lr():
    return np.random.default_rng(0).uniform(0.42, 0.58, (*SIZE, 3)).astype(np.float32)


@pytest.fixture(scope="session")
def references():
    rng = np.random.default_rng(1)
    smooth = np.full((40, 50, 3), 200, np.uint8)
    return [rng.integers(0, 256, (40, 40, 3), dtype=np.uint8), smooth]


@pytest.fixture(scope="session")
def session(lr, references, model):
    return Session(lr, references, model=model, device="cpu", precision="float32")


@pytest.fixture(scope="session")
def loose(lr, references, model):
    """Without the projection, so that what the network does alone is seen."""
    return Session(lr, references, model=model, device="cpu", precision="float32", consistency=None)


@pytest.fixture
def labels():
    """1 in the upper left corner, 2 at the right edge."""
    plane = np.zeros(SIZE, int)
    plane[:10, :10] = 1
    plane[:, 30:] = 2
    return plane
