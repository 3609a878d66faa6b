"""Zarr is made piece by piece, and is what one run of the whole image gives."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

import napari_refvae
from napari_refvae.errors import DeviceError, InvalidInputError, OutputError, UnreadableFileError
from napari_refvae.imageio.arrays import describe_array
from napari_refvae.imageio.files import open_source, write_image
from napari_refvae.regions import Region
from napari_refvae.stacks import planning
from napari_refvae.stacks.making import PieceMaker
from napari_refvae.stacks.planning import plan_stack
from napari_refvae.stacks.saving import save_stack

zarr = pytest.importorskip("zarr")

PIECES = 6


@pytest.fixture
def stream(settings, tmp_path):
    """Stream an image; the pixels of what is made."""

    def run(image, references=(), folder="out", resume=False, on_progress=None, axes=None, latent="same", **others):
        source = describe_array(image, axes) if isinstance(image, np.ndarray) else image
        plan = plan_stack(source, references, settings(**others), latent=latent)
        made, _ = save_stack(plan, tmp_path / folder, "a", ".zarr", resume=resume, on_progress=on_progress)
        return [np.stack([plane for _, plane in open_source(path).planes()]) for path, *_ in made]

    return run


@pytest.fixture
def whole(tiny_model):
    """The same in one run."""

    def run(image, references=(), count=1, seed=3, **others):
        options = {"model": tiny_model, "device": "cpu", "precision": "float32", "seed": seed} | others
        return napari_refvae.upscale(image, references, samples=count, **options)

    return run


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def close(made, expected):
    """To 1e-5 of the range; after rounding, to one value in few pixels."""
    difference = np.abs(made.astype(np.float64) - expected)
    if made.dtype.kind == "f":
        assert difference.max() <= 1e-5
    else:
        assert difference.max() <= 1
        assert np.mean(difference > 0) < 1e-3


class TestLaw:
    @pytest.mark.parametrize(
        ("reference", "options"),
        [
            ("none", {"count": 2}),
            ("self", {"region": Region(3, 7, 25, 30)}),
            ("none", {"scale": 2, "faithful": True}),
            ("none", {"consistency": None, "vividness": 0.0}),
        ],
        ids=["samples", "region", "scale", "ensemble"],
    )
    def test_what_is_streamed_is_what_one_run_gives(self, stream, whole, image, reference, options):
        expected = whole(image, reference, **options)
        made = stream(image, reference, **options)
        for sample, streamed in zip(expected.sr, made, strict=False):
            close(streamed[0], sample)
        if expected.faithful is not None:
            close(made[-1][0], expected.faithful)

    def test_floats_are_bounded_by_the_whole_images_values(self, stream, whole, image):
        values = image[..., 0].astype(np.float32) / 300 + 0.05
        options = {"intensity_range": napari_refvae.IntensityRange(0.2, 0.6)}
        close(stream(values, **options)[0][0], whole(values, **options).sr[0])

    def test_alpha(self, stream, whole, image):
        with_alpha = np.dstack((image, image[::-1, :, 0]))
        close(stream(with_alpha, "self")[0][0], whole(with_alpha, "self").sr[0])

    def test_missing_values_are_filled_and_come_back_as_in_one_run(self, stream, whole, image):
        values = image / np.float32(255)
        values[2:9, 3:20], values[30, 40, 1] = np.nan, np.inf
        close(np.nan_to_num(stream(values)[0][0]), np.nan_to_num(whole(values).sr[0]))
        np.testing.assert_array_equal(np.isnan(stream(values, folder="b")[0][0]), np.isnan(whole(values).sr[0]))

    def test_planes_share_a_latent_or_have_their_own(self, stream, whole, image):
        stack = np.stack([image[..., 0], image[..., 1]])
        for latent, seeds in (("same", (3, 3)), ("fresh", (3, 4))):
            (made,) = stream(stack, axes="zyx", latent=latent)
            for plane, seed, streamed in zip(stack, seeds, made, strict=True):
                close(streamed, whole(plane, seed=seed).sr[0])

    def test_no_more_than_a_window_is_read_at_once(self, stream, image, monkeypatch):
        large, read = np.tile(image[..., 0], (8, 8)), []
        plan_source = describe_array(large)
        true_read = type(plan_source).read
        monkeypatch.setattr("napari_refvae.stacks.surveying.BAND_ROWS", 4)

        def reading(self, index=(), region=None):
            if self is plan_source:  # and not the result
                read.append(large.size if region is None else region.height * region.width)
            return true_read(self, index, region)

        monkeypatch.setattr(type(plan_source), "read", reading)
        stream(plan_source, region=Region(100, 100, 20, 20))
        assert max(read) <= (16 + 2 * (16 + 12)) ** 2 < large.size / 15


def test_metadata_place_the_image_and_its_coarser_levels(stream, image, tmp_path):
    stream(image, folder="out", region=Region(8, 16, 20, 24))
    group = zarr.open_group(str(tmp_path / "out" / "a_x8_none_s3.zarr"), mode="r")
    (described,) = group.attrs["ome"]["multiscales"]
    transformations = [entry["coordinateTransformations"] for entry in described["datasets"]]

    assert described["name"] == "a"
    assert [group[entry["path"]].shape for entry in described["datasets"]] == [(3, 160, 192), (3, 80, 96), (3, 40, 48)]
    assert transformations[0][0]["scale"] == [1, 0.125, 0.125]
    assert transformations[0][1]["translation"] == [0, 8 - 0.4375, 16 - 0.4375]
    assert transformations[2][0]["scale"] == [1, 0.5, 0.5]
    assert transformations[2][1]["translation"] == [0, 8 - 0.25, 16 - 0.25]


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

    def test_a_piece_that_is_not_as_it_was_written_is_made_again(self, stream, image, tmp_path):
        stream(image)
        expected = content(tmp_path / "out")
        with pytest.raises(Stopped):
            stream(image, folder="again", on_progress=stopping(PIECES))
        (stage,) = (tmp_path / "again").iterdir()
        chunks = [path for path in (stage / "0.zarr" / "0" / "c").rglob("*") if path.is_file()]
        chunks[0].unlink()
        stream(image, folder="again", resume=True)
        assert content(tmp_path / "again") == expected

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
        with FileLock(stage / "lock"), pytest.raises(OutputError, match="another process is making the same"):
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


def test_a_plane_too_large_to_be_its_own_reference_is_refused_unread(settings, image, monkeypatch):
    source = describe_array(np.stack([image[..., 0]] * 2), "zyx")
    monkeypatch.setattr(planning, "LARGEST_SELF", 100)
    monkeypatch.setattr(type(source), "read", None)
    with pytest.raises(InvalidInputError, match="at most 100 pixels as its own reference; got 31 x 41"):
        plan_stack(source, "self", settings())


KILLED = """
import os, signal
from napari_refvae.cli import main
from napari_refvae.stacks import stage, streaming

streaming.PIECE = 16
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
def test_what_is_finished_survives_kill_9_and_ctrl_c(image, tiny_model, tmp_path, name, code):
    write_image(tmp_path / "a.png", image)
    words = ["upscale", "a.png", "-n", "1", "--format", "zarr", "--model", str(tiny_model), "--device", "cpu"]
    words += ["--precision", "float32", "--resume", "-o"]
    program = KILLED.format(name=name)

    def run(text, *more):
        command = [sys.executable, "-c", text, *words, *more]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=250)

    stopped = run(program, "out")
    assert stopped.returncode == code, stopped.stderr
    assert "Traceback" not in stopped.stderr
    (stage,) = (path for path in (tmp_path / "out").iterdir() if path.name.endswith(".stream"))
    assert len((stage / "journal.jsonl").read_text().splitlines()) >= 3
    finished = run(program.replace(f"signal.{name}", "0"), "out")
    assert finished.returncode == 0, finished.stderr
    straight = run(program.replace(f"signal.{name}", "0"), "straight")
    assert straight.returncode == 0, straight.stderr
    assert content(tmp_path / "out") == content(tmp_path / "straight")


def test_the_side_car_tells_what_replay_needs(stream, image, tmp_path):
    stream(image, count=2, faithful=True)
    told = json.loads((tmp_path / "out" / "a_x8.json").read_text())
    assert told["resolved"]["piece"] == 16
    assert [len(entry["pixels"]) for entry in told["files"]] == [64] * 3
    assert len({entry["pixels"] for entry in told["files"]}) == 3
    assert os.listdir(tmp_path) == ["out"]
