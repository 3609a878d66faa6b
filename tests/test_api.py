import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from skimage import data

import napari_refvae
from napari_refvae import api
from napari_refvae.engine.result import FinishedSample
from napari_refvae.errors import (
    InvalidInputError,
    InvalidSpecError,
    RefVAEError,
    UnknownModelError,
    UnreadableFileError,
)
from napari_refvae.inputs import Picture, read_picture, read_references
from napari_refvae.spec import ImageReference, IntensityRange, PriorReference, Progress, SelfReference, TileSpec

CHOSEN = {"region": (1, 2, 9, 10), "scale": 4, "faithful": True}


@pytest.fixture
def image():
    return np.ascontiguousarray(data.astronaut()[::16, ::16])


@pytest.fixture
def texture():
    return np.ascontiguousarray(data.gravel()[:90, :70])


@pytest.fixture
def upscale(tiny_model):
    return lambda *args, **kwargs: napari_refvae.upscale(*args, model=tiny_model, device="cpu", **kwargs)


def test_references_in_every_form(upscale, image, texture, tmp_path):
    path = tmp_path / "bark.png"
    Image.fromarray(texture).save(path)
    forms = [texture, path, str(path), "self", "none", None, SelfReference(), PriorReference()]
    result = upscale(image, [*forms, ImageReference(np.zeros((9, 9, 3), np.float32), "black")], samples=1)
    names = ("reference1", "bark", "bark", "self", "none", "none", "self", "none", "black")
    assert result.references == names


def test_one_reference_needs_no_list_and_none_is_the_prior(upscale, image, texture):
    assert upscale(image, texture, samples=1).references == ("reference1",)
    assert upscale(image, samples=1).references == ("none",)
    np.testing.assert_array_equal(upscale(image, samples=2).sr, upscale(image, "none", samples=2).sr)


def test_a_file_and_its_array_give_the_same_pixels(upscale, image, tmp_path):
    Image.fromarray(image).save(tmp_path / "a.png")
    np.testing.assert_array_equal(upscale(tmp_path / "a.png", samples=1).sr, upscale(image, samples=1).sr)


def test_progress_reaches_its_total(upscale, image):
    seen = []
    upscale(image, samples=2, on_progress=seen.append)
    assert seen[-1].done == seen[-1].total
    assert seen[0].done == 0


def test_the_record_names_all_that_made_the_result(upscale, image, texture, tiny_model):
    result = upscale(image, [texture, "self"], samples=2, seed=3, temperature=0.5, tile=9)
    told = json.loads(json.dumps(dict(result.provenance)))
    assert told["model"]["sha256"] == api.load_model(tiny_model).info.identity
    assert told["settings"]["temperature"] == 0.5
    assert told["resolved"]["tile"]["size"] == 9
    assert [sample["seed"] for sample in told["samples"]] == [3, 4, 5, 6]
    assert [sample["reference"] for sample in told["samples"]] == [0, 0, 1, 1]
    assert len({sample["sha256"] for sample in told["samples"]}) == 4
    assert result.lr is image


@pytest.mark.parametrize(
    "settings", [{}, {"temperature": 0.7, "strength": 0.5, "vividness": 0.3, "consistency": None}, CHOSEN]
)
def test_a_side_car_replays_to_the_same_pixels(upscale, image, texture, tmp_path, settings):
    Image.fromarray(image).save(tmp_path / "a.png")
    Image.fromarray(texture).save(tmp_path / "b.png")
    result = upscale(tmp_path / "a.png", [tmp_path / "b.png", "self", None], samples=2, seed=11, tile=20, **settings)
    side_car = result.save(tmp_path / "out", "a")[-1]
    again = napari_refvae.replay(side_car)
    np.testing.assert_array_equal(again.sr, result.sr)
    if result.faithful is not None:
        np.testing.assert_array_equal(again.faithful, result.faithful)


@pytest.mark.parametrize(("asked", "recorded"), [("auto", "auto"), (False, False), (False, None)])
def test_a_self_ensemble_replays_and_records_from_before_it_replay_without(upscale, image, tmp_path, asked, recorded):
    result = upscale(image, samples=1, temperature=0, vividness=0, faithful=True, self_ensemble=asked)
    side_car = result.save(tmp_path / "out", "a")[-1]
    told = json.loads(side_car.read_text())
    assert told["settings"]["self_ensemble"] == asked
    if recorded is None:
        del told["settings"]["self_ensemble"]
        side_car.write_text(json.dumps(told))
    again = napari_refvae.replay(side_car, image=image)
    np.testing.assert_array_equal(again.sr, result.sr)
    np.testing.assert_array_equal(again.faithful, result.faithful)
    np.testing.assert_array_equal(again.faithful, again.sr[0])


def test_matching_replays_with_its_gate_and_records_from_before_it_replay_without(upscale, image, tmp_path):
    guide = np.ascontiguousarray(data.astronaut()[40:400, 30:420])
    without, matched = (upscale(image, guide, samples=1, matching=on) for on in (False, True))
    assert np.abs(matched.sr.astype(int) - without.sr).mean() > 0.5
    old, side_car = (one.save(tmp_path / "out", "a")[-1] for one in (without, matched))
    assert "matching" not in json.loads(old.read_text())["settings"]
    for record, result in ((old, without), (side_car, matched)):
        again = napari_refvae.replay(record, image=image, references=[guide])
        np.testing.assert_array_equal(again.sr, result.sr)
    told = json.loads(side_car.read_text())
    assert told["settings"]["matching"] is True
    told["resolved"]["matching"]["sha256"] = "0" * 64
    side_car.write_text(json.dumps(told))
    with pytest.raises(InvalidInputError, match=r"expected the matching gate 000000000000; got \w{12}"):
        napari_refvae.replay(side_car, image=image, references=[guide])


def test_replay_takes_what_has_moved_and_refuses_what_has_changed(upscale, image, tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    side_car = upscale(path, samples=1).save(tmp_path / "out", "a")[-1]
    Image.fromarray(255 - image).save(path)
    with pytest.raises(InvalidInputError, match=r"pixels of 'a.png' are not those"):
        napari_refvae.replay(side_car)
    path.unlink()
    with pytest.raises(InvalidInputError, match=r"'a.png' is not at .* put it beside the record"):
        napari_refvae.replay(side_car)
    napari_refvae.replay(side_car, image=image)
    Image.fromarray(image).save(side_car.parent / "a.png")
    napari_refvae.replay(side_car)


def test_replay_of_an_array_says_that_it_needs_the_array(upscale, image, tmp_path):
    result = upscale(image, samples=1)
    side_car = result.save(tmp_path, "a")[-1]
    with pytest.raises(InvalidInputError, match="was an array, not a file: pass it again"):
        napari_refvae.replay(side_car)
    np.testing.assert_array_equal(napari_refvae.replay(side_car, image=image).sr, result.sr)


def test_replay_needs_as_many_references_and_a_whole_record(upscale, image, tmp_path):
    side_car = upscale(image, samples=1).save(tmp_path, "a")[-1]
    with pytest.raises(InvalidInputError, match="expected 1 references, as recorded; got 2"):
        napari_refvae.replay(side_car, image=image, references=["self", "none"])
    told = json.loads(side_car.read_text())
    told["resolved"]["tile"] = {"side": 4}
    side_car.write_text(json.dumps(told))
    with pytest.raises(InvalidInputError, match="the side-car's tile is damaged"):
        napari_refvae.replay(side_car, image=image)


def test_replay_reads_each_reference_in_its_own_recorded_range(upscale, image, texture, tmp_path):
    """As in napari: a layer with contrast limits, beside a reference from a file, which has none."""
    tifffile.imwrite(tmp_path / "b.tif", texture.astype(np.uint16) * 257, photometric="minisblack")
    deep, files = image[..., 0].astype(np.uint16) * 16, [tmp_path / "b.tif"]
    layer = Picture(deep, read_picture(deep).source, IntensityRange(0, 4095))
    result = upscale(layer, files, samples=1)
    side_car = result.save(tmp_path, "a")[-1]
    again = napari_refvae.replay(side_car, image=deep)
    np.testing.assert_array_equal(again.sr, result.sr)
    assert again.provenance["references"] == result.provenance["references"]
    other = replace(read_picture(tmp_path / "b.tif"), intensity_range=IntensityRange(0, 9))
    with pytest.raises(InvalidInputError, match=r"'b' with the recorded range None; got \[0, 9\]"):
        napari_refvae.replay(side_car, image=deep, references=[other])


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("settings", "intensity_range", [1]),
        ("model", "name", None),
        ("model", "sha256", 7),
        ("input", "path", 7),
        ("references", 0, "self"),
        ("resolved", "device", []),
    ],
)
def test_replay_of_a_side_car_with_a_value_of_another_kind_says_so(upscale, image, tmp_path, part, key, value):
    side_car = upscale(image, samples=1).save(tmp_path, "a")[-1]
    told = json.loads(side_car.read_text())
    told[part][key] = value
    side_car.write_text(json.dumps(told))
    with pytest.raises((InvalidInputError, InvalidSpecError)):
        napari_refvae.replay(side_car, image=None if part == "input" else image)


def test_replay_refuses_another_model(upscale, image, tmp_path, tiny_model):
    side_car = upscale(image, samples=1).save(tmp_path, "a")[-1]
    told = json.loads(side_car.read_text())
    told["model"]["sha256"] = "0" * 64
    side_car.write_text(json.dumps(told))
    with pytest.raises(InvalidInputError, match="expected model 000000000000"):
        napari_refvae.replay(side_car, image=image)


def test_replay_finds_a_model_file_where_it_was_or_beside_the_side_car(
    upscale, image, tmp_path, tiny_model, monkeypatch
):
    own = tmp_path / "own.safetensors"
    own.write_bytes(tiny_model.read_bytes())
    monkeypatch.chdir(tmp_path)
    result = napari_refvae.upscale(image, samples=1, model="own.safetensors", device="cpu")
    side_car = result.save(tmp_path / "out", "a")[-1]
    monkeypatch.chdir(tmp_path / "out")
    np.testing.assert_array_equal(napari_refvae.replay(side_car, image=image).sr, result.sr)
    own.rename(tmp_path / "out" / own.name)
    np.testing.assert_array_equal(napari_refvae.replay(side_car, image=image).sr, result.sr)


def test_a_declared_range_holds_for_references_of_the_images_dtype(upscale, image, texture):
    deep, wide = image.astype(np.uint16) * 16, texture.astype(np.uint16) * 16
    declared = {"samples": 1, "intensity_range": (0, 4080)}
    same = upscale(deep, wide, **declared).sr
    np.testing.assert_array_equal(same, upscale(deep, texture, **declared).sr)


@pytest.mark.parametrize("part", ["settings", "samples", "resolved"])
def test_replay_of_an_incomplete_side_car_names_what_is_missing(upscale, image, tmp_path, part):
    side_car = upscale(image, samples=1).save(tmp_path, "a")[-1]
    told = json.loads(side_car.read_text())
    del told[part]
    side_car.write_text(json.dumps(told))
    with pytest.raises(InvalidInputError, match=f"incomplete: it lacks {part}"):
        napari_refvae.replay(side_car, image=image)


def test_the_region_is_cut_from_everything(upscale, image):
    whole = upscale(image, samples=1, precision="float32")
    part = upscale(image, samples=1, precision="float32", region=(20, 3, 5, 6), faithful=True)
    np.testing.assert_array_equal(part.lr, image[20:25, 3:9])
    assert part.faithful.shape == part.bicubic.shape == part.sr[0].shape == (40, 48, 3)
    assert np.abs(part.sr[0].astype(int) - whole.sr[0][160:200, 24:72]).max() <= 1
    assert part.provenance["input"] == whole.provenance["input"]
    assert part.provenance["settings"]["region"] == [20, 3, 5, 6]


def test_steps_yield_finished_samples_and_drain_passes_progress_only(upscale, tiny_model, image):
    steps = list(api.steps(image, samples=3, model=tiny_model, device="cpu"))
    assert [step.index for step in steps if isinstance(step, FinishedSample)] == [0, 1, 2]
    seen = []
    upscale(image, samples=3, on_progress=seen.append)
    assert seen == [step for step in steps if isinstance(step, Progress)]


def test_prepare_says_what_will_run_and_measures_once(tiny_model):
    ready = api.prepare(tiny_model, "cpu", "float32")
    assert (ready.device.value, ready.precision.value, ready.scale) == ("cpu", "float32", 8)
    assert ready.sha256 == api.load_model(tiny_model).info.identity
    assert 0 < ready.seconds_per_pixel < 0.01
    assert api.prepare(tiny_model, "cpu", "float32") == ready


@pytest.mark.parametrize(
    "settings", [{}, {"scale": 2}, {"region": (3, 4, 5, 6)}, {"faithful": True}, {"tile": 9}], ids=str
)
def test_a_forecast_is_what_a_run_gives(upscale, image, tiny_model, settings):
    told = api.forecast(image.shape, image.dtype, samples=2, references=2, model=tiny_model, device="cpu", **settings)
    seen = []
    made = upscale(image, ["self", "none"], samples=2, on_progress=seen.append, **settings)
    assert told.size == made.sr.shape[1:3]
    assert told.samples == len(made)
    assert told.tiles == seen[-1].tiles
    arrays = (made.sr, made.bicubic, *([] if made.faithful is None else [made.faithful]))
    assert told.result_bytes == sum(array.nbytes for array in arrays) < told.peak_bytes
    assert told.seconds > 0


def test_a_forecast_counts_the_passes_of_a_self_ensemble(image, tiny_model):
    seconds = {
        name: api.forecast(image.shape, image.dtype, samples=2, model=tiny_model, device="cpu", **settings).seconds
        for name, settings in {
            "plain": {},
            "faithful too": {"faithful": True},
            "without": {"faithful": True, "self_ensemble": False},
            "all": {"self_ensemble": True},
            "not vivid": {"vividness": 0},
            "not vivid, without": {"vividness": 0, "self_ensemble": False},
        }.items()
    }
    assert seconds["plain"] == seconds["not vivid, without"] < seconds["without"] < seconds["faithful too"]
    assert seconds["faithful too"] < seconds["all"] == seconds["not vivid"]


def test_a_forecast_counts_what_matching_takes(image, tiny_model):
    plain, matched, twice = (
        api.forecast(image.shape, image.dtype, model=tiny_model, device="cpu", matching=sizes)
        for sizes in ((), [(200, 300)], [(200, 300)] * 2)
    )
    assert plain.seconds < matched.seconds < twice.seconds
    assert plain.peak_bytes < matched.peak_bytes < twice.peak_bytes
    assert plain.result_bytes == matched.result_bytes


def test_a_forecast_refuses_what_a_run_would(tiny_model):
    with pytest.raises(InvalidSpecError, match="one of 2, 4, 8"):
        api.forecast((9, 9), "uint8", scale=3, model=tiny_model)
    with pytest.raises(InvalidSpecError, match="region must be"):
        api.forecast((9, 9), "uint8", region=(5, 5, 5, 5), model=tiny_model)
    with pytest.raises(InvalidInputError, match=r"shape of an image.* got \(9,\)"):
        api.forecast((9,), "uint8", model=tiny_model)


def test_steps_may_be_closed_anywhere_and_the_next_run_is_as_if_they_had_not_been(upscale, tiny_model, image):
    settings = {"samples": 2, "seed": 3, "faithful": True, "tile": 20}
    expected, rounding = upscale(image, **settings), torch.backends.cudnn.allow_tf32
    count = len(list(api.steps(image, model=tiny_model, device="cpu", **settings)))
    assert count > 4
    for taken in range(count + 1):
        steps = api.steps(image, model=tiny_model, device="cpu", **settings)
        for _ in range(taken):
            next(steps)
        steps.close()
        assert torch.backends.cudnn.allow_tf32 == rounding
    again = upscale(image, **settings)
    np.testing.assert_array_equal(again.sr, expected.sr)
    np.testing.assert_array_equal(again.faithful, expected.faithful)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"samples": 0}, InvalidSpecError, "samples must be an integer of at least 1; got 0"),
        ({"seed": "x"}, InvalidSpecError, "seed must be an integer"),
        ({"scale": 3}, InvalidSpecError, "one of 2, 4, 8 with this model; got 3"),
        ({"scale": "4"}, InvalidSpecError, "scale must be an integer"),
        ({"region": (0, 0, 33, 4)}, InvalidSpecError, "within the image of 32 x 32; got 0, 0, 33, 4"),
        ({"region": (0, 0, 4)}, InvalidSpecError, "four integers"),
        ({"region": (0, 0, 4, 0.5)}, InvalidSpecError, "width must be an integer; got 0.5"),
        ({"tile": 0}, InvalidSpecError, "at least 1 LR pixel; got 0"),
        ({"tile": "big"}, InvalidSpecError, "tile must be 'auto', a number"),
        ({"consistency": "box"}, InvalidSpecError, "'bicubic' or None; got 'box'"),
        ({"self_ensemble": "yes"}, InvalidSpecError, "True, False or 'auto'; got 'yes'"),
        ({"self_ensemble": 1}, InvalidSpecError, "True, False or 'auto'; got 1"),
        ({"precision": "half"}, InvalidSpecError, "auto, float32 or bfloat16; got 'half'"),
        ({"intensity_range": (1,)}, InvalidSpecError, r"two numbers \(low, high\); got \(1,\)"),
        ({"intensity_range": (5, 5)}, InvalidSpecError, "finite low < high"),
        ({"references": ["nowhere.png"]}, UnreadableFileError, "nowhere.png"),
        ({"references": [np.zeros((4, 4, 5))]}, InvalidInputError, r"\(4, 4, 5\)"),
    ],
)
def test_a_mistake_is_named(upscale, image, settings, error, message):
    with pytest.raises(error, match=message):
        upscale(image, **settings)


@pytest.mark.parametrize(
    "bad", [{"not": "an image"}, object(), [object()], [[1, 2], [3]], 5, "nowhere.png", np.zeros((0, 4))]
)
def test_what_is_no_image_is_named(upscale, bad):
    with pytest.raises(RefVAEError, match="expected"):
        upscale(bad)


def test_an_unknown_model_is_named(image):
    with pytest.raises(UnknownModelError, match="no-such-model"):
        napari_refvae.upscale(image, model="no-such-model")


def test_tiles_in_every_form_give_the_same_pixels_in_float32(upscale, image):
    whole = upscale(image, samples=1, precision="float32", tile=None).sr.astype(int)
    for tile in ("auto", 8, np.int64(8), TileSpec(8), TileSpec(12, 30)):
        made = upscale(image, samples=1, precision="float32", tile=tile).sr
        assert np.abs(made - whole).max() <= 1  # a value that lies between two levels may round either way


def test_a_loaded_model_can_be_passed(tiny_model, image, upscale):
    model = api.load_model(tiny_model)
    np.testing.assert_array_equal(
        napari_refvae.upscale(image, samples=1, model=model, device="cpu").sr, upscale(image, samples=1).sr
    )


def test_calls_leave_the_global_generator_alone(upscale, image):
    before = torch.get_rng_state()
    upscale(image, samples=1)
    assert torch.equal(before, torch.get_rng_state())


@pytest.fixture
def gappy(image):
    values = (image / np.float32(255)).astype(np.float32)
    values[3, 4], values[9, 2, 1], values[20, 30] = np.nan, np.inf, -np.inf
    return values


@pytest.mark.parametrize("settings", [{}, {"region": (2, 1, 9, 8), "scale": 4}], ids=str)
def test_missing_values_come_back_in_all_that_is_made(upscale, gappy, settings):
    result = upscale(gappy, samples=2, faithful=True, **settings)
    top, left, height, width = settings.get("region", (0, 0, *gappy.shape[:2]))
    part = gappy[top : top + height, left : left + width]
    blocks = part.repeat(result.scale, axis=0).repeat(result.scale, axis=1)
    for made in (*result.sr, result.bicubic, result.faithful):
        np.testing.assert_array_equal(np.isnan(made), np.isnan(blocks))
        np.testing.assert_array_equal(np.isposinf(made), np.isposinf(blocks))
        np.testing.assert_array_equal(np.isneginf(made), np.isneginf(blocks))
    np.testing.assert_array_equal(result.lr, part)
    assert result.provenance["input"]["missing"] == {"nan": 3, "infinite": 4}


def test_finished_samples_hold_missing_values_when_they_are_yielded(tiny_model, gappy):
    for step in api.steps(gappy, samples=2, model=tiny_model, device="cpu"):
        if isinstance(step, FinishedSample):
            assert np.isnan(step.sr[24:32, 32:40]).all()


def test_a_run_with_missing_values_replays_to_the_same_pixels(upscale, gappy, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", gappy, photometric="rgb")
    result = upscale(tmp_path / "a.tif", samples=2)
    again = napari_refvae.replay(result.save(tmp_path / "out", "a", ".tiff")[-1])
    np.testing.assert_array_equal(again.sr, result.sr)
    assert [entry["sha256"] for entry in again.provenance["samples"]] == [
        entry["sha256"] for entry in result.provenance["samples"]
    ]


def test_an_image_of_nothing_but_missing_values_is_refused(upscale):
    with pytest.raises(InvalidInputError, match="finite values in every channel"):
        upscale(np.full((4, 4), np.nan, np.float32))


def test_what_was_read_is_not_read_again(upscale, image, texture, tmp_path):
    Image.fromarray(texture).save(tmp_path / "bark.png")
    picture, guides = read_picture(image), read_references(tmp_path / "bark.png", None, image.dtype)
    expected = upscale(image, tmp_path / "bark.png", samples=1)
    (tmp_path / "bark.png").unlink()
    for references in (guides, guides[0]):
        made = upscale(picture, references, samples=1)
        np.testing.assert_array_equal(made.sr, expected.sr)
        assert made.provenance["references"] == expected.provenance["references"]


def test_maps_of_an_input_with_infinite_values_warn_of_nothing(upscale):
    lr = np.full((8, 8), 0.5, np.float32)
    lr[2, 3] = np.inf
    result = upscale(lr, samples=2)
    for found in (result.mean, result.std, result.residual()[0]):
        assert not np.isfinite(found[16:24, 24:32]).any()
        assert np.isfinite(found[:16]).all()


def test_a_measured_range_is_that_of_the_values_of_image_and_reference(upscale, image, texture, tmp_path):
    deep, other = image[..., 0].astype(np.uint16) * 16, texture.astype(np.uint16) * 3
    result = upscale(deep, [other], samples=1, intensity_range="measured")
    used = (int(deep.min()), int(deep.max()))
    told = [other.min(), other.max()]
    assert result.provenance["settings"]["intensity_range"] == [*used]
    assert result.provenance["references"][0]["intensity_range"] == told
    again = replace(read_picture(other), intensity_range=IntensityRange(*(float(value) for value in told)))
    np.testing.assert_array_equal(result.sr, upscale(deep, [again], samples=1, intensity_range=used).sr)
    with pytest.raises(InvalidSpecError, match="'measured' or None; got 'auto'"):
        upscale(deep, intensity_range="auto")
