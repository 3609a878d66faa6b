"""What the bundled model promises, on photographs that it was not trained on."""

import numpy as np
import pytest
from safetensors import safe_open
from skimage import data

import napari_refvae
from napari_refvae.evaluation.texture import blurred, sharpness, spearman
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.metrics import low_resolution, modulo_crop, psnr_y
from napari_refvae.model.zoo import find_model
from napari_refvae.spec import ImageReference

MEGABYTE = 10**6


def texture(name):
    return ImageReference(as_reference(getattr(data, name)()[:256, :256]), name)


@pytest.fixture(scope="module", params=["chelsea", "coffee", "astronaut"])
def photograph(request):
    return modulo_crop(getattr(data, request.param)()[60:316, 60:316])


@pytest.fixture(scope="module")
def result(photograph):
    return napari_refvae.upscale(low_resolution(photograph), [texture("grass"), "self", None], samples=1, device="cpu")


def test_the_file_is_small_half_precision_and_says_how_it_was_trained():
    path = find_model("compact")
    assert path.stat().st_size < 25 * MEGABYTE
    with safe_open(path, "pt") as file:
        assert {file.get_tensor(key).dtype.itemsize for key in file.keys()} == {2}  # noqa: SIM118 (not a mapping)
    training = napari_refvae.load_model("compact").info.training
    assert training["steps"] > 0
    assert training["config"]["stages"]


def test_every_sample_gives_the_input_back(result):
    assert min(result.lr_psnr) >= 50


def test_the_faithful_output_beats_bicubic(photograph):
    faithful = napari_refvae.upscale(low_resolution(photograph), samples=1, temperature=0, vividness=0, device="cpu")
    assert psnr_y(faithful.sr[0], photograph) > psnr_y(faithful.bicubic, photograph) + 0.7


def test_samples_are_sharper_than_bicubic(result):
    assert min(sharpness(sample) for sample in result.sr) > 1.3 * sharpness(result.bicubic)


def test_references_alone_and_seeds_alone_change_the_output(photograph):
    lr = low_resolution(photograph)
    runs = [
        napari_refvae.upscale(lr, texture(name), samples=1, seed=seed, device="cpu").sr[0].astype(int)
        for name, seed in (("grass", 0), ("brick", 0), ("grass", 1), ("grass", 0))
    ]
    assert np.abs(runs[0] - runs[1]).mean() > 0.5
    assert np.abs(runs[0] - runs[2]).mean() > 0.5
    np.testing.assert_array_equal(runs[0], runs[3])


def test_a_blurred_reference_blurs_the_output(photograph):
    sigmas, grass = (0.0, 1.0, 2.0, 4.0), texture("grass")
    softened = [ImageReference(blurred(grass.image, sigma), f"{sigma}") for sigma in sigmas]
    made = napari_refvae.upscale(low_resolution(photograph), softened, samples=1, temperature=0, device="cpu")
    assert spearman(sigmas, [sharpness(sample) for sample in made.sr]) < -0.7
