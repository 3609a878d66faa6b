import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import data
from typer.testing import CliRunner

import napari_refvae
from napari_refvae.cli import app
from napari_refvae.imageio.files import read_image

LR = data.astronaut()[100:220:8, 150:300:8]  # (15, 19, 3)


@pytest.fixture
def refvae(tiny_model):
    """Run a command; ``upscale`` with the tiny model unless told otherwise."""

    def run(*arguments):
        words = [str(argument) for argument in arguments]
        if words[0] == "upscale" and "--model" not in words:
            words += ["--model", str(tiny_model)]
        return CliRunner().invoke(app, words)

    return run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a few images, which commands run in."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(LR).save("cat.png")
    Image.fromarray(data.brick()[::16, ::16]).save("brick.png")
    return tmp_path


def made(folder):
    return sorted(path.name for path in (folder / "out").iterdir())


class TestUpscale:
    def test_writes_what_the_api_returns(self, refvae, folder, tiny_model):
        words = "--samples 2 --seed 5 --temperature 0.5 --strength 0.7 --vividness 0.3 --precision float32 --device cpu"
        done = refvae("upscale", "cat.png", "-r", "brick.png", "-r", "self", *words.split(), "--tile", "9", "-o", "out")
        expected = napari_refvae.upscale(
            "cat.png",
            ["brick.png", "self"],
            samples=2,
            seed=5,
            temperature=0.5,
            strength=0.7,
            vividness=0.3,
            precision="float32",
            device="cpu",
            tile=9,
            model=tiny_model,
        )

        assert done.exit_code == 0, done.output
        names = ["brick_s5", "brick_s6", "self_s7", "self_s8"]
        assert made(folder) == sorted(["cat_x8.json", *(f"cat_x8_{name}.png" for name in names)])
        for name, sample in zip(names, expected.sr, strict=True):
            np.testing.assert_array_equal(read_image(folder / "out" / f"cat_x8_{name}.png"), sample)
            assert f"cat_x8_{name}.png" in done.stdout
        assert [f"{value:.1f} dB" in done.stdout for value in expected.lr_psnr] == [True] * 4
        assert json.loads((folder / "out" / "cat_x8.json").read_text())["samples"] == expected.provenance["samples"]

    def test_no_reference_is_the_prior(self, refvae, folder):
        assert refvae("upscale", "cat.png", "-n", "1", "-o", "out").exit_code == 0
        assert refvae("upscale", "cat.png", "-n", "1", "-o", "out", "-r", "none").exit_code == 0

        assert made(folder)[-1] == "cat_x8_none_s0.png"
        first, second = (read_image(folder / "out" / f"cat{number}_x8_none_s0.png") for number in ("", "-2"))
        np.testing.assert_array_equal(first, second)

    def test_consistency_can_be_switched_off(self, refvae, folder):
        refvae("upscale", "cat.png", "-n", "1", "-o", "out")
        refvae("upscale", "cat.png", "-n", "1", "-o", "out", "--consistency", "none")
        first, second = (read_image(folder / "out" / f"cat{number}_x8_none_s0.png") for number in ("", "-2"))

        assert (first != second).any()

    def test_images_of_one_name_never_collide(self, refvae, folder):
        (folder / "other").mkdir()
        Image.fromarray(255 - LR).save("other/cat.png")
        Image.fromarray(LR[:9, :9]).save("cat.webp", lossless=True)
        done = refvae("upscale", "cat.png", "other/cat.png", "cat.webp", "cat.png", "-n", "1", "-o", "out")

        assert done.exit_code == 0, done.output
        assert len(made(folder)) == 6
        inputs = [json.loads(path.read_text())["input"]["path"] for path in sorted((folder / "out").glob("*.json"))]
        assert len(set(inputs)) == 3  # each once

    @pytest.mark.parametrize(
        ("name", "option", "expected"),
        [
            ("cat.png", "same", ".png"),
            ("cat.jpg", "same", ".png"),
            ("cat.tif", "same", ".tiff"),
            ("cat.tif", "png", ".png"),
            ("cat.png", "tiff", ".tiff"),
        ],
    )
    def test_formats(self, refvae, folder, name, option, expected):
        Image.fromarray(LR).save(name)
        refvae("upscale", name, "-n", "1", "-o", "out", "--format", option)

        assert made(folder) == ["cat_x8.json", f"cat_x8_none_s0{expected}"]

    @pytest.mark.parametrize(
        "array",
        [
            LR[..., 0],
            LR[..., 0].astype(np.uint16) * 257,
            LR.astype(np.uint16) * 257,
            np.concatenate((LR, LR[..., :1]), axis=2),
            LR[..., 0] / np.float32(255),
            LR[:1],
        ],
        ids=lambda array: f"{array.dtype}{array.shape}",
    )
    @pytest.mark.parametrize("option", ["same", "png"])
    def test_dtype_and_kind_are_kept(self, refvae, folder, array, option):
        tifffile.imwrite("image.tif", array, photometric="rgb" if array.ndim == 3 else "minisblack")
        done = refvae("upscale", "image.tif", "-n", "1", "-o", "out", "--format", option)

        assert done.exit_code == 0, done.output
        result = read_image(folder / "out" / made(folder)[-1])
        assert result.dtype == array.dtype
        assert result.shape == (8 * array.shape[0], 8 * array.shape[1], *array.shape[2:])

    def test_a_declared_range(self, refvae, folder):
        tifffile.imwrite("counts.tif", LR[..., 0].astype(np.float32) * 10 - 100, photometric="minisblack")
        refused = refvae("upscale", "counts.tif", "-o", "out")
        done = refvae("upscale", "counts.tif", "-n", "1", "-o", "out", "--range", "-100", "2450")

        assert refused.exit_code == 2
        assert "--range LOW HIGH" in refused.stderr
        assert done.exit_code == 0, done.output
        assert read_image(folder / "out" / "counts_x8_none_s0.tiff").max() > 100

    def test_a_region_at_a_smaller_scale_with_the_faithful_image(self, refvae, folder, tiny_model):
        options = {"region": (2, 3, 8, 9), "scale": 4, "faithful": True, "samples": 1}
        words = ["--region", "2", "3", "8", "9", "--scale", "4", "--faithful", "--samples", "1"]
        done = refvae("upscale", "cat.png", *words, "-o", "out")
        expected = napari_refvae.upscale("cat.png", model=tiny_model, **options)

        assert done.exit_code == 0, done.output
        assert made(folder) == ["cat_x4.json", "cat_x4_faithful.png", "cat_x4_none_s0.png"]
        assert "cat_x4_faithful.png" in done.stdout
        np.testing.assert_array_equal(read_image(folder / "out" / "cat_x4_none_s0.png"), expected.sr[0])
        np.testing.assert_array_equal(read_image(folder / "out" / "cat_x4_faithful.png"), expected.faithful)
        replayed = refvae("replay", folder / "out" / "cat_x4.json", "-o", "again")
        assert replayed.exit_code == 0, replayed.output
        assert (folder / "again" / "cat_x4_faithful.png").is_file()

    def test_brackets_in_a_name_are_no_markup(self, refvae, folder):
        (folder / "cat.png").rename("cat[red].png")
        done = refvae("upscale", "cat[red].png", "-n", "1", "-o", "out")

        assert "cat[red]_x8_none_s0.png" in done.stdout


class TestRefused:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("upscale nowhere.png", "there is none at nowhere.png"),
            ("upscale folder", "there are none in the folder folder"),
            ("upscale *.jpg", "there are none that match *.jpg"),
            ("upscale text.png", "is none by its content"),
            ("upscale cut.png", "damaged or cut short"),
            ("upscale empty.png", "is empty"),
            ("upscale five.tif", "got 5"),
            ("upscale nan.tif", "nan.tif: expected finite values"),
            ("upscale --strict cat.png text.png", "text.png is none by its content"),
            ("upscale cat.png --report nowhere/report.json", "for the report"),
            ("upscale cat.png --report folder", "is a folder"),
            ("upscale cat.png --report cat.png", "cat.png is neither: rename it"),
            ("upscale cat.png --report -", "such as report.json"),
            ("upscale cat.png --output larger.png", "larger.png is the name of an image"),
            (f"upscale cat.png --output {'x' * 300}", "cannot be one"),
            ("upscale cat.png -r text.png", "text.png is none by its content"),
            ("upscale cat.png -r self -r nowhere.png", "there is none at nowhere.png"),
            ("upscale cat.png --samples 0", "samples must be"),
            ("upscale cat.png --samples many", "--samples"),
            ("upscale cat.png --seed -1", "seed must be"),
            ("upscale cat.png --seed 1.5", "--seed"),
            ("upscale cat.png --seed x", "--seed"),
            ("upscale cat.png --temperature -1", "temperature must be"),
            ("upscale cat.png --temperature nan", "temperature must be"),
            ("upscale cat.png --strength 2", "strength must be"),
            ("upscale cat.png --vividness -0.1", "vividness must be"),
            ("upscale cat.png --scale 3", "scale must be one of 2, 4, 8"),
            ("upscale cat.png --scale 1", "scale must be"),
            ("upscale cat.png --region 0 0 5", "expected --region Y X HEIGHT WIDTH: see refvae upscale --help\n"),
            ("upscale --region 0 0 5 cat.png", "expected --region Y X HEIGHT WIDTH: see refvae upscale --help\n"),
            ("upscale cat.png --nonsense", "refvae: No such option: --nonsense"),
            ("upscale -cat.png", "a file of such a name is written ./-c...: see refvae upscale --help"),
            ("--nonsense", "refvae: No such option: --nonsense: see refvae --help"),
            ("upscale cat.png --region 10 0 6 5", "cat.png: region must be"),
            ("upscale cat.png --model unheard-of", "unheard-of"),
            ("upscale cat.png --model cat.png", "cat.png"),
            ("upscale cat.png --consistency lanczos", "--consistency"),
            ("upscale cat.png --precision int4", "precision must be"),
            ("upscale cat.png --device tpu", "tpu"),
            ("upscale cat.png --tile 0", "tile"),
            ("upscale cat.png --tile some", "tile must be"),
            ("upscale cat.png --range 5 1", "low < high"),
            ("upscale cat.png --range 5", "expected --range LOW HIGH: see refvae upscale --help\n"),
            ("upscale cat.png --format gif", "--format"),
            ("upscale cat.png --output cat.png", "cat.png is a file"),
            ("upscale cat.png --output cat.png/out", "cat.png is a file"),
            ("upscale", "IMAGE"),
            ("replay nowhere.json", "nowhere.json"),
            ("replay cat.png", "cat.png"),
            ("replay other.json", "format"),
            ("convert nowhere.pth --output model.safetensors", "nowhere.pth"),
            ("convert text.png --output model.safetensors", "text.png"),
            ("convert text.png --scale 3 --output model.safetensors", "3"),
            ("evaluate --images . --no-features --samples 0", "samples must be"),
            ("evaluate --images . --listen", "--references DIR"),
            ("evaluate --images . --box 1 2 3", "expected --box Y X HEIGHT WIDTH: see refvae evaluate --help\n"),
            ("evaluate --images . --related", "--references DIR"),
            ("train --images nowhere --output run", "nowhere"),
            ("train --config unheard-of --images . --output run", "unheard-of"),
            ("dance", "dance"),
        ],
    )
    def test_ends_in_a_sentence_exit_code_2_and_nothing_written(self, refvae, folder, words, said):
        (folder / "text.png").write_text("a text, no image")
        (folder / "empty.png").touch()
        (folder / "cut.png").write_bytes((folder / "cat.png").read_bytes()[:-100])
        (folder / "other.json").write_text("{}")
        tifffile.imwrite("five.tif", np.zeros((9, 8, 5), np.uint8), photometric="minisblack", planarconfig="contig")
        tifffile.imwrite("stack.tif", np.zeros((5, 9, 8), np.uint8), photometric="minisblack")
        tifffile.imwrite("nan.tif", np.full((9, 8), np.nan, np.float32), photometric="minisblack")
        (folder / "folder").mkdir()
        before = sorted(folder.iterdir())
        done = refvae(*words.split())

        assert done.exit_code == 2, done.output
        assert said in done.stderr
        assert done.stderr.startswith("refvae: ")
        assert isinstance(done.exception, SystemExit)
        assert sorted(folder.iterdir()) == before

    @pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that not even root may write to")
    def test_an_output_folder_that_nobody_may_write_to(self, refvae, folder):
        done = refvae("upscale", "cat.png", "-n", "1", "--output", "/proc/out")

        assert done.exit_code == 2
        assert "/proc" in done.stderr


class TestReplay:
    @pytest.fixture
    def side_car(self, refvae, folder):
        assert refvae("upscale", "cat.png", "-r", "brick.png", "-n", "2", "--seed", "3", "-o", "out").exit_code == 0
        return folder / "out" / "cat_x8.json"

    def test_makes_the_same_pixels(self, refvae, folder, side_car):
        done = refvae("replay", side_car, "--output", "again")

        assert done.exit_code == 0, done.output
        assert "All 2 samples are identical" in done.stdout
        assert sorted(path.name for path in (folder / "again").iterdir()) == made(folder)
        for name in made(folder)[1:]:
            assert (folder / "again" / name).read_bytes() == (folder / "out" / name).read_bytes()

    def test_writes_nothing_unless_asked(self, refvae, folder, side_car):
        before = made(folder)
        assert refvae("replay", side_car).exit_code == 0
        assert made(folder) == before

    def test_says_which_samples_differ(self, refvae, side_car):
        record = json.loads(side_car.read_text())
        record["samples"][1]["sha256"] = "0" * 64
        side_car.write_text(json.dumps(record))
        done = refvae("replay", side_car)

        assert done.exit_code == 1
        assert "1 of 2 images differ from the recorded pixels (seed 4)" in done.stderr

    @pytest.mark.parametrize(("part", "said"), [("references", "it lists none"), ("samples", "it lists 0: use an")])
    def test_names_what_a_side_car_no_longer_lists(self, refvae, side_car, part, said):
        side_car.write_text(json.dumps(json.loads(side_car.read_text()) | {part: []}))
        done = refvae("replay", side_car)
        assert done.exit_code == 2
        assert said in done.stderr

    def test_names_an_input_that_has_changed(self, refvae, folder, side_car):
        Image.fromarray(255 - LR).save("cat.png")
        done = refvae("replay", side_car)

        assert done.exit_code == 2
        assert "cat" in done.stderr

    def test_takes_what_has_moved_and_runs_where_it_is_told(self, refvae, folder, side_car):
        (folder / "cat.png").rename("moved.png")
        (folder / "brick.png").rename("stone.png")
        words = ["replay", side_car, "--image", "moved.png", "--reference", "stone.png"]
        done = refvae(*words, "--device", "cpu")

        assert done.exit_code == 0, done.output
        assert "All 2 samples are identical" in done.stdout
        assert refvae(*words[:4]).exit_code == 2
        refused = refvae(*words, "--device", "tpu")
        assert refused.exit_code == 2
        assert "tpu" in refused.stderr

    def test_refuses_another_reference(self, refvae, side_car):
        done = refvae("replay", side_car, "-r", "self")

        assert done.exit_code == 2
        assert "'brick'" in done.stderr


class TestOtherCommands:
    def test_models(self, refvae, tiny_model, monkeypatch):
        monkeypatch.setenv("REFVAE_CACHE", str(tiny_model.parent))
        done = refvae("models")

        assert done.exit_code == 0, done.output
        lines = {line.split()[0]: line for line in done.stdout.splitlines()}
        assert {"compact", "full", "paper", "paper-4x", "tiny"} <= set(lines)
        assert str(tiny_model) in lines["tiny"]
        assert "not here" in lines["full"]
        assert done.stdout.endswith(f"Downloads and models of your own lie in {tiny_model.parent}\n")

    def test_version(self, refvae):
        assert refvae("--version").stdout.strip() == f"refvae {napari_refvae.__version__}"

    @pytest.mark.parametrize("command", ["upscale", "replay", "demo", "models", "convert", "train", "evaluate"])
    def test_help(self, refvae, command):
        done = refvae(command, "--help")

        assert done.exit_code == 0
        assert command in done.stdout

    def test_demo_runs_in_its_folder(self, refvae, folder, monkeypatch):
        asked = []
        monkeypatch.setattr(
            "napari_refvae.demo.run_demo", lambda output, say: asked.append((output.name, say("hello")))
        )
        done = refvae("demo", "--output", "out")

        assert asked == [("out", None)]
        assert done.stdout == "hello\n"

    def test_train_passes_its_options_on(self, refvae, folder, monkeypatch):
        asked = {}
        monkeypatch.setattr(
            "napari_refvae.training.run.train",
            lambda config, images, output, **options: (
                asked.update(options, config=config, images=images.name, output=output.name) or output / "model"
            ),
        )
        words = "--config compact --images a --references b --output c --minutes 1.5 --steps 7 --start compact"
        done = refvae("train", *words.split(), "--feature-weights", "d", "--validate", "e")

        assert done.exit_code == 0, done.output
        assert (asked["config"], asked["images"], asked["output"]) == ("compact", "a", "c")
        assert (asked["minutes"], asked["steps"], asked["start"]) == (1.5, 7, "compact")
        paths = (asked["references"], asked["feature_weights"], asked["validate"])
        assert [path.name for path in paths] == ["b", "d", "e"]


def test_deep_images_that_use_little_of_their_range_are_pointed_out(refvae, folder, tiny_model):
    tifffile.imwrite("dim.tif", LR[..., 0].astype(np.uint16) * 16)
    words = ("upscale", "dim.tif", "-n", "1", "--model", str(tiny_model), "-o", "out")
    assert "--range 0 WHITE" in refvae(*words).stderr
    assert "--range" not in refvae(*words, "--range", "0", "4095").stderr


def test_evaluate_writes_its_report(refvae, folder, tiny_model):
    refused = refvae("evaluate", "--images", "nowhere", "--no-features", "--model", str(tiny_model))
    assert refused.exit_code == 2
    assert "found none" in refused.stderr

    Image.fromarray(np.tile(LR, (4, 4, 1))[:48, :56]).save("original.png")
    words = f"evaluate --images original.png --no-features -n 2 --model {tiny_model} -o out"
    done = refvae(*words.split())
    assert done.exit_code == 0, done.output
    assert "| bicubic |" in done.output
    assert made(folder) == [f"evaluation.{kind}" for kind in ("csv", "json", "md")]


def test_evaluate_draws_figures_of_a_box(refvae, folder, tiny_model):
    pytest.importorskip("matplotlib")
    Image.fromarray(np.tile(LR, (4, 4, 1))[:48, :56]).save("original.png")
    words = f"evaluate --images original.png --no-features -n 2 --model {tiny_model} -o out --box 8 16 24 24"
    done = refvae(*words.split())
    assert done.exit_code == 0, done.output
    names = [f"original_{figure}.{kind}" for figure in ("comparison", "residuals") for kind in ("pdf", "png")]
    assert sorted(path.name for path in (folder / "out" / "figures").iterdir()) == names

    outside = refvae(*words.split()[:-4], "0", "0", "49", "8")
    assert outside.exit_code == 2
    assert "a box inside 48 x 56 pixels" in outside.stderr


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        ("--listen --references b -n 3 --seed 4", "--listen has no use for --samples, --seed: leave"),
        ("--related --references b --figures", "--related has no use for --figures"),
        ("--listen --related --references b", "--listen has no use for --related"),
        ("--listen --references b --no-features", "--listen has no use for --no-features"),
        ("--external b --model c --references d", "--external has no use for --model, --references"),
    ],
)
def test_evaluate_refuses_what_it_would_not_heed(refvae, folder, words, refused):
    done = refvae("evaluate", "--images", "a", *words.split())
    assert done.exit_code == 2
    assert refused in done.stderr


def as_asked(weights, device):
    """Stands for a distance: what it is asked to measure with."""
    return weights.name, device


def test_related_passes_its_options_on(refvae, folder, monkeypatch):
    asked = {}
    monkeypatch.setattr(
        "napari_refvae.evaluation.distance.FeatureDistance", lambda weights, device: (weights.name, device)
    )
    monkeypatch.setattr(
        "napari_refvae.evaluation.related.compare_related",
        lambda images, references, distance, **options: asked.update(
            options, images=images.name, references=references.name, distance=distance
        ),
    )
    monkeypatch.setattr("napari_refvae.evaluation.related.to_markdown", lambda scores: "a table\n")
    words = "--images a --references b --feature-weights c --model d --device cuda:1 --seed 3 -o out"
    done = refvae("evaluate", "--related", *words.split())

    assert done.exit_code == 0, done.output
    names = ("images", "references", "distance", "model", "device", "seed")
    assert [asked[name] for name in names] == ["a", "b", ("c", "cuda:1"), "d", "cuda:1", 3]
    assert (folder / "out" / "related.md").read_text() == "a table\n"


@pytest.mark.parametrize("passed", [True, False])
def test_listen_passes_its_options_on_and_tells_the_outcome(refvae, folder, monkeypatch, passed):
    from napari_refvae.evaluation.listen import Check

    asked = {}
    monkeypatch.setattr(
        "napari_refvae.evaluation.distance.FeatureDistance", lambda weights, device: (weights.name, device)
    )
    monkeypatch.setattr(
        "napari_refvae.evaluation.listen.listen_to_folders",
        lambda images, references, distance, **options: (
            asked.update(options, images=images.name, references=references.name, distance=distance)
            or [Check("hearing", "1", "2", passed)]
        ),
    )
    words = "--images a --references b --feature-weights c --model d --device cuda:1 -o out"
    done = refvae("evaluate", "--listen", *words.split())

    assert done.exit_code == (0 if passed else 1), done.output
    told = tuple(asked[name] for name in ("images", "references", "distance", "model", "device"))
    assert told == ("a", "b", ("c", "cuda:1"), "d", "cuda:1")
    assert made(folder) == ["listening.md"]


EARLY = """
import sys

class Stopping:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Stopping())
from napari_refvae.cli import main
main()
"""


def test_ctrl_c_before_the_commands_are_there():
    done = subprocess.run([sys.executable, "-c", EARLY, "models"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "refvae: stopped before anything was begun\n")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system that takes any bytes as names")
def test_names_that_are_no_text(folder, tiny_model):
    name = b"caf\xe9.png"
    shutil.copy("cat.png", name)
    code = "from napari_refvae.cli import main; main()"
    words = ["upscale", "-", "-n", "1", "--model", str(tiny_model), "-o", "out", "--report", "report.json"]
    done = subprocess.run([sys.executable, "-c", code, *words], input=name, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert rb"caf\udce9_x8_none_s0.png" in done.stdout
    assert json.loads((folder / "report.json").read_text())["counts"]["done"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ctrl_c_ends_with_130_and_whole_runs_only(folder, tiny_model):
    Image.fromarray(np.tile(LR, (12, 12, 1))).save("large.png")
    code = "from napari_refvae.cli import main; main()"
    words = ["upscale", "cat.png", "large.png", "-n", "40", "--model", str(tiny_model), "-o", "out"]
    words += ["brick.png", "--report", "report.json"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 200
    while not (folder / "out" / "cat_x8.json").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=100)

    assert process.returncode == 130, said
    assert "3 images: 1 made, 1 stopped half-way, 1 not begun" in said
    assert "Traceback" not in said
    told = json.loads((folder / "report.json").read_text())["images"]
    assert [entry["status"] for entry in told] == ["done", "stopped", "waiting"]
    record = json.loads((folder / "out" / "cat_x8.json").read_text())
    assert made(folder) == sorted(["cat_x8.json", *(entry["name"] for entry in record["files"])])


def test_a_stack_is_measured_as_a_whole(refvae, tmp_path):
    planes = np.stack([np.full((8, 9), 100, np.uint16), np.arange(72, dtype=np.uint16).reshape(8, 9) * 10])
    tifffile.imwrite(tmp_path / "cells.ome.tif", planes, metadata={"axes": "ZYX"})
    shown = refvae("upscale", tmp_path / "cells.ome.tif", "-n", 1, "--measured-range", "-o", tmp_path / "out")
    assert shown.exit_code == 0, shown.output
    (side_car,) = (tmp_path / "out").glob("*.json")
    assert json.loads(side_car.read_text())["settings"]["intensity_range"] == [0, 710]
    shown = refvae("upscale", tmp_path / "cells.ome.tif", "--measured-range", "--range", 0, 1, "-o", tmp_path / "out")
    assert shown.exit_code == 2
    assert "exclude each other" in shown.output
