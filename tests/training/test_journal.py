import json

import numpy as np
import pytest
from PIL import Image

from napari_refvae.training import journal as journal_module
from napari_refvae.training.journal import Journal, Report

SHEET = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)


def write(journal):
    journal.report(Report(100, 500, "one", 1e-3, 0.5, {"loss": 0.25}))
    journal.scores(100, {"score": 24.5})
    journal.picture(100, SHEET)
    journal.close()


def check_files(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert lines[0]["terms"] == {"loss": 0.25}
    assert lines[1] == {"step": 100, "scores": {"score": 24.5}}
    assert (np.asarray(Image.open(folder / "samples.png")) == SHEET).all()


def test_tensorboard_gets_scalars_and_pictures(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write(Journal(tmp_path))
    check_files(tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert events.Scalars("loss/loss")[0].value == 0.25
    assert events.Scalars("validation/score")[0].value == 24.5
    assert events.Scalars("pace/seconds_a_step")[0].step == 100
    (picture,) = events.Images("samples")
    assert (picture.height, picture.width) == (8, 12)


def test_without_tensorboard_the_rest_is_written(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(journal_module, "find_spec", lambda name: None)
    with caplog.at_level("INFO"):
        write(Journal(tmp_path))
    check_files(tmp_path)
    assert not (tmp_path / "tensorboard").exists()
    assert caplog.text.count("tensorboard is not installed") == 1


def test_tensorboard_can_be_switched_off(tmp_path):
    write(Journal(tmp_path, tensorboard=False))
    check_files(tmp_path)
    assert not (tmp_path / "tensorboard").exists()
