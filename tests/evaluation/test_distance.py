"""What all distances share; that of LPIPS is tested beside."""

from threading import Event, Thread

import pytest
import torch
from skimage import data

from napari_refvae.engine.device import exactly
from napari_refvae.evaluation.distance import FeatureDistance


@pytest.fixture(scope="module")
def distance(vgg):
    return FeatureDistance(vgg)


def test_it_measures_whatever_precision_the_process_asked_for(distance):
    image = data.chelsea()[:32, :32]
    told = distance.measure(image[::-1], distance.features(image)).value
    convolutions = torch.backends.cudnn.conv
    before = convolutions.fp32_precision
    convolutions.fp32_precision = "ieee"
    try:
        assert distance.measure(image[::-1], distance.features(image)).value == told
        assert convolutions.fp32_precision == "ieee"
    finally:
        convolutions.fp32_precision = before


def test_what_another_thread_computes_stays_exact(distance, monkeypatch):
    """A run begins while a distance is measured, and goes on after it."""
    inside, leave, seen = Event(), Event(), []

    def compute():
        with exactly():
            inside.set()
            leave.wait(10)
            seen.append(torch.backends.cudnn.allow_tf32)

    other, network = Thread(target=compute), distance._network

    def measure(pixels):
        other.start()
        inside.wait(10)
        return network(pixels)

    monkeypatch.setattr(distance, "_network", measure)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=True):
        distance.features(data.chelsea()[:32, :32])
        seen.append(torch.backends.cudnn.allow_tf32)
        leave.set()
        other.join()
        seen.append(torch.backends.cudnn.allow_tf32)
    assert seen == [False, False, True]
