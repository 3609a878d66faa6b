import json
import sys

import numpy as np
import pytest
from PIL import Image

from napari_refvae.errors import OutputError
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


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on what a process writes")
def test_a_full_disk_is_named_and_leaves_no_part(tmp_path, full_disk):
    journal = Journal(tmp_path, tensorboard=False)
    write(journal)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with full_disk(len(before["log.jsonl"]) + 10):
        with pytest.raises(OutputError, match=r"log\.jsonl: the disk is full"):
            journal.scores(200, {"score": 25.0})
        with pytest.raises(OutputError, match=r"samples\.png: the disk is full"):
            journal.picture(200, np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_log_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(OutputError, match=r"could not write .*log\.jsonl"):
        Journal(tmp_path, tensorboard=False).scores(1, {"score": 1.0})
