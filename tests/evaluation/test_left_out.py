"""``refvae evaluate`` on a folder with originals that cannot be used."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from napari_refvae.cli import app
from napari_refvae.errors import InvalidInputError
from napari_refvae.evaluation.left_out import LeftOut


@pytest.fixture
def originals(tmp_path):
    """One that can be used between a damaged one and one that is too small."""
    folder = tmp_path / "originals"
    folder.mkdir()
    (folder / "broken.png").write_bytes(b"no image")
    Image.fromarray(np.ascontiguousarray(data.chelsea()[80:130, 100:220])).save(folder / "cat.png")
    Image.fromarray(np.ascontiguousarray(data.coffee()[:24, :24])).save(folder / "small.png")
    return folder


@pytest.fixture
def evaluate(tmp_path, tiny_model):
    def run(folder, *options):
        words = f"evaluate --images {folder} --model {tiny_model} --device cpu -o {tmp_path / 'out'}".split()
        return CliRunner().invoke(app, [*words, *(str(option) for option in options)])

    return run


def test_the_others_are_scored_and_reported_and_it_is_said(evaluate, originals, tmp_path):
    done = evaluate(originals, "-n", 1, "--no-features")
    assert done.exit_code == 1
    assert "left out broken.png: " in done.stdout
    assert "left out small.png: " in done.stdout
    assert "cat.png: bicubic" in done.stdout
    told = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert {score["image"] for score in told["scores"]} == {"cat.png"}
    assert sorted(told["about"]["left_out"]) == ["broken.png", "small.png"]
    assert "Left out, since they could not be used: broken.png, small.png." in (
        (tmp_path / "out" / "evaluation.md").read_text()
    )


def test_halves_of_the_others_are_compared(evaluate, originals, tmp_path, vgg):
    (tmp_path / "references").mkdir()
    Image.fromarray(data.brick()[:64, :64]).save(tmp_path / "references" / "brick.png")
    done = evaluate(originals, "--related", "--references", tmp_path / "references", "--feature-weights", vgg)
    assert done.exit_code == 1
    assert "left out broken.png: " in done.stdout
    assert " of 1 images" in (tmp_path / "out" / "related.md").read_text()


def test_a_folder_where_nothing_can_be_used_is_refused(evaluate, originals, tmp_path):
    (originals / "cat.png").unlink()
    done = evaluate(originals, "-n", 1, "--no-features")
    assert done.exit_code == 2
    assert "none of the 2 originals could be used; broken.png: " in " ".join(done.stderr.split())
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_with_all_is_not_left_out():
    left_out = LeftOut()
    with pytest.raises(ZeroDivisionError), left_out.naming("cat.png"):
        raise ZeroDivisionError
    with left_out.naming("large.png"):
        raise MemoryError
    assert left_out.reasons == {"large.png": "out of memory"}
    with pytest.raises(InvalidInputError, match=r"none of the 1 originals .*large.png: out of memory"):
        left_out.refuse_if_all(1)
    left_out.refuse_if_all(2)


def test_what_does_not_fit_into_torchs_memory_is_left_out():
    left = LeftOut()
    with left.naming("huge.png"):
        torch.empty(2**50)
    assert "huge.png" in left.reasons
    with pytest.raises(RuntimeError, match="shape"), left.naming("other.png"):
        torch.zeros(2) @ torch.zeros(3, 4)
