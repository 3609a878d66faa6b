"""A streamed run that was stopped goes on, whatever it was stopped by, and ends with the same bytes."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from typer.testing import CliRunner

from napari_refvae.batch.leftovers import remove_leftovers
from napari_refvae.cli import app
from napari_refvae.errors import DeviceError, InvalidInputError, InvalidSpecError, OutputError, UnreadableFileError
from napari_refvae.imageio.files import write_image
from napari_refvae.stacks import stage
from napari_refvae.stacks.making import PieceMaker

pytest.importorskip("zarr")

PIECES = 6


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def gone(path: Path) -> None:
    path.unlink()


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def flipped(path: Path) -> None:
    old = path.read_bytes()
    path.write_bytes(old[:40] + bytes([old[40] ^ 255]) + old[41:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


class Stopped(KeyboardInterrupt):
    pass


def stopping(after: int):
    def on_progress(step):
        if step.done == after:
            raise Stopped

    return on_progress


class TestResuming:
    def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(self, stream, image, tmp_path):
        stream(image, count=2)
        expected = content(tmp_path / "out")
        with pytest.raises(Stopped):
            stream(image, count=2, folder="again", on_progress=stopping(PIECES + 3))
        (stage,) = (tmp_path / "again").iterdir()
        assert stage.name.startswith(".refvae-")
        noted = (stage / "journal.jsonl").read_text().splitlines()
        assert len(noted) == PIECES + 3
        (stage / "journal.jsonl").write_text("\n".join(noted) + '\n{"image": 1, "pie')  # as the power went

        kept = {path: path.stat().st_mtime_ns for path in (stage / "0.zarr" / "0").rglob("*") if path.is_file()}
        stream(image, count=2, folder="again", resume=True)
        assert content(tmp_path / "again") == expected
        moved = tmp_path / "again" / "a_x8_none_s3.zarr"
        assert all((moved / path.relative_to(stage / "0.zarr")).stat().st_mtime_ns == kept[path] for path in kept)

    @pytest.mark.parametrize("level", ["0", "2"], ids=["finest", "coarsest"])
    @pytest.mark.parametrize("spoil", [gone, cut_short, flipped, empty])
    def test_a_piece_that_is_not_as_it_was_written_is_made_again(self, stream, image, tmp_path, spoil, level):
        stream(image)
        expected = content(tmp_path / "out")
        with pytest.raises(Stopped):
            stream(image, folder="again", on_progress=stopping(PIECES))
        (stage,) = (tmp_path / "again").iterdir()
        chunks = sorted(path for path in (stage / "0.zarr" / level / "c").rglob("*") if path.is_file())
        spoil(chunks[-1])  # at the edge, where the image does not fill its chunk
        stream(image, folder="again", resume=True)
        assert content(tmp_path / "again") == expected

    @pytest.mark.parametrize(
        "attributes",
        [{}, [], {"ome": 7}, {"ome": {"multiscales": [{"datasets": 3}]}}, {"ome": {"multiscales": {"a": None}}}],
        ids=str,
    )
    def test_an_image_whose_description_is_damaged_is_made_again(self, stream, image, tmp_path, attributes):
        stream(image)
        expected = content(tmp_path / "out")
        with pytest.raises(Stopped):
            stream(image, folder="again", on_progress=stopping(2))
        (stage,) = (tmp_path / "again").iterdir()
        path = stage / "0.zarr" / "zarr.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"attributes": attributes}))
        stream(image, folder="again", resume=True)
        assert content(tmp_path / "again") == expected

    def test_chunks_that_were_being_written_are_not_published(self, stream, image, tmp_path):
        with pytest.raises(Stopped):
            stream(image, on_progress=stopping(2))
        (chunk,) = (tmp_path / "out").rglob("0.zarr/0/c/0/0/0")
        chunk.with_suffix(".0123456789abcdef0123456789abcdef.partial").write_bytes(b"half of it")
        stream(image, resume=True)
        assert not [*(tmp_path / "out").rglob("*.partial")]

    def test_other_choices_than_those_of_the_beginning_are_refused(self, stream, image, tmp_path):
        with pytest.raises(Stopped):
            stream(image, on_progress=stopping(2))
        for choice, said in (
            ({"tile": 9}, "with tiles of .*; got tile 9: leave the tile out"),
            ({"precision": "bfloat16"}, "in float32; got precision 'bfloat16'"),
        ):
            with pytest.raises(InvalidSpecError, match=f"the run was begun {said}.*or begin anew without --resume"):
                stream(image, resume=True, **choice)
        stream(image, resume=True, precision="auto", device="auto")

    def test_before_anything_is_made_any_choice_may_change(self, stream, image, tmp_path, monkeypatch):
        def stopped(*_):
            raise Stopped

        with monkeypatch.context() as patched:
            patched.setattr(PieceMaker, "make", stopped)
            with pytest.raises(Stopped):
                stream(image)
        stream(image, resume=True, tile=9)
        assert json.loads((tmp_path / "out" / "a_x8.json").read_text())["resolved"]["tile"]["size"] == 9

    def test_a_stage_that_outlives_its_results_is_rubbish(self, stream, image, tmp_path, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr(stage, "remove_stage", lambda _: None)  # as if it were killed there
            stream(image)
        (left,) = (path for path in (tmp_path / "out").iterdir() if path.name.startswith("."))
        assert remove_leftovers(tmp_path / "out") == [left]
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_x8.json", "a_x8_none_s3.zarr"]

    def test_without_asking_a_run_begins_anew_and_another_run_has_its_own_folder(self, stream, image, tmp_path):
        for seed in (3, 4):
            with pytest.raises(Stopped):
                stream(image, seed=seed, on_progress=stopping(2))
        assert len(list((tmp_path / "out").iterdir())) == 2
        done = []
        stream(image, on_progress=lambda step: done.append(step.done))
        assert done == list(range(1, PIECES + 1))
        names = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert names[1:] == ["a_x8.json", "a_x8_none_s3.zarr"]

    def test_two_processes_do_not_make_the_same_at_once(self, stream, image, tmp_path):
        with pytest.raises(Stopped):
            stream(image, on_progress=stopping(2))
        (stage,) = (tmp_path / "out").iterdir()
        with (
            FileLock(stage.with_suffix(".lock")),
            pytest.raises(OutputError, match="another process is making the same"),
        ):
            stream(image, resume=True)

    @pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
    def test_a_full_disk_is_named_and_the_rest_is_made_when_there_is_room(self, stream, image, tmp_path, full_disk):
        with full_disk(12_000), pytest.raises(OutputError, match="the disk is full"):
            stream(image)
        assert not [path for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")]
        stream(image, resume=True)
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_x8.json", "a_x8_none_s3.zarr"]

    def test_what_is_refused_leaves_nothing(self, stream, image, tmp_path, monkeypatch):
        empty = np.full((20, 20), np.nan, np.float32)
        with pytest.raises(InvalidInputError, match="a channel of only NaN"):
            stream(empty)
        assert not (tmp_path / "out").exists()

    def test_a_file_that_is_away_costs_nothing_that_is_made(self, stream, image, tmp_path):
        def vanish(step):
            if step.done == 3:
                raise UnreadableFileError("slide.zarr vanished while it was being read: start again when it is back")

        with pytest.raises(UnreadableFileError):
            stream(image, on_progress=vanish)
        (stage,) = (tmp_path / "out").iterdir()
        assert len((stage / "journal.jsonl").read_text().splitlines()) == 3

    @pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space"), Stopped()], ids=["full", "stopped"])
    def test_what_cannot_be_published_stays_whole(self, stream, image, tmp_path, monkeypatch, error):
        replace = Path.replace

        def failing(self, target):
            if target.name == "a_x8.json":  # the last
                raise error
            return replace(self, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", failing)
            with pytest.raises((OutputError, Stopped)):
                stream(image, count=2)
        (stage,) = (tmp_path / "out").iterdir()
        assert sorted(path.name for path in stage.glob("*.zarr")) == ["0.zarr", "1.zarr"]

        monkeypatch.setattr(PieceMaker, "make", None)  # nothing is made again
        stream(image, count=2, resume=True)
        names = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert names == ["a_x8.json", "a_x8_none_s3.zarr", "a_x8_none_s4.zarr"]
        assert json.loads((tmp_path / "out" / "a_x8.json").read_text())["files"][1]["name"] == names[2]

    def test_a_run_goes_on_where_it_was_begun(self, stream, image, tmp_path):
        with pytest.raises(Stopped):
            stream(image, on_progress=stopping(2))
        (stage,) = (tmp_path / "out").iterdir()
        told = json.loads((stage / "run.json").read_text())
        told["resolved"]["device"] = "cuda:77"
        (stage / "run.json").write_text(json.dumps(told))
        with pytest.raises(DeviceError, match="begun on cuda:77; got device 'cpu': leave the device out"):
            stream(image, resume=True)
        with pytest.raises(DeviceError, match=r"begun on cuda:77, which is not here .* begin anew without --resume"):
            stream(image, resume=True, device="auto")
        assert len((stage / "journal.jsonl").read_text().splitlines()) == 2
        stream(image)


KILLED = """
import os, signal
from napari_refvae.cli import main
from napari_refvae.stacks import stage, streaming

streaming.PIECE, streaming.CHUNK = 16, 64  # as here
add, count = stage.Stage.add, 0

def dying(self, *what):
    global count
    count += 1
    if count == 4:
        os.kill(os.getpid(), signal.{name})
    add(self, *what)

stage.Stage.add = dying
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize(("name", "code"), [("SIGKILL", -9), ("SIGINT", 130)])
def test_what_is_finished_survives_kill_9_and_ctrl_c(image, tiny_model, tmp_path, monkeypatch, name, code):
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "a.png", image)
    words = ["upscale", "a.png", "-n", "1", "--format", "zarr", "--model", str(tiny_model), "--device", "cpu"]
    words += ["--precision", "float32", "--resume", "-o"]
    command = [sys.executable, "-c", KILLED.format(name=name), *words, "out"]
    stopped = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert stopped.returncode == code, stopped.stderr
    assert "Traceback" not in stopped.stderr
    (stage,) = (path for path in Path("out").iterdir() if path.name.endswith(".stream"))
    assert len((stage / "journal.jsonl").read_text().splitlines()) >= 3
    for folder in ("out", "straight"):
        done = CliRunner().invoke(app, [*words, folder])
        assert done.exit_code == 0, done.output
    assert content(tmp_path / "out") == content(tmp_path / "straight")


KILLED_BETWEEN_NAMES = """
import os, signal
from pathlib import Path
from napari_refvae.cli import main
from napari_refvae.stacks import streaming

streaming.PIECE, streaming.CHUNK = 16, 64  # as here
replace, count = Path.replace, 0

def dying(self, target):
    global count
    count += Path(target).name.startswith("a_x8")
    if count == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)

Path.replace = dying
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_kill_9_between_the_final_names_loses_nothing(image, tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "a.png", image)
    words = ["upscale", ".", "-n", "2", "--format", "zarr", "--model", str(tiny_model), "--device", "cpu"]
    words += ["--precision", "float32", "--resume"]
    killed = subprocess.run([sys.executable, "-c", KILLED_BETWEEN_NAMES, *words], timeout=250, check=False)
    assert killed.returncode == -9
    names = {path.name for path in tmp_path.iterdir()}
    assert {"a_x8.json", "a_x8_none_s0.zarr"} < names
    assert "a_x8_none_s1.zarr" not in names

    monkeypatch.setattr(PieceMaker, "make", None)  # nothing is made again, and no result is an input
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["a.png", "a_x8.json", "a_x8_none_s0.zarr", "a_x8_none_s1.zarr"]
    assert "finished before" in CliRunner().invoke(app, words).stdout
