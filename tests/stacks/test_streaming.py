"""Zarr is made piece by piece, and is what one run of the whole image gives."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

import napari_refvae
from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.arrays import describe_array
from napari_refvae.regions import Region
from napari_refvae.stacks import planning
from napari_refvae.stacks.planning import plan_stack

zarr = pytest.importorskip("zarr")

PIECES = 6


@pytest.fixture
def whole(tiny_model):
    """The same in one run."""

    def run(image, references=(), count=1, seed=3, **others):
        options = {"model": tiny_model, "device": "cpu", "precision": "float32", "seed": seed} | others
        return napari_refvae.upscale(image, references, samples=count, **options)

    return run


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


def test_a_plane_too_large_to_be_its_own_reference_is_refused_unread(settings, image, monkeypatch):
    source = describe_array(np.stack([image[..., 0]] * 2), "zyx")
    monkeypatch.setattr(planning, "LARGEST_SELF", 100)
    monkeypatch.setattr(type(source), "read", None)
    with pytest.raises(InvalidInputError, match="at most 100 pixels as its own reference; got 31 x 41"):
        plan_stack(source, "self", settings())


def test_the_side_car_tells_what_replay_needs(stream, image, tmp_path):
    stream(image, count=2, faithful=True)
    told = json.loads((tmp_path / "out" / "a_x8.json").read_text())
    assert told["resolved"]["piece"] == 16
    assert [len(entry["pixels"]) for entry in told["files"]] == [64] * 3
    assert len({entry["pixels"] for entry in told["files"]}) == 3
    assert os.listdir(tmp_path) == ["out"]
