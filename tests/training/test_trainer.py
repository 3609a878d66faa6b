import dataclasses
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from napari_refvae.errors import MissingWeightsError, OutputError, TrainingError
from napari_refvae.model.checkpoint import load_checkpoint
from napari_refvae.model.config import PRESETS
from napari_refvae.training import devices, watch
from napari_refvae.training import run as run_module
from napari_refvae.training.config import DataConfig, LossWeights, StageConfig, TrainingConfig
from napari_refvae.training.data import ExampleSource
from napari_refvae.training.pace import Budget
from napari_refvae.training.state import load_state, save_state
from napari_refvae.training.trainer import Trainer

pytest.importorskip("lightning")

EVERYTHING = LossWeights(perceptual=0.3, local_best=0.2, style=0.01, adversarial=0.02, total_variation=0.1, spread=0.05)


TWO_PROCESSES = """
import hashlib, sys
from pathlib import Path
from napari_refvae.model.config import PRESETS, CompactConfig
from napari_refvae.training.config import DataConfig, LossWeights, StageConfig, TrainingConfig
from napari_refvae.training.data import ExampleSource
from napari_refvae.training.photographs import load_photographs
from napari_refvae.training.pace import Budget
from napari_refvae.training.trainer import Trainer

images, folder, features = (Path(word) for word in sys.argv[1:])
PRESETS["compact"] = CompactConfig(
    width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(8, 8, 8), code=4, noise=2, reference_widths=(8, 8)
)
weights = LossWeights(perceptual=0.3, local_best=0.2, style=0.01, adversarial=0.02)
config = TrainingConfig(
    "compact", (StageConfig("one", 0.5, 1e-3, 1e-3), StageConfig("two", 0.5, 1e-3, 1e-3, weights)), steps=4,
    data=DataConfig(patch=8, faithful=1, vivid=2, reference_size=32), precision="32-true",
)
source = ExampleSource(load_photographs(images, smallest=64), [], config.data, 8, seed=0)
trainer = Trainer(config, source, folder, feature_weights=features)
trainer.run(Budget(), report=lambda _: None, report_every=2)
digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in trainer.ema.parameters())).hexdigest()
(folder / f"digest-{trainer.fabric.global_rank}").write_text(digest)
"""


KILLED = (
    TWO_PROCESSES.partition("trainer.run")[0]
    + """
import os, signal
from napari_refvae.training import state

def replace(old, new, usual=os.replace):
    if trainer.step == 4:
        os.kill(os.getpid(), signal.SIGKILL)  # all is written, and nothing is in its place
    usual(old, new)

state.os.replace = replace
trainer.run(Budget(), report_every=1, save_minutes=0)
"""
)
"""Dies in the midst of its fourth save."""


def config(steps=6, **weights):
    losses = dataclasses.replace(EVERYTHING, **weights)
    return TrainingConfig(
        "compact",
        (StageConfig("one", 0.5, 1e-3, 1e-3, LossWeights()), StageConfig("two", 0.5, 1e-3, 1e-4, losses)),
        steps=steps,
        data=DataConfig(patch=8, faithful=2, vivid=2, reference_size=32, feature_crop=32),
        precision="32-true",
    )


def trainer(folder, settings, feature_weights, **options):
    source = ExampleSource([data.astronaut()], [], settings.data, 8, seed=0)
    return Trainer(settings, source, folder, feature_weights=feature_weights, **options)


def losses(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return {line["step"]: line["terms"] for line in lines if "terms" in line}


def test_a_resumed_run_is_the_run_that_was_never_stopped(tmp_path, feature_weights):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    trainer(whole, config(), feature_weights).run(Budget(), report=lambda _: None, report_every=1)
    first = trainer(cut, config(), feature_weights)
    for _ in range(4):  # into the second stage, then "killed" after a save
        first._step()
        first.step += 1
    first.save()
    trainer(cut, config(), feature_weights).run(Budget(), report=lambda _: None, report_every=1)
    told, made = losses(whole), losses(cut)
    assert sorted(made) == [5, 6]
    for step in made:
        assert made[step] == pytest.approx(told[step], rel=1e-5, abs=1e-7)
    a, b = (load_state(folder / "last.safetensors")[0] for folder in (whole, cut))
    for part in a:
        for name, value in a[part].items():
            torch.testing.assert_close(b[part][name], value, rtol=1e-4, atol=1e-6, msg=f"{part}/{name}")


class OneBatch(ExampleSource):
    """The same examples at every step."""

    def batch(self, step, rank=0, device=None):
        return super().batch(0)


def test_training_learns_what_it_sees_and_leaves_a_model_that_loads(
    tmp_path, feature_weights, tiny_preset, monkeypatch
):
    monkeypatch.setitem(globals(), "ExampleSource", OneBatch)
    settings = dataclasses.replace(config(steps=60), stages=(StageConfig("one", 1.0, 6e-3, 1e-3),))
    trainer(tmp_path, settings, feature_weights).run(Budget(), report=lambda _: None, report_every=10)
    told = losses(tmp_path)
    assert told[60]["faithful_pixel"] < 0.98 * told[10]["faithful_pixel"]
    model, info = load_checkpoint(tmp_path / "model.safetensors")
    assert info.preset == "compact"
    assert info.training["steps"] == 60
    assert model.config == tiny_preset


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(tmp_path, feature_weights):
    settings = config()
    run = trainer(tmp_path, settings, feature_weights)
    run.save()
    torch.nn.init.constant_(run._module.model.last.bias, torch.inf)
    with pytest.raises(TrainingError, match="at step 0; the last good state is in"):
        run.run(Budget(), report=lambda _: None)
    parts, _ = load_state(tmp_path / "last.safetensors")
    assert torch.isfinite(parts["network"]["model.last.bias"]).all()


def test_a_loss_that_runs_away_stops_and_keeps_the_last_good_state(tmp_path, feature_weights, monkeypatch):
    monkeypatch.setattr(watch, "LEAST", 3)
    monkeypatch.setattr(watch, "PATIENCE", 3)
    settings = dataclasses.replace(config(steps=100), stages=(StageConfig("one", 1.0, 1e-3, 1e-3),))
    run = trainer(tmp_path, settings, feature_weights)
    run.run(Budget(), should_stop=lambda: run.step == 5)
    assert load_state(tmp_path / "last.safetensors")[1]["step"] == 5
    with torch.no_grad():
        run._module.model.last.weight.add_(100.0 * torch.randn_like(run._module.model.last.weight))
    with pytest.raises(TrainingError, match=r"has stayed far above what was usual.* the last good state is in"):
        run.run(Budget(), save_minutes=0)
    assert load_state(tmp_path / "last.safetensors")[1]["step"] == 5


def test_a_run_that_measures_with_its_start_goes_on_without_it(tmp_path, tiny_model):
    losses = LossWeights(perceptual=0.3, kl_noise=0.0)
    settings = dataclasses.replace(
        config(steps=2), stages=(StageConfig("one", 1.0, 1e-2, 1e-2, losses),), perceptual_network="own"
    )
    with pytest.raises(TrainingError, match="name one, such as --start compact"):
        trainer(tmp_path, settings, None)
    first = trainer(tmp_path, settings, None, start=tiny_model)
    first.run(Budget())
    again = trainer(tmp_path, settings, None)
    assert again.step == 2
    for told, made in zip(first.perception.own.parameters(), again.perception.own.parameters(), strict=True):
        assert torch.equal(told, made)
    assert not torch.equal(again.ema.reference.convs[0].weight, again.perception.own.convs[0].weight)


def test_a_state_of_another_network_is_refused(tmp_path, feature_weights, monkeypatch):
    trainer(tmp_path, config(), feature_weights).save()
    (tmp_path / "model.safetensors").unlink()
    monkeypatch.setitem(PRESETS, "compact", dataclasses.replace(PRESETS["compact"], width=16))
    with pytest.raises(TrainingError, match="choose another output folder"):
        trainer(tmp_path, config(), feature_weights)


def test_what_it_was_is_scored_before_the_first_step_of_a_start(tmp_path, feature_weights, tiny_model):
    run = trainer(tmp_path, config(), feature_weights, start=tiny_model, validate=lambda model: {"score": 1.0})
    run.run(Budget(minutes=0))
    assert load_checkpoint(tmp_path / "best.safetensors")[1].training["steps"] == 0


def test_a_score_of_another_kind_begins_anew(tmp_path, feature_weights):
    run = trainer(tmp_path, config(), feature_weights, validate=lambda model: {"old": 30.0})
    run._validate()
    run.validate = lambda model: {"new": 20.0}
    run._validate()
    assert load_checkpoint(tmp_path / "best.safetensors")[1].training["scores"] == {"new": 20.0}


def test_a_run_needs_a_folder_it_can_make(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="could not write"):
        trainer(tmp_path / "file" / "run", config(), None)


def test_a_state_saved_before_the_first_step_goes_on(tmp_path, feature_weights):
    trainer(tmp_path, config(), feature_weights).run(Budget(minutes=0))
    assert trainer(tmp_path, config(), feature_weights).step == 0


def test_a_run_may_leave_the_posterior_out_and_take_it_up_again(tmp_path, feature_weights):
    seeing = dataclasses.replace(config(), stages=(StageConfig("one", 1.0, 1e-3, 1e-3),))
    blind = LossWeights(posterior_pixel=0.0, kl_noise=0.0)
    without = dataclasses.replace(seeing, stages=(StageConfig("one", 1.0, 1e-3, 1e-3, blind),))
    for step, settings in enumerate((seeing, without, seeing)):
        run = trainer(tmp_path, settings, feature_weights)
        assert run.step == step
        terms = run._step()
        assert ("posterior_pixel" in terms) == (settings is seeing)
        run.step += 1
        run.save()


def test_what_does_not_fit_a_state_is_named(tmp_path, feature_weights, tiny_model):
    judged = config()
    first = trainer(tmp_path, judged, feature_weights)
    first._step()
    first.save()
    own = dataclasses.replace(judged, perceptual_network="own")
    with pytest.raises(TrainingError, match="perceptual_network was 'features' and is 'own'"):
        trainer(tmp_path, own, feature_weights, start=tiny_model)
    with pytest.raises(TrainingError, match=r"adversary was 'features' and is 'patchgan'.*another output folder"):
        trainer(tmp_path, dataclasses.replace(judged, adversary="patchgan"), feature_weights)
    longer = dataclasses.replace(judged, steps=9, seed=4)
    assert trainer(tmp_path, longer, feature_weights).best == first.best


def test_a_state_without_its_config_goes_on_or_says_what_is_expected(tmp_path, feature_weights):
    first = trainer(tmp_path, config(), feature_weights)
    first._step()
    first.save()
    parts, _ = load_state(tmp_path / "last.safetensors")
    save_state(tmp_path / "last.safetensors", parts, {"step": 1, "best": 3.0})
    assert trainer(tmp_path, config(), feature_weights).step == 1
    save_state(tmp_path / "last.safetensors", parts, {"best": 3.0})
    with pytest.raises(TrainingError, match=r"preset compact, perceptual_network features, adversary features"):
        trainer(tmp_path, config(), feature_weights)


def test_the_best_model_outlives_a_state_that_is_older(tmp_path, feature_weights):
    scores = iter([3.0, 7.0, 5.0])
    run = trainer(tmp_path, config(), feature_weights, validate=lambda model: {"score": next(scores)})
    run._validate()
    run.save()
    run.step = 2
    run._validate()  # and killed before the next save
    again = trainer(tmp_path, config(), feature_weights, validate=lambda model: {"score": next(scores)})
    assert again.best.score == 7
    assert not again._validate()
    assert load_checkpoint(tmp_path / "best.safetensors")[1].training["scores"] == {"score": 7.0}


def test_the_end_is_saved_before_it_is_scored_and_after_an_unusual_loss(tmp_path, feature_weights):
    def fail(model):
        raise RuntimeError("no score")

    run = trainer(tmp_path, config(steps=2), feature_weights, validate=fail)
    run.watch.see = lambda stage, loss: setattr(run.watch, "unusual", 1)
    with pytest.raises(RuntimeError, match="no score"):
        run.run(Budget())
    assert load_state(tmp_path / "last.safetensors")[1]["step"] == 2
    scored = trainer(tmp_path, config(steps=2), feature_weights, validate=lambda model: {"score": 3.0})
    scored.run(Budget())
    assert load_state(tmp_path / "last.safetensors")[1]["best"] == 3


def test_a_process_starts_no_others(monkeypatch):
    asked = []
    monkeypatch.setattr(devices, "Fabric", lambda **options: asked.append(options["devices"]) or Recorder())
    for started in (None, "2"):
        if started:
            monkeypatch.setenv("LOCAL_WORLD_SIZE", started)
        devices.open_fabric("32-true")
    assert asked == [1, 2]


class Recorder:
    """Stands for Fabric."""

    def launch(self):
        """Start nothing."""


def test_two_processes_train_one_model(tmp_path, feature_weights):
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    Image.fromarray(data.astronaut()).save(photographs / "a.png")
    program = tmp_path / "train.py"
    program.write_text(TWO_PROCESSES)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone", str(program)]
    arguments = [str(path) for path in (photographs, tmp_path / "run", feature_weights)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    digests = {path.read_text() for path in (tmp_path / "run").glob("digest-*")}
    assert len(list((tmp_path / "run").glob("digest-*"))) == 2
    assert len(digests) == 1, "the processes hold different weights"
    assert sorted(losses(tmp_path / "run")) == [2, 4]


def test_a_killed_run_goes_on_from_its_last_state(tmp_path, feature_weights):
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    Image.fromarray(data.astronaut()).save(photographs / "a.png")
    program, folder = tmp_path / "train.py", tmp_path / "run"
    program.write_text(KILLED)
    command = [sys.executable, str(program), *(str(path) for path in (photographs, folder, feature_weights))]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    killed = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert load_state(folder / "last.safetensors")[1]["step"] == 3
    settings = dataclasses.replace(
        config(steps=4), data=DataConfig(patch=8, faithful=1, vivid=2, reference_size=32), seed=0
    )
    again = trainer(folder, settings, feature_weights)
    assert again.step == 3
    again.run(Budget(), report_every=1)
    assert sorted(losses(folder)) == [1, 2, 3, 4]
    assert load_state(folder / "last.safetensors")[1]["step"] == 4


def test_no_time_means_no_step(tmp_path, feature_weights):
    run = trainer(tmp_path, config(), feature_weights)
    run.run(Budget(minutes=0), report=lambda _: None)
    assert run.step == 0
    assert (tmp_path / "model.safetensors").exists()


def test_losses_on_features_fetch_their_network_or_say_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("REFVAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("napari_refvae.model.vgg.TORCHVISION_URL", "http://127.0.0.1:9/vgg19.pth")
    with pytest.raises(MissingWeightsError, match=r"vgg19\.pth"):
        trainer(tmp_path, config(), None)


def test_the_best_model_is_kept(tmp_path, feature_weights):
    scores = iter([3.0, 5.0, 4.0])
    run = trainer(tmp_path, config(), feature_weights, validate=lambda model: {"score": next(scores)})
    for step in (1, 2, 3):
        run.step = step
        run._validate()
    _, info = load_checkpoint(tmp_path / "best.safetensors")
    assert info.training["steps"] == 2
    assert info.training["scores"] == {"score": 5.0}


def test_train_from_folders_validates_and_returns_the_model(tmp_path):
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for name, image in (("a", data.astronaut()), ("b", data.coffee())):
        Image.fromarray(np.ascontiguousarray(image[:300, :300])).save(photographs / f"{name}.png")
    toml = tmp_path / "tiny.toml"
    toml.write_text(
        'preset = "compact"\nsteps = 2\nprecision = "32-true"\n[data]\npatch = 8\nfaithful = 1\nvivid = 1\n'
        '[[stages]]\nname = "one"\nshare = 1.0\nlearning_rate = 1e-3\nfinal_learning_rate = 1e-4\n'
    )
    seen = []
    path = run_module.train(
        toml, photographs, tmp_path / "run", validate=photographs, report=seen.append, references=photographs
    )
    _, info = load_checkpoint(path)
    assert [report.step for report in seen] == [2]
    assert info.training["config"]["steps"] == 2
    best = load_checkpoint(tmp_path / "run" / "best.safetensors")[1]
    assert 5 < best.training["scores"]["faithful_psnr_y"] < 60
