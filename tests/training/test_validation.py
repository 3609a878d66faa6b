import numpy as np
import pytest
import torch
from skimage import data

from napari_refvae.metrics import low_resolution, psnr_y
from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.features import FeatureNetwork
from napari_refvae.training.rehearsal import Rehearsal, middle
from napari_refvae.training.validation import SHOWN_SIDE, Validator, sheet

ORIGINALS = [np.ascontiguousarray(data.astronaut()[:130, :100]), np.ascontiguousarray(data.coffee()[100:260, 200:330])]


@pytest.fixture(scope="module")
def model(tiny_model):
    from napari_refvae.model.checkpoint import load_checkpoint

    return load_checkpoint(tiny_model)[0]


def test_scores_are_named_and_the_first_picks_the_best(model, feature_weights):
    scores = Validator(ORIGINALS, features=FeatureNetwork.load(feature_weights))(model)
    assert list(scores) == [
        "score", "faithful_psnr_y", "sample_psnr_y", "lr_psnr", "feature_distance", "diversity",
    ]  # fmt: skip
    assert scores["score"] == pytest.approx(scores["faithful_psnr_y"] - 10 * scores["feature_distance"])
    assert scores["lr_psnr"] > 40
    assert 0 < scores["diversity"] < 100


def test_without_features_the_faithful_answer_decides(model):
    scores = Validator(ORIGINALS)(model)
    assert scores["score"] == scores["faithful_psnr_y"]
    assert "feature_distance" not in scores
    told = np.mean([psnr_y(Rehearsal(model, hr).faithful(), Rehearsal(model, hr).original) for hr in ORIGINALS])
    assert scores["faithful_psnr_y"] == pytest.approx(told)


def test_a_network_that_adds_nothing_is_as_far_as_interpolation(tiny_preset, feature_weights):
    """But for the projection, which bicubic interpolation does not have."""
    scores = Validator(ORIGINALS, features=FeatureNetwork.load(feature_weights))(build_model(tiny_preset).eval())
    assert scores["feature_distance"] == pytest.approx(1, abs=0.2)
    assert scores["diversity"] == 0
    assert scores["sample_psnr_y"] == pytest.approx(scores["faithful_psnr_y"], abs=1e-9)


@torch.inference_mode()
def test_references_and_seeds_make_samples(model):
    rehearsal = Rehearsal(model, ORIGINALS[0])
    assert (rehearsal.small == low_resolution(rehearsal.original)).all()
    plain, told = rehearsal.samples(2, []), rehearsal.samples(2, [data.coffee()])
    assert (plain[0] != plain[1]).any()
    assert (plain[0] != told[0]).any()
    assert (rehearsal.samples(2, [])[1] == plain[1]).all()


def test_a_sheet_has_a_row_an_original_and_ends_with_it(model):
    picture = sheet(model, ORIGINALS, [data.coffee()])
    side = SHOWN_SIDE + 4
    assert picture.shape == (2 * side, 6 * side, 3)
    last = picture[:side, 5 * side :]
    height, width = 128, 96
    y, x = (side - height) // 2, (side - width) // 2
    assert (last[y : y + height, x : x + width] == ORIGINALS[0][:height, :width]).all()
    assert (picture == sheet(model, ORIGINALS, [data.coffee()])).all()


def test_the_middle_of_an_image():
    image = data.astronaut()
    assert middle(image, 100).shape == (100, 100, 3)
    assert (middle(image, 100) == image[206:306, 206:306]).all()
    assert np.array_equal(middle(image, 600), image)
    assert np.array_equal(middle(image[:100], 200), image[:100, 156:356])


def test_where_all_is_flat_the_pixels_decide(model, feature_weights):
    """There is no bicubic interpolation's distance to be compared with, and no end to the PSNR."""
    flat = Validator([np.zeros((64, 64, 3), np.uint8)], features=FeatureNetwork.load(feature_weights))
    scores = flat(build_model(model.config).eval())
    assert scores["score"] == scores["faithful_psnr_y"] == scores["sample_psnr_y"] == 100
    assert "feature_distance" not in scores


def test_the_feature_distance_is_the_share_of_all_originals_together(model, feature_weights):
    features = FeatureNetwork.load(feature_weights)
    alone, together = (
        Validator([ORIGINALS[0], *more], features=features)(model)["feature_distance"]
        for more in ([], [np.zeros((64, 64, 3), np.uint8)])
    )
    assert together >= alone  # what is wrong in the flat one counts
    assert np.isfinite(together)
