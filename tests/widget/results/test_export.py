"""What is exported: the kept samples, under names that are free, with a side-car that makes them again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from comparing import LEVELS, add_run
from napari.components import ViewerModel
from napari.layers import Image

from napari_refvae.engine.result import FinishedSample
from napari_refvae.errors import OutputError
from napari_refvae.imageio import saving
from napari_refvae.imageio.reading import read_image, read_tagged_image
from napari_refvae.widget.results.export import Export, _write_all
from napari_refvae.widget.results.layers import read_input
from napari_refvae.widget.results.runs import Runs

if TYPE_CHECKING:
    from pathlib import Path

    from napari_refvae.imageio.tags import ImageTags


def test_only_kept_samples_are_written(tmp_path: Path) -> None:
    _, run = add_run(ViewerModel(), samples=4)
    run.samples[1].kept = run.samples[3].kept = True
    run.samples[2].kept = False
    *images, record = Export.of(run, tmp_path).write()
    assert [image.name for image in images] == ["photo_x8_none_s11.png", "photo_x8_none_s13.png"]
    assert [int(read_image(image).max()) for image in images] == [LEVELS[1], LEVELS[3]]
    assert [entry["seed"] for entry in json.loads(record.read_text())["files"]] == [11, 13]


def test_what_png_cannot_hold_becomes_tiff(tmp_path: Path) -> None:
    _, run = add_run(ViewerModel(), lr=np.full((6, 8), 0.5, np.float32), contrast_limits=(0, 255))
    run.samples[0].kept = True
    image, _ = Export.of(run, tmp_path, ".png").write()
    assert image.suffix == ".tiff"
    np.testing.assert_array_equal(read_image(image), run.samples[0].image.data)


def test_layers_may_have_any_name(tmp_path: Path) -> None:
    viewer = ViewerModel()
    _, run = add_run(viewer)
    object.__setattr__(run.origin, "name", "../a b/c: [1]")
    run.samples[0].kept = True
    image, _ = Export.of(run, tmp_path).write()
    assert image.parent == tmp_path
    assert image.name == "a b-c- -1_x8_none_s10.png"


def test_nothing_kept_and_an_unfinished_run_are_refused(tmp_path: Path) -> None:
    _, run = add_run(ViewerModel())
    with pytest.raises(OutputError, match="star one"):
        Export.of(run, tmp_path)
    run.samples[0].kept, run.result = True, None
    with pytest.raises(OutputError, match="wait"):
        Export.of(run, tmp_path)
    assert not list(tmp_path.iterdir())


def test_of_several_channels_all_are_written_or_none(tmp_path: Path) -> None:
    _, run = add_run(ViewerModel())
    run.samples[0].kept = True
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        _write_all([Export.of(run, tmp_path / "folder"), Export.of(run, tmp_path / "file")])
    assert not list((tmp_path / "folder").iterdir())


def test_of_several_channels_none_stays_whatever_goes_wrong(tmp_path: Path) -> None:
    _, run = add_run(ViewerModel())
    run.samples[0].kept = True
    export = Export.of(run, tmp_path)
    no_json = replace(export, record=replace(export.record, provenance={"format": object()}))
    with pytest.raises(TypeError):
        _write_all([export, no_json])
    assert not list(tmp_path.iterdir())


def test_kept_samples_are_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = add_run(ViewerModel(), samples=3)
    for sample in run.samples.values():
        sample.kept = True
    write, written = saving.write_image, []

    def seen(path: Path, image: np.ndarray[Any, Any], tags: ImageTags) -> None:
        written.append(image)
        write(path, image, tags)

    monkeypatch.setattr(saving, "write_image", seen)
    Export.of(run, tmp_path).write()
    assert [image is run.samples[index].finished.sr for index, image in enumerate(written)] == [True] * 3


def test_the_side_car_makes_the_exported_samples_again(tmp_path: Path, tiny_model: Path) -> None:
    from napari_refvae import replay, upscale

    lr = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    result = upscale(lr, ["self", "none"], samples=2, seed=5, model=tiny_model)
    runs, layer = Runs(viewer := ViewerModel()), Image(lr, rgb=True, name="photo")
    viewer.layers.append(layer)
    run = runs.begin(read_input(layer))
    for index, sr in enumerate(result.sr):
        finished = FinishedSample(index, sr, result.references[index], result.seeds[index], result.lr_psnr[index])
        runs.add_sample(run, finished).kept = index in (1, 2)
    runs.complete(run, result)
    *images, record = Export.of(run, tmp_path).write()
    again = replay(record, image=lr)
    assert len(again) == 4
    seeds = [entry["seed"] for entry in json.loads(record.read_text())["files"]]
    for image, seed in zip(images, seeds, strict=True):
        np.testing.assert_array_equal(read_image(image), again.sr[again.seeds.index(seed)])


def test_the_size_of_the_pixels_is_written_where_the_layer_has_a_unit(tmp_path: Path) -> None:
    lr = np.zeros((6, 8), np.uint8)
    for units, wanted in ((("um", "um"), 1e4 * 8 / 0.5), (("pixel", "pixel"), None), (("um", "mm"), None)):
        _, run = add_run(ViewerModel(), lr=lr, scale=(0.5, 0.25), units=units)
        run.samples[0].kept = True
        image, _ = Export.of(run, tmp_path, ".tiff").write()
        tags = read_tagged_image(image)[1]
        assert (tags.dpi and tags.dpi[0]) == (wanted and pytest.approx(2.54 * wanted))
