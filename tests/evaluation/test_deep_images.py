"""Originals, references and pictures of more than 8 bits."""

import json
import math

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from napari_refvae.cli import app
from napari_refvae.evaluation.references import read_references
from napari_refvae.evaluation.run import evaluate

IMAGE = np.ascontiguousarray(data.camera()[100:164, 200:280])
IMAGE[0, :2] = 0, 255


@pytest.fixture
def deep(tmp_path):
    """A micrograph of 12 bits in a file of 16."""
    (tmp_path / "deep").mkdir()
    tifffile.imwrite(tmp_path / "deep" / "cell.tif", IMAGE.astype(np.uint16) * 16)
    return tmp_path / "deep"


def psnrs(evaluation):
    return [score.psnr_y for score in evaluation.scores]


def test_an_original_of_12_bits_is_scored_with_all_its_levels_and_it_is_said(deep, tmp_path, tiny_model):
    (tmp_path / "plain").mkdir()
    Image.fromarray(IMAGE).save(tmp_path / "plain" / "cell.png")
    plain = evaluate(tmp_path / "plain", model=tiny_model, samples=1, features=False, device="cpu")
    options = ["--model", str(tiny_model), "-n", "1", "--no-features", "--device", "cpu"]
    done = CliRunner().invoke(app, ["evaluate", "--images", str(deep), "-o", str(tmp_path / "out"), *options])
    assert done.exit_code == 0, done.output
    assert "cell.tif (0 is black, 4080 white): bicubic " in done.stdout
    told = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert [score["psnr_y"] for score in told["scores"]] == pytest.approx(psnrs(plain))
    assert told["about"]["ranges"] == {"cell.tif": [0, 4080]}
    assert "from its darkest to its brightest value: cell.tif" in (tmp_path / "out" / "evaluation.md").read_text()


def test_a_reference_of_12_bits_has_all_its_levels_and_it_is_said(deep):
    said = []
    [reference] = read_references(deep, 1, said.append)
    assert (np.rint(255 * reference.image[..., 0]) == IMAGE).all()
    assert said == ["reference cell.tif (0 is black, 4080 white)"]


def test_pictures_are_read_in_the_range_of_their_original(deep, tmp_path):
    tifffile.imwrite(tmp_path / "cell.tif", IMAGE.astype(np.uint16) * 16)
    tifffile.imwrite(tmp_path / "cell_dark.tif", IMAGE.astype(np.uint16) * 8)
    Image.fromarray(IMAGE).save(tmp_path / "cell_plain.png")
    tifffile.imwrite(tmp_path / "cell_share.tif", IMAGE.astype(np.float32) / 255)
    (tmp_path / "deep").rename(tmp_path / "elsewhere")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for path in tmp_path.glob("cell*"):
        path.rename(pictures / path.name)
    told = evaluate(tmp_path / "elsewhere", external=pictures, features=False)
    perfect = {score.reference: math.isinf(score.psnr_y) for score in told.scores if score.output == "sample"}
    assert perfect == {"cell": True, "cell_dark": False, "cell_plain": True, "cell_share": True}
