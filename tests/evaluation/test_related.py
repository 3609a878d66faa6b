import numpy as np
import pytest
from PIL import Image
from skimage import data

from napari_refvae.evaluation import related as room
from napari_refvae.evaluation.distance import FeatureDistance
from napari_refvae.evaluation.related import RelatedScores, compare_related, halves, to_markdown


@pytest.fixture
def folders(tmp_path):
    for folder, name, image in (("originals", "cat", data.chelsea()), ("references", "cup", data.coffee())):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.ascontiguousarray(image[80:130, 100:220])).save(tmp_path / folder / f"{name}.png")
    return tmp_path / "originals", tmp_path / "references"


def test_every_kind_of_reference_is_scored_with_one_seed(folders, vgg, tiny_model, monkeypatch):
    asked = []

    def record(lr, reference, **settings):
        asked.append((lr.shape, reference.name, settings["seed"]))
        return upscale(lr, reference, **settings)

    upscale = room.upscale
    monkeypatch.setattr(room, "upscale", record)
    scores = compare_related(*folders, FeatureDistance(vgg), model=tiny_model, seed=5, device="cpu")
    assert [score.kind for score in scores] == ["related", "unrelated", "none"]
    assert asked == [((6, 7, 3), name, 5) for name in ("other half", "cup", "none")]
    assert all(score.distance > 0 and 5 < score.psnr_y < 50 for score in scores)
    assert len({score.distance for score in scores}) == 3


@pytest.mark.parametrize("shape", [(50, 120, 3), (120, 50, 3), (51, 51, 3)])
def test_halves_are_cut_across_the_longer_side(shape):
    image = np.arange(np.prod(shape)).reshape(shape)
    first, second = halves(image)
    axis = 0 if shape[0] > shape[1] else 1
    np.testing.assert_array_equal(np.concatenate([first, second], axis=axis), image)
    assert abs(first.shape[axis] - second.shape[axis]) <= 1


def test_the_report_counts_where_related_did_better():
    figures = {"a": (25, 24, 24, 0.5, 0.7, 0.8), "b": (20, 21, 19, 0.9, 0.8, 1.0)}
    scores = [
        RelatedScores(image, kind, row[i], row[i + 3])
        for image, row in figures.items()
        for i, kind in enumerate(("related", "unrelated", "none"))
    ]
    text = to_markdown(scores)
    assert "| the photograph's other half | 22.50 | 0.7000 |" in text
    assert (
        "Related against unrelated: nearer in VGG distance on 1 of 2 images (difference -0.0500 ± 0.1500), "
        "better in Y-PSNR on 1 (+0.00 ± 1.00 dB)." in text
    )
    assert "Related against none: nearer in VGG distance on 2 of 2" in text
