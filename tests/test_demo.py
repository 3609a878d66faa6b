from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from napari_refvae import metrics
from napari_refvae.demo import PHOTOGRAPHS, TEXTURES, Photograph, run_demo
from napari_refvae.errors import MissingWeightsError, OutputError, UnknownModelError
from napari_refvae.figures import residual_picture
from napari_refvae.model.checkpoint import build_model, save_checkpoint
from napari_refvae.model.config import CompactConfig

if TYPE_CHECKING:
    from pathlib import Path

ONE = (PHOTOGRAPHS[0],)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory) -> Path:
    """A network with random weights that answers in milliseconds."""
    config = CompactConfig(width=16, trunk_blocks=1, decoder_blocks=1, tail_widths=(16, 16, 8), code=4, noise=2)
    torch.manual_seed(0)
    network = build_model(config)
    torch.nn.init.normal_(network.last.weight, std=0.05)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_checkpoint(path, network.state_dict(), preset="compact", config=config, training={})
    return path


@pytest.fixture(scope="module")
def demo(tmp_path_factory, tiny_model) -> tuple[Path, list[str]]:
    output, said = tmp_path_factory.mktemp("demo") / "new" / "folder", []
    run_demo(output, said.append, photographs=ONE, samples=2, model=tiny_model)
    return output, said


def test_all_pictures_are_there_and_nothing_else(demo):
    output, _ = demo
    samples = {f"{name}_s{seed}" for name, seed in zip(("grass", "self", "none"), (0, 2, 4), strict=True)}
    samples |= {f"{name}_s{seed}" for name, seed in zip(("grass", "self", "none"), (1, 3, 5), strict=True)}
    single = ("lr", "grass", "original", "bicubic", "faithful", "mean", "spread")
    expected = {"chelsea.png", "results.md"} | {f"chelsea/{name}.png" for name in single}
    expected |= {f"chelsea/samples/{name}.png" for name in samples}
    expected |= {f"chelsea/residuals/{n}_minus_{base}_x5.png" for n in samples for base in ("original", "bicubic")}
    assert {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()} == expected


def test_the_input_is_the_photograph_made_small(demo):
    folder = demo[0] / "chelsea"
    original = data.chelsea()[:296, :448]
    assert np.array_equal(pixels(folder / "original.png"), original)
    assert np.array_equal(pixels(folder / "lr.png"), metrics.low_resolution(original))


def test_every_sample_is_consistent_and_different(demo):
    folder = demo[0] / "chelsea"
    lr = pixels(folder / "lr.png")
    samples = [pixels(path) for path in sorted((folder / "samples").iterdir())]
    assert all(metrics.lr_psnr(sample, lr) >= 50 for sample in samples)
    assert len({sample.tobytes() for sample in samples}) == len(samples)


def test_residuals_are_those_of_the_files_beside_them(demo):
    folder = demo[0] / "chelsea"
    for base in ("original", "bicubic"):
        difference = pixels(folder / "samples" / "self_s2.png").astype(float) - pixels(folder / f"{base}.png")
        shown = pixels(folder / "residuals" / f"self_s2_minus_{base}_x5.png")
        assert np.array_equal(shown, residual_picture(difference, gain=5))


def test_the_mean_is_that_of_the_samples(demo):
    folder = demo[0] / "chelsea"
    samples = np.stack([pixels(path) for path in (folder / "samples").iterdir()])
    assert np.abs(pixels(folder / "mean.png") - samples.mean(axis=0)).max() <= 0.5 + 1e-4


def test_the_sheet_is_a_page(demo):
    page = pixels(demo[0] / "chelsea.png")
    assert page.shape[1] > 4 * 448
    assert (page[0] == 255).all()


def test_the_table_holds_the_figures_of_the_files(demo):
    output, said = demo
    folder = output / "chelsea"
    original, bicubic, lr = (pixels(folder / f"{name}.png") for name in ("original", "bicubic", "lr"))
    report = (output / "results.md").read_text("utf-8")
    line = next(line for line in report.splitlines() if "bicubic " in line and line.startswith("|"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == [
        "Chelsea the cat",
        "bicubic",
        f"{metrics.psnr_y(bicubic, original):.2f}",
        f"{metrics.ssim_y(bicubic, original):.3f}",
        f"{metrics.lr_psnr(bicubic, lr):.1f}",
        "",
    ]
    for label in ("faithful", "mean of samples", "samples, grass", "samples, self", "samples, none", "all samples"):
        assert f"| {label} " in report
    assert line in "\n".join(said)


def test_the_columns_of_the_table_line_up(demo):
    report = (demo[0] / "results.md").read_text("utf-8")
    assert len({len(line) for line in report.splitlines() if line.startswith("|")}) == 1


def test_licences_are_named(demo):
    report = (demo[0] / "results.md").read_text("utf-8")
    assert PHOTOGRAPHS[0].credit in report
    assert TEXTURES["grass"] in report


def test_all_photographs_and_textures_come_with_scikit_image():
    for photograph in PHOTOGRAPHS:
        picture = getattr(data, photograph.name)()
        assert picture.ndim == 3
        assert photograph.texture in TEXTURES
        assert getattr(data, photograph.texture)().size
        if photograph.focus is not None:
            focus = photograph.focus
            assert focus.y + focus.height <= picture.shape[0]
            assert focus.x + focus.width <= picture.shape[1]


def test_nothing_is_printed_and_a_second_run_replaces_the_first(demo, tiny_model, capsys):
    output, _ = demo
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    run_demo(output, photographs=ONE, samples=2, model=tiny_model)
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before
    assert capsys.readouterr() == ("", "")


def test_an_output_that_is_a_file_is_refused(tmp_path, tiny_model):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OutputError, match="taken"):
        run_demo(tmp_path / "taken", photographs=ONE, samples=1, model=tiny_model)
    assert (tmp_path / "taken").read_text() == "mine"


def test_an_unknown_model_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises((UnknownModelError, MissingWeightsError)):
        run_demo(tmp_path / "demo", photographs=ONE, model="no-such-model")
    assert not (tmp_path / "demo").exists()


def test_the_bundled_model_does_what_the_demonstration_claims(tmp_path):
    photograph = Photograph("coffee", "Coffee", "brick", "CC0")
    run_demo(tmp_path, photographs=(photograph,), samples=1)
    folder = tmp_path / "coffee"
    original, bicubic, faithful = (pixels(folder / f"{name}.png") for name in ("original", "bicubic", "faithful"))
    assert metrics.psnr_y(faithful, original) > metrics.psnr_y(bicubic, original) + 0.7
    samples = [pixels(path).astype(float) for path in sorted((folder / "samples").iterdir())]
    sharpness = [np.abs(np.diff(image.astype(float), axis=1)).mean() for image in (bicubic, *samples)]
    assert min(sharpness[1:]) > sharpness[0]
    assert min(np.abs(a - b).mean() for i, a in enumerate(samples) for b in samples[:i]) > 0.5
