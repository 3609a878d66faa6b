import io
import json

import numpy as np
import pytest
from PIL import Image

from napari_refvae.errors import InvalidInputError
from napari_refvae.explore import Draw, Exploration, Mix, Session, recipe_from_dict, reopen, thumbnail
from napari_refvae.inputs import Picture, read_picture
from napari_refvae.spec import IntensityRange


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    for name, size in (("input", (9, 11)), ("texture", (40, 40))):
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.fixture
def begun(files, tiny_model):
    return Session(files / "input.png", [files / "texture.png", "self", None], model=tiny_model, device="cpu")


RECIPE = Draw(Mix((0.5, 0.2)), seed=3)


def test_a_record_makes_the_sample_again(begun):
    sample = begun.decode(RECIPE, (1, 2, 5, 6))
    record = json.loads(json.dumps(sample.provenance))
    settings = record["settings"]
    again = reopen(record, device="cpu").decode(recipe_from_dict(settings["recipe"]), tuple(settings["region"]))
    np.testing.assert_array_equal(again.sr, sample.sr)
    assert again.provenance["samples"] == record["samples"]


def test_an_exploration_that_moved_with_its_files(begun, files, tmp_path_factory):
    exploration = Exploration(begun.identity)
    exploration.add(RECIPE, "first", thumbnail(begun.decode(RECIPE).sr))
    exploration.save(files / "exploration.json")
    moved = tmp_path_factory.mktemp("elsewhere") / "files"
    files.rename(moved)
    found = Exploration.load(moved / "exploration.json")
    again = reopen(found.identity, beside=moved, device="cpu")
    np.testing.assert_array_equal(again.decode(found.steps[0].recipe).sr, begun.decode(RECIPE).sr)
    with pytest.raises(InvalidInputError, match="is not at"):
        reopen(found.identity, device="cpu")


def test_a_declared_range_stays_the_inputs_own(tiny_model):
    image, texture = np.arange(80.0, dtype=np.float32).reshape(8, 10), np.random.default_rng(0).random((20, 20))
    picture = Picture(image, read_picture(image).source, IntensityRange(0, 100))
    begun = Session(picture, texture.astype(np.float32), model=tiny_model, device="cpu")
    again = reopen(begun.identity, image=image, references=[texture.astype(np.float32)], device="cpu")
    np.testing.assert_array_equal(again.decode(RECIPE.with_draw(mix=Mix.of(0))).sr, begun.decode(Draw(Mix.of(0), 3)).sr)


def test_what_has_changed_is_named(begun, files, model):
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(files / "texture.png")
    with pytest.raises(InvalidInputError, match="'texture' are not those"):
        reopen(begun.identity, device="cpu")
    with pytest.raises(InvalidInputError, match="expected 3 references"):
        reopen(begun.identity, references=["self"], device="cpu")
    with pytest.raises(InvalidInputError, match="expected model 000"):
        reopen({**begun.identity, "model": {"name": "x", "sha256": "000"}}, model=model, device="cpu")
    with pytest.raises(InvalidInputError, match="it lacks 'input'"):
        reopen({}, device="cpu")


@pytest.mark.parametrize("shape", [(64, 200), (200, 64, 3), (200, 64, 4), (3, 5)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_thumbnails_are_small_pictures(shape, dtype):
    values = np.random.default_rng(0).random(shape)
    image = values.astype(dtype) if dtype == np.float32 else (values * np.iinfo(dtype).max).astype(dtype)
    picture = Image.open(io.BytesIO(thumbnail(image, 50)))
    assert picture.mode == "RGB"
    assert max(picture.size) == min(50, max(shape[:2]))


def test_a_thumbnail_of_missing_values():
    image = np.full((20, 20), 0.5, np.float32)
    image[3, 4] = np.nan
    assert thumbnail(image).startswith(b"\x89PNG")
