"""What pictures measure against the ground truth; the VGG distance only where its weights are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pooch
import pytest
import torch
from safetensors.torch import load_file

from napari_refvae.evaluation.distance import FeatureDistance
from napari_refvae.model import vgg as source
from napari_refvae.model.cache import sha256
from napari_refvae.spec import IntensityRange
from napari_refvae.widget.gallery import meter
from napari_refvae.widget.gallery.meter import Measured, Meter, Scoring

if TYPE_CHECKING:
    from pathlib import Path

NOISE = np.random.default_rng(0).integers(0, 256, (2, 40, 48, 3), np.uint8)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a network that nobody may use."""
    monkeypatch.setenv("REFVAE_CACHE", str(tmp_path))

    def refused(*_: Any, **__: Any) -> None:
        pytest.fail("it asked the network")

    monkeypatch.setattr(pooch, "HTTPDownloader", refused)
    return tmp_path


@pytest.fixture
def weights(cache: Path, vgg: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Thin random weights under the name of torchvision's, in the cache."""
    path = cache / source.VGG19_FILE
    torch.save(load_file(vgg), path)
    monkeypatch.setattr(source, "TORCHVISION_SHA256", sha256(path))
    return path


def vgg_of(meter: Meter, image: Any, truth: Any, **options: Any) -> Measured:
    return meter.measure(Scoring(image, truth, None, perceptual=True, **options))


def test_grey_values_are_scored_between_black_and_white() -> None:
    truth = np.random.default_rng(0).integers(0, 100, (40, 40)).astype(np.uint16)
    one, tenth = (
        Meter().measure(Scoring(truth + 10, truth, IntensityRange(0, high))).scores["psnr"] for high in (200, 2000)
    )
    assert tenth > one + 15
    small = Meter().measure(Scoring(truth[:20, :20], truth[:20, :20], None))
    assert small == Measured({"psnr": float("inf")})  # too small for SSIM


def test_the_distance_is_that_of_the_package_without_the_border(weights: Path) -> None:
    made = Meter()
    distance = FeatureDistance(weights)
    for image, truth in (NOISE, NOISE[::-1], NOISE):
        inner = [np.ascontiguousarray(each[8:-8, 8:-8]) for each in (image, truth)]
        expected = distance.measure(inner[0], distance.features(inner[1])).value
        assert vgg_of(made, image, truth) == Measured({"vgg": pytest.approx(expected)})


def test_features_of_a_truth_are_taken_once_and_let_go(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, take = [], FeatureDistance.features

    def seen(self: FeatureDistance, image: Any) -> Any:
        taken.append(image)
        return take(self, image)

    monkeypatch.setattr(FeatureDistance, "features", seen)
    made, truth = Meter(), NOISE[1]
    for _ in range(3):
        vgg_of(made, NOISE[0], truth)
    assert len(taken) == 3 + 1
    made.rest()
    vgg_of(made, NOISE[0], truth)
    assert len(taken) == 3 + 1 + 2


def test_without_weights_there_is_a_reason_and_no_request(cache: Path, vgg: Path, monkeypatch: Any) -> None:
    made = Meter()
    told = vgg_of(made, *NOISE)
    assert told.scores == {}
    for word in (str(cache), "vgg19-dcbb9e9d.pth", "refvae evaluate"):
        assert word in told.reason
    path = cache / source.VGG19_FILE  # put there meanwhile
    torch.save(load_file(vgg), path)
    monkeypatch.setattr(source, "TORCHVISION_SHA256", sha256(path))
    assert "vgg" in vgg_of(made, *NOISE).scores


def test_damaged_weights_are_the_reason_and_read_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / source.VGG19_FILE).write_bytes(b"half of them")
    made = Meter()
    told = vgg_of(made, *NOISE)
    assert told.scores == {}
    assert "expected" in told.reason
    assert "delete it" in told.reason
    monkeypatch.setattr(source, "cached_vgg19", lambda: pytest.fail("hashed again"))
    assert vgg_of(made, *NOISE) == told
    assert "psnr" in made.measure(Scoring(*NOISE, None)).scores


def test_large_pictures_have_a_reason_and_tiny_ones_nothing(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert vgg_of(Meter(), *NOISE[:, :20, :20]) == Measured({})
    monkeypatch.setattr(meter, "LARGEST", 24 * 32 - 1)
    told = vgg_of(Meter(), *NOISE)
    assert told.scores == {}
    assert "one megapixel" in told.reason
