"""How ``refvae train`` ends where something has gone wrong: what it keeps, and what it says."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from napari_refvae.cli import app
from napari_refvae.model.checkpoint import load_checkpoint
from napari_refvae.training import trainer, watch
from napari_refvae.training.state import load_state
from napari_refvae.training.watch import LossWatch

pytest.importorskip("lightning")

TOML = """
preset = "compact"
steps = 9
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

HOLDS = """
from pathlib import Path
from napari_refvae.training.alone import alone_in

with alone_in(Path({folder!r})):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def train(tmp_path):
    """Run ``refvae train`` to a step, in one folder."""
    (tmp_path / "images").mkdir()
    Image.fromarray(np.ascontiguousarray(data.astronaut()[:100, :120])).save(tmp_path / "images" / "a.png")
    (tmp_path / "tiny.toml").write_text(TOML)
    words = f"train --config {tmp_path}/tiny.toml --images {tmp_path}/images -o {tmp_path}/run --no-tensorboard"

    def run(steps, *more):
        return CliRunner().invoke(app, [*words.split(), "--steps", str(steps), *more])

    return run


def saved(tmp_path):
    """Steps of the state and of the model."""
    state, model = (tmp_path / "run" / f"{name}.safetensors" for name in ("last", "model"))
    return load_state(state)[1]["step"], load_checkpoint(model)[1].training["steps"]


def test_what_was_saved_while_the_loss_was_usual_outlives_an_end_while_it_is_not(train, tmp_path, monkeypatch):
    monkeypatch.setattr(LossWatch, "calm", property(lambda self: False))
    train(2)
    assert saved(tmp_path) == (2, 2)  # better than nothing
    done = train(4)
    assert done.exit_code == 0, done.output
    assert saved(tmp_path) == (2, 2)
    told = " ".join(done.stdout.split())
    assert "Done: all 4 steps. At the end the loss was far above what was usual, so step 2 was kept." in told
    assert "Wrote" in told


def test_a_run_that_can_make_no_step_ends_with_a_word(train, tmp_path, monkeypatch):
    """Of a loss that is finite, with gradients that are not."""
    usual = trainer.generator_loss

    def loss_without_gradient(*arguments):
        loss, terms = usual(*arguments)
        return loss + torch.sqrt(0 * loss), terms

    train(2)
    monkeypatch.setattr(watch, "PATIENCE", 3)
    monkeypatch.setattr(trainer, "generator_loss", loss_without_gradient)
    done = train(9)
    told = " ".join(done.output.split())
    assert done.exit_code == 2
    assert told.count("left out a step whose gradients are not finite") == 1
    assert "3 steps in a row had gradients that are not finite, the last at step 4; the last good state" in told
    assert saved(tmp_path) == (2, 2)


def test_flat_images_to_validate_on_leave_scores_that_tell_models_apart(train, tmp_path, feature_weights):
    """As the empty background of a micrograph: bicubic interpolation is perfect there."""
    (tmp_path / "held").mkdir()
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "held" / "flat.png")
    Image.fromarray(np.ascontiguousarray(data.coffee()[100:164, 200:264])).save(tmp_path / "held" / "cup.png")
    options = ["--validate", str(tmp_path / "held"), "--feature-weights", str(feature_weights)]
    for steps in (2, 4):
        assert train(steps, *options).exit_code == 0
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    scores = {line["step"]: line["scores"]["score"] for line in lines if "scores" in line}
    assert sorted(scores) == [2, 4]
    assert np.isfinite([*scores.values()]).all()
    best = load_checkpoint(tmp_path / "run" / "best.safetensors")[1].training
    assert best["steps"] == max(scores, key=scores.__getitem__)


def test_a_folder_takes_one_run_at_a_time(train, tmp_path):
    """The second comes while the first is at work, from another process."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS.format(folder=str(tmp_path / "run"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    refused = train(2)
    holder.kill()  # no end that lets go by itself
    holder.communicate()
    assert refused.exit_code == 2
    assert "another run is at work in" in refused.stderr
    assert not (tmp_path / "run" / "last.safetensors").exists()
    assert train(2).exit_code == 0
    assert saved(tmp_path) == (2, 2)
