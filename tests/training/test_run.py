import json
import logging

import numpy as np
import pytest
from PIL import Image
from skimage import data

from napari_refvae.errors import TrainingError
from napari_refvae.model.checkpoint import build_model, load_checkpoint, save_checkpoint
from napari_refvae.training.config import DataConfig
from napari_refvae.training.photographs import Photographs
from napari_refvae.training.run import _fitting, find_config, train

pytest.importorskip("lightning")

TOML = """
preset = "compact"
steps = {steps}
precision = "32-true"
[data]
patch = 8
faithful = 1
vivid = 1
reference_size = 32
[[stages]]
name = "one"
share = 1.0
learning_rate = 1e-3
final_learning_rate = 1e-4
"""


@pytest.fixture
def folder(tmp_path):
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(3):
        Image.fromarray(data.astronaut()[number * 100 :][:100, :120]).save(photographs / f"{number}.png")
    (tmp_path / "tiny.toml").write_text(TOML.format(steps=3))
    return tmp_path


@pytest.fixture
def start(tmp_path, tiny_preset):
    """A network that was never trained: its answer is the consistent up-sampling."""
    path = tmp_path / "start.safetensors"
    state = build_model(tiny_preset).state_dict()
    save_checkpoint(path, state, preset="compact", config=tiny_preset, training={})
    return path


def scores(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return {line["step"]: line["scores"] for line in lines if "scores" in line}


def stripes(phase, side=64):
    """Fine diagonal stripes with hard edges: what bicubic interpolation blurs and a network can learn."""
    y, x = np.mgrid[:side, :side]
    grey = np.where((x + y + phase) % 24 < 12, 40, 215).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def test_fine_tuning_on_own_images_raises_the_psnr_of_images_that_it_has_not_seen(tmp_path, start, monkeypatch):
    monkeypatch.setenv("REFVAE_CACHE", str(tmp_path / "cache"))  # empty, and nothing may be fetched into it
    for name, phases in (("own", (0, 5, 9, 14, 20)), ("held-out", (3, 17))):
        (tmp_path / name).mkdir()
        for phase in phases:
            Image.fromarray(stripes(phase)).save(tmp_path / name / f"{phase}.png")
    config = tmp_path / "quick.toml"  # the bundled one, in more of a hurry
    config.write_text(find_config("fine-tune").read_text().replace("learning_rate = 1e-4", "learning_rate = 4e-3"))
    train(config, tmp_path / "own", tmp_path / "run", start=start, steps=40, validate=tmp_path / "held-out")
    before, after = scores(tmp_path / "run")[0], scores(tmp_path / "run")[40]
    assert after["faithful_psnr_y"] > before["faithful_psnr_y"] + 0.5
    assert load_checkpoint(tmp_path / "run" / "best.safetensors")[1].training["scores"] == after


def test_fine_tuning_needs_a_model_to_start_from(folder):
    with pytest.raises(TrainingError, match="--start compact"):
        train("fine-tune", folder / "photographs", folder / "run")


def test_small_images_get_small_patches_and_it_is_said(folder, caplog):
    images = Photographs(["a", "b", "c"], [(100, 120), (90, 300), (400, 500)], memory=0)
    fitted = _fitting(DataConfig(patch=24, feature_crop=120), images, 8)
    assert (fitted.patch, fitted.reference_size, fitted.feature_crop) == (12, 96, 64)
    assert "patches of 96 instead of 192 pixels" in caplog.text
    large = Photographs(["a", "b", "c"], [(100, 120), (900, 300), (400, 500)], memory=0)
    assert _fitting(DataConfig(patch=24), large, 8) == DataConfig(patch=24)


def test_streamed_photographs_give_the_same_model(folder):
    told = train(folder / "tiny.toml", folder / "photographs", folder / "a", tensorboard=False)
    made = train(folder / "tiny.toml", folder / "photographs", folder / "b", tensorboard=False, memory=5e-5)
    a, b = (load_checkpoint(path)[0].state_dict() for path in (told, made))
    assert all((a[name] == b[name]).all() for name in a)


def test_a_run_that_is_stopped_is_saved_and_goes_on(folder):
    seen = []
    path = train(
        folder / "tiny.toml",
        folder / "photographs",
        folder / "run",
        progress=seen.append,
        should_stop=lambda: len(seen) == 2,
        tensorboard=False,
    )
    assert [now.step for now in seen] == [1, 2]
    assert seen[0].stage == "one"
    assert seen[-1].seconds_left > 0
    assert load_checkpoint(path)[1].training["steps"] == 2
    [line] = map(json.loads, (folder / "run" / "log.jsonl").read_text().splitlines())
    assert (line["step"], line["terms"]["loss"]) == (2, seen[-1].loss)
    assert "faithful_pixel" in line["terms"]
    train(folder / "tiny.toml", folder / "photographs", folder / "run", progress=seen.append, tensorboard=False)
    assert [now.step for now in seen] == [1, 2, 3]
    assert (folder / "run" / "samples.png").exists()


def test_originals_to_validate_on_keep_to_the_memory_too(folder, caplog):
    def validated(output, **options):
        train(folder / "tiny.toml", folder / "photographs", output, validate=folder / "photographs", **options)
        return scores(output)

    told = validated(folder / "a", tensorboard=False)
    with caplog.at_level(logging.INFO):
        made = validated(folder / "b", tensorboard=False, memory=5e-5)
    assert made == told
    assert caplog.text.count("decoded again when drawn") == 2
    assert "kept in memory" not in caplog.text


def test_the_last_steps_are_reported_before_the_journal_is_closed(folder):
    pytest.importorskip("tensorboard")
    told = []
    train(folder / "tiny.toml", folder / "photographs", folder / "run", steps=2, report=told.append)
    train(folder / "tiny.toml", folder / "photographs", folder / "run", should_stop=lambda: True, report=told.append)
    assert [report.step for report in told] == [2]
    seen = []
    train(
        folder / "tiny.toml",
        folder / "photographs",
        folder / "other",
        progress=seen.append,
        should_stop=lambda: len(seen) == 2,
        report=told.append,
    )
    assert [report.step for report in told] == [2, 2]
    assert len(list((folder / "other" / "tensorboard").glob("events.*"))) == 1
