import csv
import io
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from skimage import data

from napari_refvae.errors import CheckpointError, InvalidInputError, InvalidSpecError
from napari_refvae.evaluation.distance import FeatureDistance
from napari_refvae.evaluation.outputs import upscale_bicubic
from napari_refvae.evaluation.references import no_reference, the_input, the_original
from napari_refvae.evaluation.report import CAP, summarise, to_csv, to_markdown, write_report
from napari_refvae.evaluation.run import evaluate
from napari_refvae.evaluation.scores import Scores
from napari_refvae.evaluation.subjects import find_originals
from napari_refvae.imageio.files import IMAGE_SUFFIXES
from napari_refvae.metrics import low_resolution, psnr_y
from napari_refvae.model.cache import sha256


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    for name, image in (("cat", data.chelsea()), ("cup", data.coffee())):
        Image.fromarray(np.ascontiguousarray(image[100:171, 150:231])).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    folder = tmp_path_factory.mktemp("references")
    for name, image in (("grass", data.grass()), ("brick", data.brick())):
        Image.fromarray(image[:64, :64]).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def evaluation(originals, references, tiny_model, vgg):
    return evaluate(originals, references, model=tiny_model, samples=3, seed=4, feature_weights=vgg, device="cpu")


def test_every_output_is_scored(evaluation):
    cat = [score for score in evaluation.scores if score.image == "cat.png"]
    assert [score.output for score in cat] == ["bicubic", "faithful", "sample", "sample", "sample", "mean"]
    assert [score.reference for score in cat][2:5] == ["brick", "grass", "brick"]
    assert [score.seed for score in cat][2:5] == [4, 5, 6]
    assert cat[0].relative_distance == 1
    assert all(score.distance > 0 for score in cat)
    assert len(evaluation.spreads) == 2
    assert all(spread.mse > 0 and spread.feature > 0 for spread in evaluation.spreads)


def test_the_mean_of_samples_beats_the_average_sample(evaluation):
    for image in ("cat.png", "cup.png"):
        scores = [score for score in evaluation.scores if score.image == image]
        samples = [score.psnr_y for score in scores if score.output == "sample"]
        assert scores[-1].psnr_y > np.mean(samples)


def test_another_methods_pictures_are_scored_alike(originals, tiny_model, tmp_path, evaluation):
    for path in originals.iterdir():
        image = np.asarray(Image.open(path))
        Image.fromarray(image).save(tmp_path / path.name)
        Image.fromarray(np.clip(image + 8.0, 0, 255).astype(np.uint8)).save(tmp_path / f"{path.stem}_1.png")
    told = evaluate(originals, external=tmp_path, features=False)
    exact, brighter = (score for score in told.scores if score.image == "cat.png" and score.output == "sample")
    assert math.isinf(exact.psnr_y)
    assert brighter.psnr_y == pytest.approx(10 * math.log10(255**2 / (8 * 219.001 / 255) ** 2), abs=0.2)
    bicubic = [score.psnr_y for score in told.scores if score.output == "bicubic"]
    assert bicubic == [score.psnr_y for score in evaluation.scores if score.output == "bicubic"]


def test_a_report_says_what_made_and_measured_it(originals, evaluation, vgg):
    about, other = evaluation.about, evaluate(originals, external=originals, features=False)
    assert about["model"]["device"] == "cpu"
    assert about["model"]["precision"] in ("float32", "bfloat16")
    assert about["measured"] == {"device": "cpu", "vgg": {"file": vgg.name, "sha256": sha256(vgg)}}
    assert set(about["software"]) == {"napari-refvae", "torch", "numpy"}
    assert "3 samples an image, seeds from 4; references: brick, grass." in to_markdown(evaluation)
    assert not {"samples", "seed", "references"} & other.about.keys()
    assert "Pictures of another method" in to_markdown(other)
    assert "seed" not in to_markdown(other)


def test_external_pictures_must_be_there_and_fit(originals, tmp_path):
    Image.fromarray(data.chelsea()).save(tmp_path / "dog.png")
    said = r"pictures of cat.png, cup.png in .*found none among dog.png: call them cat.png, or cat_1.png"
    with pytest.raises(InvalidInputError, match=said):
        evaluate(originals, external=tmp_path, features=False)
    for name in ("cat", "cup"):
        Image.fromarray(data.chelsea()[:20, :20]).save(tmp_path / f"{name}.png")
    with pytest.raises(InvalidInputError, match=r"expected cat.png to be \(64, 80\) pixels; got \(20, 20\)"):
        evaluate(originals, external=tmp_path, features=False)


def test_a_picture_belongs_to_the_longest_name_that_fits(originals, tmp_path):
    image = np.asarray(Image.open(originals / "cat.png"))
    for folder in ("originals", "pictures"):
        (tmp_path / folder).mkdir()
    for name in ("img", "img_2"):
        Image.fromarray(image).save(tmp_path / "originals" / f"{name}.png")
    for name in ("img", "img_1", "img_2", "img_2_1", "img_2-b", "img_20", "imgx8", "imgx8_SRFlow", "img2"):
        Image.fromarray(image).save(tmp_path / "pictures" / f"{name}.png")
    said = []
    told = evaluate(tmp_path / "originals", external=tmp_path / "pictures", features=False, say=said.append)
    owned = [(score.image, score.reference) for score in told.scores if score.output == "sample"]
    assert owned == [
        *[("img.png", name) for name in ("img", "img_1", "img_20", "imgx8", "imgx8_SRFlow")],
        *[("img_2.png", name) for name in ("img_2-b", "img_2", "img_2_1")],
    ]
    assert said[0] == "left out, since their names fit no original: img2.png"


@pytest.mark.parametrize(("samples", "seed", "said"), [(0, 0, "samples must be .* got 0"), (1, -1, "seed must be")])
def test_what_cannot_be_drawn_is_refused_before_any_work(originals, samples, seed, said):
    with pytest.raises(InvalidSpecError, match=said):
        evaluate(originals, model="unheard-of", samples=samples, seed=seed, features=False)


def test_a_model_is_scored_at_its_own_scale(originals, references, fourfold_model):
    told = evaluate(originals, references, model=fourfold_model, samples=2, features=False, device="cpu")
    assert told.about["scale"] == 4
    assert [score.output for score in told.scores[:5]] == ["bicubic", "faithful", "sample", "sample", "mean"]
    assert all(score.lr_psnr > 45 for score in told.scores if score.output == "sample")
    hr = np.asarray(Image.open(originals / "cat.png"))[:68, :80]
    assert told.scores[0].psnr_y == pytest.approx(psnr_y(upscale_bicubic(low_resolution(hr, 4), 4), hr), abs=0.02)


def test_images_are_files_of_known_suffixes(tmp_path):
    for suffix in IMAGE_SUFFIXES:
        (tmp_path / f"x{suffix.upper()}").touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "notes.txt").touch()
    assert {path.suffix.lower() for path in find_originals(tmp_path)} == IMAGE_SUFFIXES
    assert tmp_path / "folder.png" not in find_originals(tmp_path)


def test_what_is_hidden_is_no_original(tmp_path):
    for name in ("seen/a.png", "seen/.b.png", ".hidden/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_originals(tmp_path) == [tmp_path / "seen/a.png"]


@pytest.fixture
def twins(tmp_path):
    """Images that share names, without or with their suffixes."""
    for name, image in (("a/x.png", data.grass()), ("b/x.png", data.brick()), ("b/x.tif", data.gravel())):
        path = tmp_path / "twins" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:64, :64]).save(path)
    return tmp_path / "twins"


def test_images_and_references_that_share_a_name_stay_apart(twins, tiny_model):
    told = evaluate(twins, twins, model=tiny_model, samples=3, features=False, device="cpu")
    names = ["a/x.png", "b/x.png", "b/x.tif"]
    assert list(dict.fromkeys(one.image for one in told.scores)) == told.about["references"] == names
    means = [np.mean([s.psnr_y for s in told.scores if s.image == name and s.output == "sample"]) for name in names]
    assert summarise(s for s in told.scores if s.output == "sample")["psnr_y"] == pytest.approx(np.mean(means))


def test_originals_that_share_a_name_are_refused_beside_pictures(twins):
    with pytest.raises(InvalidInputError, match=r"different names; got .*a/x.png and .*b/x.png, whose pictures"):
        evaluate(twins, external=twins, features=False)


def test_a_folder_without_images_is_said(tmp_path):
    with pytest.raises(InvalidInputError, match="found none: check the folder"):
        evaluate(tmp_path, features=False)


def test_the_distance_is_zero_to_itself_and_grows_with_blur(vgg):
    distance = FeatureDistance(vgg)
    image = np.ascontiguousarray(data.chelsea()[:64, :72])
    target = distance.features(image)
    blurred = [np.asarray(Image.fromarray(image).resize((72 // k, 64 // k)).resize((72, 64))) for k in (2, 4, 8)]
    figures = [distance.measure(picture, target).value for picture in (image, *blurred)]
    assert figures[0] < 1e-6
    assert figures == sorted(figures)
    assert distance.measure(image, target).map.shape == (64, 72)
    assert distance.weights["sha256"] == sha256(vgg)
    assert FeatureDistance(vgg, digest="known").weights["sha256"] == "known"


def test_the_distance_refuses_another_network(tmp_path):
    save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"VGG-19 in torchvision's layout in other.safetensors; missing: 0.bias"):
        FeatureDistance(tmp_path / "other.safetensors")


def score(image, psnr, lr_psnr):
    return Scores(image, "sample", "", 0, psnr, 0.5, lr_psnr)


def test_averages_are_over_images_and_infinite_consistency_is_capped():
    told = summarise([score("a", 20, 50), score("a", 22, math.inf), score("b", 31, 60)])
    assert told["psnr_y"] == pytest.approx((21 + 31) / 2)
    assert told["lr_psnr"] == pytest.approx(((50 + CAP) / 2 + 60) / 2)
    assert told["worst_lr_psnr"] == 50
    assert told["distance"] is None
    assert summarise([])["psnr_y"] is None


def test_reports_agree_with_one_another(evaluation, tmp_path):
    markdown, table, record = write_report(evaluation, tmp_path / "new")
    told = json.loads(record.read_text())
    assert markdown.read_text() == to_markdown(evaluation)
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert table.read_text() == to_csv(evaluation)
    assert len(rows) == len(told["scores"]) == 12
    assert float(rows[0]["psnr_y"]) == told["scores"][0]["psnr_y"]
    assert f"| sample | {told['overall']['sample']['psnr_y']:.2f} |" in markdown.read_text()
    assert "## Samples, by reference" in markdown.read_text()


def test_figures_are_those_of_the_metrics(evaluation, originals):
    hr = np.asarray(Image.open(originals / "cat.png"))[:64, :80]
    bicubic = next(score for score in evaluation.scores if score.output == "bicubic")
    assert bicubic.psnr_y == pytest.approx(psnr_y(upscale_bicubic(low_resolution(hr)), hr))


def test_perfect_pictures_make_json_that_any_reader_reads(originals, tmp_path):
    told = evaluate(originals, external=originals, features=False)
    record = json.loads(
        write_report(told, tmp_path)[2].read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON")
    )
    assert record["overall"]["sample"]["psnr_y"] is None
    assert record["overall"]["sample"]["lr_psnr"] == CAP


def test_columns_without_figures_are_left_out(originals, tiny_model):
    told = evaluate(originals, model=tiny_model, samples=2, features=False, device="cpu")
    heading = to_markdown(told).split("## Overall")[1].strip().splitlines()[0]
    assert heading == "| output | Y-PSNR | SSIM | LR-PSNR mean | LR-PSNR worst | S (MSE) |"


def test_samples_alone_are_the_same_samples(originals, references, tiny_model, evaluation):
    alone = evaluate(
        originals, references, model=tiny_model, samples=3, seed=4, features=False, baselines=False, device="cpu"
    )
    assert {score.output for score in alone.scores} == {"sample"}
    told = [score.psnr_y for score in evaluation.scores if score.output == "sample"]
    assert [score.psnr_y for score in alone.scores] == told
    assert [spread.mse for spread in alone.spreads] == [spread.mse for spread in evaluation.spreads]


@pytest.mark.parametrize(("choice", "name"), [(no_reference, "none"), (the_input, "self"), (the_original, "original")])
def test_references_may_be_chosen_for_each_image(originals, tiny_model, choice, name):
    seen = []
    told = evaluate(originals, choice, model=tiny_model, samples=2, features=False, device="cpu", each=seen.append)
    assert {score.reference for score in told.scores if score.output == "sample"} == {name}
    assert told.about["references"] == [name]
    assert [scored.subject.name for scored in seen] == ["cat.png", "cup.png"]
    sample = next(output for output in seen[0].outputs if output.kind == "sample")
    assert sample.source == choice(seen[0].subject, 1)[0] or name == "original"


def test_diversity_is_that_of_the_maps(originals, references, tiny_model, vgg):
    """The score by its definition, from the outputs themselves."""
    seen = []
    evaluate(originals, references, model=tiny_model, samples=3, feature_weights=vgg, device="cpu", each=seen.append)
    distance = FeatureDistance(vgg)
    for scored in seen:
        target = distance.features(scored.subject.hr)
        drawn = [output.sr for output in scored.outputs if output.kind == "sample"]
        maps = np.stack([distance.measure(sr, target).map for sr in drawn]).astype(np.float64)
        best = maps.mean(axis=(1, 2)).min()
        assert scored.spread.feature == pytest.approx(100 * (best - maps.min(axis=0).mean()) / best)
        rows, columns = (side // 16 for side in scored.subject.hr.shape[:2])
        boxes = [
            [
                [((sr[y : y + 16, x : x + 16].astype(float) - scored.subject.hr[y : y + 16, x : x + 16]) ** 2).mean()
                 for x in range(0, 16 * columns, 16)]
                for y in range(0, 16 * rows, 16)
            ]
            for sr in drawn
        ]  # fmt: skip
        errors = np.array(boxes)
        best = errors.mean(axis=(1, 2)).min()
        assert scored.spread.mse == pytest.approx(100 * (best - errors.min(axis=0).mean()) / best)
