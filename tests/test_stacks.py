import json
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage import data
from typer.testing import CliRunner

import napari_refvae
from napari_refvae.cli import app
from napari_refvae.engine.placed import PlacedModel
from napari_refvae.errors import InvalidInputError, InvalidSpecError, OutputError, RefVAEError
from napari_refvae.imageio.arrays import ArraySource, describe_array
from napari_refvae.imageio.files import open_source
from napari_refvae.imageio.layout import Axis, Layout
from napari_refvae.planning import RunSettings
from napari_refvae.regions import Region, TileSpec
from napari_refvae.spec import SampleSpec
from napari_refvae.stacks.planning import plan_stack
from napari_refvae.stacks.saving import save_stack

PLANES = np.stack([np.roll(data.camera()[100:164:8, 100:172:8], 2 * number, axis=1) for number in range(3)])


@pytest.fixture
def settings(tiny_model):
    def make(count=1, seed=0, **others):
        return RunSettings(
            samples=SampleSpec(count, seed), model=tiny_model, device="cpu", precision="float32", **others
        )

    return make


@pytest.fixture
def single(tiny_model):
    """One plane, upscaled alone."""

    def make(image, references=(), **others):
        options = {"samples": 1, "model": tiny_model, "device": "cpu", "precision": "float32"} | others
        return napari_refvae.upscale(image, references, **options)

    return make


def saved(plan, folder, **options):
    """The planes of each image, and the side-car."""
    images, side_car = save_stack(plan, folder, "a", **options)
    return [np.stack([plane for _, plane in open_source(path).planes()]) for path, *_ in images], side_car


class TestPlanes:
    def test_the_same_latent_is_each_planes_own_run_with_one_seed(self, settings, single, tmp_path):
        made, _ = saved(plan_stack(describe_array(PLANES), "none", settings(2, 5)), tmp_path)
        for number, stack in enumerate(made):
            for plane, result in zip(PLANES, stack, strict=True):
                np.testing.assert_array_equal(result, single(plane, seed=5 + number).sr[0])

    def test_fresh_latents_have_seeds_of_their_own(self, settings, single, tmp_path):
        made, _ = saved(plan_stack(describe_array(PLANES), "none", settings(2, 5), latent="fresh"), tmp_path)
        for number, stack in enumerate(made):
            for place, result in enumerate(stack):
                np.testing.assert_array_equal(result, single(PLANES[place], seed=5 + number + 2 * place).sr[0])

    def test_equal_planes_do_not_flicker_unless_asked_to(self, settings, tmp_path):
        still = describe_array(np.stack([PLANES[0]] * 3))
        (same,), _ = saved(plan_stack(still, "self", settings()), tmp_path)
        (fresh,), _ = saved(plan_stack(still, "self", settings(), latent="fresh"), tmp_path)
        assert (same == same[0]).all()
        assert (fresh[1] != fresh[0]).any()

    def test_its_own_reference_is_the_middle_plane_for_all(self, settings, single, tmp_path):
        (made,), side_car = saved(plan_stack(describe_array(PLANES), "self", settings()), tmp_path)
        for plane, result in zip(PLANES, made, strict=True):
            np.testing.assert_array_equal(result, single(plane, PLANES[1]).sr[0])
        assert json.loads(side_car.read_text())["references"] == [{"kind": "self", "name": "self"}]

    def test_channels_share_the_latent_and_colours_are_one_plane(self, settings, single, tmp_path):
        (made,), _ = saved(plan_stack(describe_array(PLANES, "cyx"), (), settings()), tmp_path)
        np.testing.assert_array_equal(made[2], single(PLANES[2]).sr[0])
        colours = np.stack([PLANES, PLANES[::-1]]).transpose(0, 2, 3, 1)  # (2, 8, 9, 3)
        (made,), _ = saved(plan_stack(describe_array(colours), (), settings()), tmp_path)
        np.testing.assert_array_equal(made[1], single(np.ascontiguousarray(colours[1])).sr[0])

    def test_regions_scales_and_the_faithful_image(self, settings, single, tmp_path):
        options = {"region": Region(1, 2, 5, 6), "scale": 4, "faithful": True}
        made, _ = saved(plan_stack(describe_array(PLANES), (), settings(**options)), tmp_path)
        expected = single(PLANES[0], region=(1, 2, 5, 6), scale=4, faithful=True)
        np.testing.assert_array_equal(made[0][0], expected.sr[0])
        np.testing.assert_array_equal(made[1][0], expected.faithful)

    def test_missing_values_come_back(self, settings, tmp_path):
        values = PLANES / np.float32(255)
        values[1, 2, 3] = np.nan
        (made,), side_car = saved(plan_stack(describe_array(values), (), settings()), tmp_path)
        assert np.isnan(made[1, 16:24, 24:32]).all()
        assert np.isnan(made).sum() == 64
        assert json.loads(side_car.read_text())["input"]["missing"] == 1

    def test_automatic_tiles_are_chosen_once_for_all(self, settings, tmp_path, monkeypatch):
        chosen = []

        def choose(self, frame):  # as if memory were getting short
            chosen.append(8 - len(chosen))
            return TileSpec(chosen[-1])

        monkeypatch.setattr(PlacedModel, "automatic_tiles", choose)
        _, side_car = saved(plan_stack(describe_array(PLANES), (), settings(2)), tmp_path)
        assert chosen == [8]
        assert json.loads(side_car.read_text())["resolved"]["tile"]["size"] == 8


class TestFiles:
    LAYOUT = Layout(
        (
            Axis("z", 3, 2.0, unit="micrometer"),
            *(Axis(name, length, 0.8, 4.0, "micrometer") for name, length in (("y", 8), ("x", 9))),
        )
    )

    @pytest.mark.parametrize("suffix", [".ome.tif", ".zarr"])
    def test_steps_and_places_are_those_of_the_finer_grid(self, settings, tmp_path, suffix):
        if suffix == ".zarr":
            pytest.importorskip("zarr")
        plan = plan_stack(ArraySource(PLANES, self.LAYOUT), (), settings(region=Region(0, 5, 8, 4)))
        ((path, *_),), _ = save_stack(plan, tmp_path / "deep", "a", suffix)
        layout = open_source(path).layout
        assert path.name == f"a_x8_none_s0{suffix}"
        assert (layout.names, layout.shape) == ("zyx", (3, 64, 32))
        assert [axis.scale for axis in layout.axes] == pytest.approx([2.0, 0.1, 0.1])
        if suffix == ".zarr":  # OME-TIFF has no words for places
            assert [axis.translation for axis in layout.axes] == pytest.approx([0, 4 - 0.35, 8 - 0.35])

    def test_nothing_is_overwritten(self, settings, tmp_path):
        plan = plan_stack(describe_array(PLANES), (), settings())
        names = [save_stack(plan, tmp_path, "a")[1].name for _ in range(2)]
        assert names == ["a_x8.json", "a-2_x8.json"]

    @pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".zarr"])
    def test_runs_at_once_of_other_scales_do_not_take_one_name(self, settings, tmp_path, suffix):
        if suffix == ".zarr":
            pytest.importorskip("zarr")
        slow, fast = (plan_stack(describe_array(PLANES), (), settings(scale=scale)) for scale in (8, 4))
        written = []

        def write_another(_):
            if not written:
                written.append(save_stack(fast, tmp_path, "a", suffix, plainly=True)[0][0][0])

        (image, *_), side_car = save_stack(slow, tmp_path, "a", suffix, plainly=True, on_progress=write_another)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
            [f"a{suffix}", "a_x4.json", f"a-2{suffix}", "a-2_x8.json"]
        )
        assert open_source(written[0]).layout.shape == (3, 32, 36)
        assert open_source(image[0]).layout.shape == (3, 64, 72)
        assert side_car.name == "a-2_x8.json"

    def test_what_is_removed_meanwhile_is_no_success(self, settings, tmp_path):
        plan = plan_stack(describe_array(PLANES), (), settings(2))

        def remove(step):
            if step.done == 4:  # of the second sample, when the first is there
                next(tmp_path.glob(".*-0.ome.tif")).unlink()

        with pytest.raises(OutputError):
            save_stack(plan, tmp_path, "a", on_progress=remove)
        assert [*tmp_path.iterdir()] == []

    def test_a_damaged_plane_leaves_nothing(self, settings, tmp_path):
        values = PLANES / np.float32(255)
        values[2] = np.nan
        plan = plan_stack(describe_array(values), (), settings(2))
        with pytest.raises(InvalidInputError, match=r"plane \(2,\): expected finite values"):
            save_stack(plan, tmp_path, "a")
        assert [*tmp_path.iterdir()] == []

    @pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
    def test_a_full_disk_leaves_nothing(self, settings, tmp_path, full_disk):
        plan = plan_stack(describe_array(PLANES), (), settings(2))
        with full_disk(9000), pytest.raises(OutputError, match="disk is full"):
            save_stack(plan, tmp_path, "a")
        assert [*tmp_path.iterdir()] == []

    def test_mistakes_are_named(self, settings, tmp_path):
        with pytest.raises(InvalidSpecError, match="latent must be"):
            plan_stack(describe_array(PLANES), (), settings(), latent="new")
        with pytest.raises(InvalidSpecError, match="region must"):
            plan_stack(describe_array(PLANES), (), settings(region=Region(5, 5, 5, 5)))
        with pytest.raises(RefVAEError, match="scale must be one of"):
            plan_stack(describe_array(PLANES), (), settings(scale=3))


class TestCommand:
    @pytest.fixture
    def upscale(self, tiny_model, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        tifffile.imwrite(
            "stack.ome.tif", PLANES, metadata={"axes": "ZYX", "PhysicalSizeX": 0.8, "PhysicalSizeXUnit": "µm"}
        )

        def run(*words):
            fixed = ["-n", "1", "-o", "out", "--model", str(tiny_model), "--device", "cpu", "--precision", "float32"]
            return CliRunner().invoke(app, ["upscale", *fixed, *map(str, words)])

        return run

    def test_a_stack_becomes_ome_tiff(self, upscale):
        done = upscale("stack.ome.tif")
        assert done.exit_code == 0, done.output
        source = open_source("out/stack_x8_none_s0.ome.tif")
        assert (source.layout.names, source.layout.shape) == ("zyx", (3, 64, 72))
        assert source.layout.axis("x").scale == pytest.approx(0.1)
        assert "stack_x8_none_s0.ome.tif" in done.stdout
        assert "Replay with: refvae replay out/stack_x8.json" in done.stdout
        assert "was finished before" in upscale("stack.ome.tif", "--resume").stdout
        assert "was finished before" not in upscale("stack.ome.tif", "--resume", "--latent", "fresh").stdout

    def test_zarr_by_the_outputs_name_and_by_the_inputs(self, upscale):
        pytest.importorskip("zarr")
        assert upscale("stack.ome.tif", "-o", "deep/out.zarr").exit_code == 0
        assert sorted(path.name for path in Path("deep").iterdir()) == ["out.zarr", "out_x8.json"]
        assert open_source("deep/out.zarr").layout.shape == (3, 64, 72)
        done = upscale("deep/out.zarr", "--region", 0, 0, 8, 8, "--scale", 2)
        assert done.exit_code == 0, done.output
        assert open_source("out/out_x2_none_s0.zarr").layout.shape == (3, 16, 16)
        assert "was finished before" in upscale("stack.ome.tif", "-o", "deep/out.zarr", "--resume").stdout
        refused = upscale("stack.ome.tif", "deep/out.zarr", "-o", "more.zarr")
        assert refused.exit_code == 2
        assert "--format zarr" in refused.stderr


@pytest.mark.parametrize("suffix", [".ome.tif", ".zarr"])
def test_memory_does_not_grow_with_the_stack(settings, tmp_path, suffix):
    """What Python and numpy hold at most, over a stack whose results are 64 kB a plane."""
    if suffix == ".zarr":
        pytest.importorskip("zarr")

    def peak(count):
        plan = plan_stack(describe_array(np.broadcast_to(np.uint8(7), (count, 32, 32))), (), settings())
        tracemalloc.start()
        try:
            save_stack(plan, tmp_path, "a", suffix)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)
    assert peak(20) < peak(4) + 4 * 2**16


def test_a_stack_is_not_matched(settings):
    with pytest.raises(InvalidSpecError, match="matching is for single images"):
        plan_stack(describe_array(PLANES), "none", settings(matching=True))
