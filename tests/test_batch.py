import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from filelock import FileLock
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from napari_refvae import api
from napari_refvae.batch import running
from napari_refvae.batch.finding import Found, find_images, split_list
from napari_refvae.batch.leftovers import at_work, remove_leftovers
from napari_refvae.batch.report import Outcome, summarize
from napari_refvae.batch.running import Batch
from napari_refvae.batch.space import expect_bytes, expect_zarr
from napari_refvae.cli import app
from napari_refvae.errors import InvalidInputError, OutOfMemoryError
from napari_refvae.imageio import saving
from napari_refvae.imageio.files import write_image
from napari_refvae.model.doors import LatentLayout
from napari_refvae.planning import RunSettings
from napari_refvae.regions import Region
from napari_refvae.stacks import streaming
from napari_refvae.stacks.pools import HERE
from napari_refvae.stacks.stage import Stage

LR = data.astronaut()[100:164:8, 150:222:8]  # (8, 9, 3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where commands run: photos/a.png, photos/a.jpg, photos/inner/a.png, photos/inner/deep/b.tif, photos/notes.txt."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "inner" / "deep").mkdir(parents=True)
    Image.fromarray(LR).save("photos/a.png")
    Image.fromarray(LR[::-1]).save("photos/a.jpg")
    Image.fromarray(LR[:, ::-1]).save("photos/inner/a.png")
    Image.fromarray(255 - LR).save("photos/inner/deep/b.tif")
    Path("photos/notes.txt").write_text("no image")
    return tmp_path


@pytest.fixture
def upscale(tiny_model):
    def run(*words, stdin=None):
        fixed = ["-n", "1", "-o", "out", "--model", str(tiny_model), "--device", "cpu", "--precision", "float32"]
        return CliRunner().invoke(app, ["upscale", *fixed, *map(str, words)], input=stdin)

    return run


def paths(found):
    return [image.path.as_posix() for image in found]


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class TestFinding:
    def test_a_folder_and_the_folders_in_it(self, folder):
        assert paths(find_images(["photos"])) == ["photos/a.jpg", "photos/a.png"]
        deep = find_images(["photos"], recursive=True)
        assert paths(deep) == ["photos/a.jpg", "photos/a.png", "photos/inner/a.png", "photos/inner/deep/b.tif"]
        assert [image.folder for image in deep] == [Path(), Path(), Path("inner"), Path("inner/deep")]

    def test_a_pattern_mirrors_what_lies_below_its_fixed_part(self, folder):
        assert find_images(["photos/**/*.png"]) == [
            Found(Path("photos/a.png")),
            Found(Path("photos/inner/a.png"), Path("inner")),
        ]

    @pytest.mark.parametrize("pattern", ["photos/**.png", "pho**/*.png"])
    def test_two_stars_within_a_part_are_refused(self, folder, upscale, pattern):
        done = upscale(pattern)
        assert done.exit_code == 2
        assert "photos/**/*.png" in done.stderr

    def test_a_file_whose_name_looks_like_a_pattern_is_a_file(self, folder):
        Path("photos/a.png").rename("a[1].png")
        assert find_images(["a[1].png"]) == [Found(Path("a[1].png"))]

    def test_each_image_once_however_often_it_is_named(self, folder):
        assert paths(find_images(["photos/a.png", "photos", "./photos/a.png", "photos/*.png"])) == [
            "photos/a.png",
            "photos/a.jpg",
        ]

    def test_what_is_named_is_taken_though_it_is_not_there(self, folder):
        assert paths(find_images(["nowhere.png"], listed=["*.png"])) == ["nowhere.png", "*.png"]

    def test_results_and_hidden_files_are_no_inputs(self, folder, upscale):
        shutil.copy("photos/a.png", "photos/.hidden.png")
        before = find_images(["photos"])
        assert upscale("photos", "--output", "photos").exit_code == 0
        assert len(files(folder / "photos")) > 6
        assert find_images(["photos"]) == find_images(["photos/*.*"]) == before
        result = next(folder.glob("photos/a_x8_none*"))
        assert paths(find_images([str(result)])) == [result.as_posix()]  # unless it is named

    @pytest.mark.parametrize("words", [[], ["photos/inner/deep/empty"], ["photos/*.webp"]])
    def test_nothing_found_is_an_error(self, folder, words):
        Path("photos/inner/deep/empty").mkdir()
        with pytest.raises(InvalidInputError, match="expected images"):
            find_images(words)

    def test_an_empty_name_is_not_the_folder_one_is_in(self, folder, upscale):
        done = upscale("", "-o", "out")
        assert done.exit_code == 2
        assert "got an empty one: is a variable of the shell unset?" in done.stderr
        assert not Path("out").exists()

    def test_lists(self):
        assert split_list("a b.png\n\nc.png\r\n") == ["a b.png", "c.png"]
        assert split_list("\ufeff a.png  \n \t\n") == ["a.png"]
        assert split_list(" a.png \0") == [" a.png "]
        assert split_list("a\nb.png\0c.png\0") == ["a\nb.png", "c.png"]


class TestOutputs:
    def test_mirror_the_folders_and_never_collide(self, folder, upscale):
        done = upscale("photos", "--recursive")
        assert done.exit_code == 0, done.output
        made = files(folder / "out")
        assert [name for name in made if name.endswith(".json")] == [
            "a-2_x8.json",
            "a_x8.json",
            "inner/a_x8.json",
            "inner/deep/b_x8.json",
        ]
        assert len(made) == 8
        assert "4 images: 4 made" in done.stdout

    def test_a_list_on_stdin(self, folder, upscale):
        done = upscale("-", stdin="photos/a.png\nphotos/inner/a.png\n")
        assert done.exit_code == 0, done.output
        assert len(files(folder / "out")) == 4


class TestBadImages:
    @pytest.fixture
    def bad(self, folder):
        Path("photos/b.png").write_text("no image")
        tifffile.imwrite("photos/c.tif", np.full((4, 4), np.nan, np.float32))
        return folder

    def test_one_is_a_line_in_the_report_and_the_others_are_made(self, bad, upscale):
        done = upscale("photos", "nowhere.png", "--report", "report.json")
        assert done.exit_code == 1, done.output
        assert "5 images: 2 made, 3 failed" in done.stdout
        assert "photos/b.png is none by its content" in done.stderr
        told = json.loads(Path("report.json").read_text())
        assert {Path(entry["file"]).name: entry["status"] for entry in told["images"]} == {
            "a.jpg": "done",
            "a.png": "done",
            "b.png": "failed",
            "c.tif": "failed",
            "nowhere.png": "failed",
        }
        assert told["counts"]["failed"] == 3
        for entry in told["images"]:
            assert bool(entry["reason"]) == (entry["status"] == "failed")
            assert all(Path(path).is_file() for path in entry["outputs"])
            assert entry["seconds"] >= 0

    @pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes")
    def test_what_no_file_system_can_open_is_a_line_too(self, folder, upscale):
        Path("one.png").symlink_to("two.png")
        Path("two.png").symlink_to("one.png")
        os.mkfifo("pipe.png")
        done = upscale("one.png", "pipe.png", "x" * 300 + ".png", "photos/a.png", "--resume")
        assert done.exit_code == 1, done.output
        assert "4 images: 1 made, 3 failed" in done.stdout

    def test_all_of_them_are_exit_code_2(self, bad, upscale):
        assert upscale("photos/b.png", "photos/c.tif").exit_code == 2
        assert not Path("out").exists()

    def test_strict_makes_none(self, bad, upscale):
        done = upscale("photos", "--strict")
        assert done.exit_code == 2
        assert "b.png" in done.stderr
        assert not Path("out").exists()

    def test_a_declared_range_holds_for_references_of_the_images_dtype(self, folder, upscale):
        write_image(folder / "counts.tif", LR.astype(np.float32) * 10)
        write_image(folder / "deep.tif", LR[::-1].astype(np.float32) * 10)
        done = upscale("counts.tif", "-r", "deep.tif", "--range", "0", "2550")
        assert done.exit_code == 0, done.output

    def test_missing_values_are_said_once(self, folder, upscale):
        values = np.ones((4, 5), np.float32)
        values[1, 2] = np.nan
        tifffile.imwrite("gap.tif", values)
        done = upscale("gap.tif", "--report", "report.json")
        assert done.exit_code == 0, done.output
        assert done.stderr.count("1 of 20 values of the image are NaN or infinite") == 1
        assert "NaN" in json.loads(Path("report.json").read_text())["images"][0]["notes"][0]
        assert np.isnan(tifffile.imread(next(folder.glob("out/*.tiff")))).sum() == 64


class TestResuming:
    def test_skips_what_is_finished_and_makes_the_rest(self, folder, upscale):
        assert upscale("photos").exit_code == 0
        before = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*")}
        done = upscale("photos", "--recursive", "--resume", "--report", "report.json")
        assert done.exit_code == 0, done.output
        assert "4 images: 2 made, 2 finished before" in done.stdout
        assert {path: path.stat().st_mtime_ns for path in before} == before
        assert len([name for name in files(folder / "out") if name.endswith(".json")]) == 4
        told = json.loads(Path("report.json").read_text())["images"]
        assert all(Path(path).is_file() for entry in told for path in entry["outputs"])
        assert all(len(entry["outputs"]) == 1 for entry in told)

    @pytest.mark.parametrize(
        "words",
        [
            ["--seed", "1"],
            ["-r", "self"],
            ["--format", "tiff"],
            ["--region", "0", "0", "8", "8"],
            ["--faithful"],
            ["--precision", "bfloat16"],
        ],
        ids=" ".join,
    )
    def test_other_settings_are_another_run(self, folder, upscale, words):
        assert upscale("photos/a.png").exit_code == 0
        assert "Replay with" in upscale("photos/a.png", "--resume", *words).stdout
        assert "was finished before" in upscale("photos/a.png", "--resume", *words).stdout

    def test_tiles_may_change_for_the_rest(self, folder, upscale):
        assert upscale("photos/a.png").exit_code == 0
        done = upscale("photos", "--resume", "--tile", "5", "--precision", "auto")
        assert "2 images: 1 made, 1 finished before" in done.stdout

    def test_a_changed_input_or_result_is_made_again(self, folder, upscale):
        assert upscale("photos/a.png", "photos/inner/a.png").exit_code == 0
        Image.fromarray(LR[::2]).save("photos/a.png")
        result = folder / "out" / "a-2_x8_none_s0.png"
        result.write_bytes(result.read_bytes()[:-9])
        done = upscale("photos/a.png", "photos/inner/a.png", "--resume")
        assert "2 images: 2 made" in done.stdout

    def test_equal_images_of_two_names_are_two(self, folder, upscale):
        shutil.copy("photos/a.png", "photos/b.png")
        assert upscale("photos/a.png").exit_code == 0
        assert "1 made, 1 finished before" in upscale("photos/a.png", "photos/b.png", "--resume").stdout
        Path("photos").rename("moved")
        assert "2 finished before" in upscale("moved/a.png", "moved/b.png", "--resume").stdout

    def test_what_another_batch_writes_now_is_left_alone(self, folder):
        out = folder / "out"
        with at_work(out):
            (out / ".0123456789ab-0.png").touch()
            assert remove_leftovers(out) == []
        assert files(out) == [".0123456789ab-0.png"]
        assert remove_leftovers(out) == [out / ".0123456789ab-0.png"]

    def test_resuming_above_leaves_alone_what_is_written_below(self, folder, upscale):
        other = folder / "out" / "inner"
        with at_work(other):
            writing = [".0123456789ab-0.png", "a_x8.json", "a_x8_none_s0.png"]
            for name in writing:
                (other / name).touch()
            assert upscale("photos", "--recursive", "--resume").exit_code == 0
            assert {*writing} <= {*files(other)}

    def test_resuming_below_leaves_alone_what_a_batch_above_writes(self, folder, upscale, tiny_model, monkeypatch):
        """Each image is written under a lock in its very folder, also where no batch is at work."""
        found = []

        def look(path, *rest):
            found.append(remove_leftovers(path.parent))
            write_image(path, *rest)
            found.append(remove_leftovers(path.parent))

        monkeypatch.setattr(saving, "write_image", look)
        assert upscale("photos", "--recursive").exit_code == 0
        run = api.upscale(LR, ["none"], samples=1, model=tiny_model, device="cpu", precision="float32")
        assert run.save(folder / "saved")[0].is_file()
        assert found == [[]] * 10

    def test_a_file_system_without_locks_keeps_what_is_written(self, folder, upscale, monkeypatch):
        def refuse(*_, **__):
            raise NotImplementedError("no flock here")

        monkeypatch.setattr(FileLock, "acquire", refuse)
        with at_work(folder / "out"):
            (folder / "out" / ".0123456789ab-0.png").touch()
            assert remove_leftovers(folder / "out") == []
        assert upscale("photos/a.png").exit_code == 0
        assert not [*(folder / "out").glob("*.lock")]
        failed = upscale("photos/a.png", "--format", "zarr")
        assert failed.exit_code == 2
        assert "knows no locks" in " ".join(failed.stderr.split())

    def test_folders_of_other_things_are_not_looked_into(self, folder):
        (folder / "inner").mkdir()
        (folder / "inner" / ".0123456789ab.partial").touch()
        assert remove_leftovers(folder) == []
        assert remove_leftovers(folder, [Path("inner")]) == [folder / "inner" / ".0123456789ab.partial"]

    def test_only_what_is_ours_is_removed(self, folder):
        out = folder / "out"
        out.mkdir()
        for name in (
            ".hidden.png",
            ".0123456789ab-1.ome.tif",
            "a_x8_none_s0.png",
            "b_x8.json",
            "b_x8_none_s0.png",
            "b_x8_notes.txt",
            "empty.json",
        ):
            (out / name).touch()
        (out / ".refvae-0123456789ab.lock").touch()  # which nobody holds
        removed = {path.name for path in remove_leftovers(out)}
        assert removed == {".0123456789ab-1.ome.tif", "b_x8.json", "b_x8_none_s0.png"}
        assert files(out) == [".hidden.png", "a_x8_none_s0.png", "b_x8_notes.txt", "empty.json"]


KILLED = """
import os, signal
from napari_refvae.cli import main
count, replace = 0, os.replace
def dying(*names):
    global count
    count += 1
    if count == {fatal}:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*names)
os.replace = dying
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_kill_9_leaves_nothing_half_written_and_nothing_is_made_twice(folder, upscale, tiny_model):
    """An image is three steps: its sample is whole, has its name, has its side-car. Two are interrupted.

    Results lie among the inputs, where the leftovers of a killed run are no inputs either.
    """
    for number in range(3):
        Image.fromarray(np.roll(LR, number, axis=1)).save(f"photos/{number}.png")
    inputs = sorted(path.name for path in Path("photos").iterdir() if path.suffix in (".png", ".jpg"))
    before = files(folder / "photos")
    words = ["upscale", "photos", "--resume", "-n", "1", "-o", "photos", "--model", str(tiny_model)]
    words += ["--device", "cpu", "--precision", "float32"]
    for fatal in (5, 6):
        killed = subprocess.run([sys.executable, "-c", KILLED.format(fatal=fatal), *words], timeout=100)
        assert killed.returncode == -9
        assert any(not path.stat().st_size or path.name.startswith(".") for path in Path("photos").iterdir())
    done = upscale("photos", "--resume", "-o", "photos")

    assert done.exit_code == 0, done.output
    assert "5 images: 3 made, 2 finished before" in done.stdout
    made = [name for name in files(folder / "photos") if name not in before]
    records = [json.loads(Path("photos", name).read_text()) for name in made if name.endswith(".json")]
    assert sorted(Path(record["input"]["path"]).name for record in records) == inputs
    assert len(made) == 2 * len(inputs)


class TestSpace:
    def test_a_batch_for_which_there_is_no_room_is_refused(self, folder, upscale, monkeypatch):
        needed = 64 * sum(np.asarray(Image.open(path)).nbytes for path in folder.glob("photos/*.*g"))
        usage = shutil.disk_usage(folder)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed - 1))
        done = upscale("photos")
        assert done.exit_code == 2
        assert "expected room for up to 27.6 kB in out; the disk has 27.6 kB free" in done.stderr
        assert not Path("out").exists()
        assert upscale("photos/a.png").exit_code == 0
        assert upscale("photos", "--no-space-check").exit_code == 0

    def test_what_is_finished_needs_no_room(self, folder, upscale, monkeypatch):
        assert upscale("photos").exit_code == 0
        usage = shutil.disk_usage(folder)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
        assert upscale("photos", "--resume").exit_code == 0

    def test_headers_tell_what_pixels_tell(self, folder):
        names = {
            "a.png": LR,
            "b.png": LR[..., 0],
            "c.png": LR[..., 0].astype(np.uint16),
            "d.tif": LR.astype(np.float32),
        }
        for name, array in names.items():
            write_image(folder / name, array)
            assert expect_bytes(folder / name, RunSettings(scale=4), 3) == 3 * 16 * array.nbytes
        Image.fromarray(LR).convert("P").save("palette.png")
        assert expect_bytes(Path("palette.png"), RunSettings(scale=4), 3) == 3 * 16 * LR.nbytes
        Path("text.png").write_text("no image")
        assert expect_bytes(Path("text.png"), RunSettings(scale=4), 3) == 0
        assert expect_zarr(Path("text.png"), RunSettings(scale=4), 3, LatentLayout(4, 2, True)) == (0, 0)

    def test_zarr_has_coarser_levels_and_noise_besides(self, folder):
        Image.fromarray(np.zeros((512, 256, 3), np.uint8)).save("large.png")
        layout, settings = LatentLayout(4, 40, True), RunSettings(scale=8)
        images, noise = expect_zarr(Path("large.png"), settings, 3, layout)
        assert images == 3 * 512 * 256 * 3 * (64 + 16 + 4)  # 4096 rows, 2048, 1024
        assert noise == 512 * 256 * 40 * 4
        part = RunSettings(scale=8, region=Region(0, 0, 64, 64))
        assert expect_zarr(Path("large.png"), part, 3, layout) == (3 * 512 * 512 * 3, noise)

    def test_half_made_zarr_needs_room_for_the_rest(self, folder, upscale, monkeypatch):
        pytest.importorskip("zarr")
        monkeypatch.setattr(streaming, "PIECE", 4)  # six pieces
        usage, whole = shutil.disk_usage(folder), 64 * LR.nbytes

        def free(count):
            monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=count))

        def stopping(self, *what):
            if len(self._done) == 4:
                raise KeyboardInterrupt
            add(self, *what)

        add = Stage.add
        with monkeypatch.context() as patched:
            patched.setattr(Stage, "add", stopping)
            assert upscale("photos/a.png", "--format", "zarr").exit_code == 130
        free(whole // 3 - 1)
        refused = upscale("photos/a.png", "--format", "zarr", "--resume")
        assert refused.exit_code == 2
        assert "expected room for up to 4.6 kB" in refused.stderr
        free(whole // 3)
        assert upscale("photos/a.png", "--format", "zarr", "--resume").exit_code == 0


def test_what_does_not_fit_into_memory_may_be_made_in_pieces(folder, upscale, monkeypatch):
    def full(*_):
        raise OutOfMemoryError("cpu ran out of memory")

    monkeypatch.setattr("napari_refvae.batch.jobs.drain", full)
    done = upscale("photos/a.png")
    assert done.exit_code == 2
    assert "cpu ran out of memory, or write zarr (--format zarr: it is made in pieces)" in done.stderr


def test_workers_make_zarr_only(folder, upscale):
    done = upscale("photos/a.png", "--workers", "1")
    assert done.exit_code == 2
    assert done.stderr.startswith("refvae: workers make pieces, which go into zarr only: say --format zarr")
    done = upscale("photos/a.png", "--format", "zarr", "--workers", "1", "--scheduler", "tcp://nowhere:1")
    assert done.exit_code == 2
    assert "got both" in done.stderr


def test_workers_are_refused_for_a_stack_before_it_is_read(folder, tiny_model, monkeypatch):
    tifffile.imwrite("stack.tif", np.zeros((2, 8, 9), np.uint8), photometric="minisblack")
    monkeypatch.setattr(running, "plan_stack", lambda *_, **__: pytest.fail("the stack was read"))
    settings = RunSettings(model=tiny_model, device="cpu", precision="float32")
    outcome = Batch(settings, (), folder / "out", pool=HERE).make(Found(Path("stack.tif")))
    assert (outcome.status, outcome.reason) == ("failed", running.IDLE)


def test_a_summary_counts_what_there_is():
    outcomes = [Outcome(Path("a"), "done"), Outcome(Path("b"), "done"), Outcome(Path("c"), "waiting")]
    assert summarize(outcomes) == "3 images: 2 made, 1 not begun"
    assert summarize(outcomes[:1]) == "1 image: 1 made"
