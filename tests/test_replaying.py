"""Stacks and large planes, made again from their side-cars."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from napari_refvae.api import upscale
from napari_refvae.cli import app
from napari_refvae.errors import InvalidInputError, InvalidSpecError, UnreadableFileError
from napari_refvae.imageio.arrays import describe_array
from napari_refvae.planning import RunSettings
from napari_refvae.replaying import replay, replay_stack
from napari_refvae.spec import SampleSpec
from napari_refvae.stacks.planning import plan_stack
from napari_refvae.stacks.pools import HERE
from napari_refvae.stacks.saving import save_stack

PLANES = np.stack([np.roll(data.camera()[100:164:8, 100:172:8], 2 * number, axis=1) for number in range(2)])


@pytest.fixture
def made(tiny_model, tmp_path):
    """A stack that was upscaled, and its side-car."""

    def make(suffix, image=None, **others):
        tifffile.imwrite(tmp_path / "cells.ome.tif", PLANES, metadata={"axes": "ZYX"})
        others = {"faithful": True} | others
        settings = RunSettings(
            samples=SampleSpec(1, 5), model=tiny_model, device="cpu", precision="float32", scale=4, **others
        )
        plan = plan_stack(tmp_path / "cells.ome.tif" if image is None else image, "self", settings, latent="fresh")
        return save_stack(plan, tmp_path / "out", "cells", suffix)[1]

    return make


@pytest.mark.parametrize("suffix", [".ome.tif", ".zarr"])
def test_a_stack_is_made_again_and_compared(made, tmp_path, suffix):
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    side_car = made(suffix)
    done = replay_stack(side_car, output=tmp_path / "again")
    assert done.names == (f"cells_x4_self_s5{suffix}", f"cells_x4_faithful{suffix}")
    assert done.changed == ()
    assert [path.name for path in done.files] == [*done.names, "cells_x4.json"]
    told = json.loads(side_car.read_text())
    told["files"][1]["pixels"] = "0" * 64
    side_car.write_text(json.dumps(told))
    assert replay_stack(side_car).changed == (f"cells_x4_faithful{suffix}",)
    assert sorted(path.name for path in side_car.parent.iterdir()) == sorted([*done.names, side_car.name])


def test_the_command_tells_the_outcome(made):
    pytest.importorskip("zarr")
    side_car = made(".zarr", faithful=False)
    done = CliRunner().invoke(app, ["replay", str(side_car)])
    assert (done.exit_code, done.stdout) == (0, "The image is identical to the recorded pixels.\n")
    told = json.loads(side_car.read_text())
    told["files"][0]["pixels"] = "0" * 64
    side_car.write_text(json.dumps(told))
    done = CliRunner().invoke(app, ["replay", str(side_car)])
    assert done.exit_code == 1
    assert "1 of 1 images differ from the recorded pixels (cells_x4_self_s5.zarr)" in done.stderr


def test_workers_are_refused_for_what_is_not_made_in_pieces(made):
    side_car = made(".ome.tif", faithful=False)
    done = CliRunner().invoke(app, ["replay", str(side_car), "--workers", "2"])
    assert done.exit_code == 2
    assert "this side-car is of .ome.tif files, which are made plane by plane: leave them out" in done.stderr
    with pytest.raises(InvalidSpecError, match="workers make the pieces of zarr"):
        replay_stack(side_car, pool=HERE)


def test_what_has_changed_or_is_missing_is_named(made, tmp_path):
    side_car = made(".ome.tif", faithful=False)
    with pytest.raises(InvalidInputError, match="of the record: the file has changed"):
        replay_stack(side_car, image=PLANES[::-1])
    with pytest.raises(InvalidInputError, match="references, as recorded; got 2"):
        replay_stack(side_car, references=["none", "none"])
    with pytest.raises(InvalidInputError, match="expected a side-car of format napari-refvae-run/1"):
        replay(side_car)
    with pytest.raises(UnreadableFileError):
        replay_stack(tmp_path / "none.json")
    told = json.loads(side_car.read_text())
    for spoil, said in (
        ({"files": [{"name": "a.tif"}]}, "does not record the pixels"),
        ({"resolved": told["resolved"] | {"piece": 7}}, "pieces of 256 pixels"),
        ({"settings": {}}, r"lacks settings\.count"),
        ({"files": [None]}, "does not record the pixels"),
        ({"files": 2 * told["files"]}, "lists 2 images, but its settings make 1"),
    ):
        side_car.write_text(json.dumps(told | spoil))
        with pytest.raises(InvalidInputError, match=said):
            replay_stack(side_car)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("resolved", "matching", -7.5),
        ("resolved", "matching", {"a": 1}),
        ("resolved", "matching", {"sha256": None}),
        ("resolved", "tile", None),
        ("resolved", "device", 3),
        ("settings", "count", [1]),
        ("settings", "region", "x"),
        ("settings", "intensity_range", "x"),
        ("model", "name", None),
        ("input", "path", 7),
    ],
)
def test_a_damaged_value_is_an_error_of_ours(tiny_model, tmp_path, part, key, value):
    Image.fromarray(PLANES[0]).save(tmp_path / "a.png")
    side_car = upscale(tmp_path / "a.png", samples=1, model=tiny_model, device="cpu").save(tmp_path)[-1]
    told = json.loads(side_car.read_text())
    told[part][key] = value
    side_car.write_text(json.dumps(told))
    done = CliRunner().invoke(app, ["replay", str(side_car)])
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)


def test_an_array_is_passed_again(made):
    side_car = made(".ome.tif", image=describe_array(PLANES), faithful=False)
    with pytest.raises(InvalidInputError, match="was an array, not a file"):
        replay_stack(side_car)
    assert replay_stack(side_car, image=PLANES).changed == ()
