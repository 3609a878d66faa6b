"""The bar, the reports and the stop of ``refvae train``; what it trains is tested beside."""

import os
import signal
from dataclasses import replace

from typer.testing import CliRunner

from napari_refvae.cli import app
from napari_refvae.cli.training import _clock, _ending, _kept, _stopping
from napari_refvae.training.journal import Report
from napari_refvae.training.pace import TrainingProgress


def test_reports_go_to_stdout_and_the_stop_is_passed_on(tmp_path, monkeypatch):
    def fake(config, images, output, *, report, progress, should_stop, **options):
        progress(TrainingProgress(1, 200, "one", 0.5, 0.25, 3723.0))
        report(Report(100, 200, "one", 1e-3, 0.25, {"loss": 0.5}))
        os.kill(os.getpid(), signal.SIGINT)
        assert should_stop()
        return output / "model.safetensors"

    monkeypatch.setattr("napari_refvae.training.run.train", fake)
    usual = signal.getsignal(signal.SIGINT)
    done = CliRunner().invoke(app, ["train", "--images", "a", "--output", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert "one 100/200  0.25 s a step" in done.stdout
    assert "Stopped after step 1 of 200. It is saved; the same command goes on from there.\nWrote" in done.stdout
    assert "There is no best.safetensors: models are scored, and the best one kept, with --validate" in done.stdout
    assert signal.getsignal(signal.SIGINT) is usual


def test_only_the_first_of_several_processes_speaks(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("napari_refvae.training.run.train", lambda *_, **__: tmp_path)
    done = CliRunner().invoke(app, ["train", "--images", "a", "--output", str(tmp_path / "run")])
    assert (done.exit_code, done.stdout) == (0, "")


def test_the_second_stop_is_as_usual():
    usual = signal.getsignal(signal.SIGINT)
    with _stopping() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.is_set()
        assert signal.getsignal(signal.SIGINT) is usual


def test_the_end_says_how_far_it_came():
    now = TrainingProgress(7, 10, "one", 0.5, 0.25, 1.0)
    assert _ending(now, "The time is over").startswith("The time is over after step 7 of 10.")
    assert _ending(replace(now, step=10), "The time is over") == "Done: all 10 steps."
    assert _ending(None, "Stopped").startswith("No step was made")


def test_the_end_says_what_was_kept(tmp_path):
    model, best = tmp_path / "model.safetensors", tmp_path / "best.safetensors"
    assert "--validate" in _kept(model, validated=False)
    assert "--validate" not in _kept(model, validated=True)  # scored, but nothing was better than the start
    best.touch()
    lines = _kept(model, validated=False).splitlines()
    assert lines[1] == f"Kept {best}: the model with the best score."
    assert f"--model {best}" in lines[2]


def test_the_clock():
    assert [_clock(seconds) for seconds in (7, 127, 3723)] == ["0:07", "2:07", "1:02:03"]
