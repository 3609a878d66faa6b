"""The bar, the reports and the stop of ``refvae train``; what it trains is tested beside."""

import os
import signal

from typer.testing import CliRunner

from napari_refvae.cli import app
from napari_refvae.cli.training import _clock, _stopping
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
    assert "Stopped; the same command goes on. Wrote" in done.stdout
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


def test_the_clock():
    assert [_clock(seconds) for seconds in (7, 127, 3723)] == ["0:07", "2:07", "1:02:03"]
