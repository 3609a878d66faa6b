import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_refvae.imageio.files import open_source
from napari_refvae.imageio.layout import Axis, Layout
from napari_refvae.imageio.pyramids import coarsened, level_factors, reduced
from napari_refvae.regions import Region

LAYOUT = Layout((Axis("z", 2, 3.0), Axis("y", 16, 0.5, 7.0), Axis("x", 24, 0.25, -1.0)))


@given(st.integers(1, 2000), st.integers(1, 2000), st.sampled_from([2, 4, 8]), st.integers(1, 3000))
def test_levels_end_with_the_first_that_is_small_or_with_the_greatest_factor(height, width, finest, enough):
    factors = level_factors((height * finest, width * finest), finest, enough)
    sides = [max(height, width) * finest / factor for factor in factors]
    assert factors == tuple(2**number for number in range(len(factors)))
    assert all(side > enough for side in sides[:-1])
    assert sides[-1] <= enough or factors[-1] == finest


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_each_level_covers_the_same_part_of_the_world(factor):
    for axis, wider in zip(LAYOUT.axes, coarsened(LAYOUT, factor).axes, strict=True):
        assert wider.length * wider.scale == axis.length * axis.scale
        assert wider.translation - wider.scale / 2 == axis.translation - axis.scale / 2


def test_pixels_are_means_of_blocks_in_the_images_dtype():
    image = np.array([[0, 1, 255, 255], [1, 1, 255, 254]], np.uint8)
    np.testing.assert_array_equal(reduced(image, 2), [[1, 255]])
    assert reduced(image, 2).dtype == np.uint8
    np.testing.assert_array_equal(reduced(np.array([[0, 1], [1, 1]], bool), 2), [[True]])
    np.testing.assert_array_equal(reduced(np.full((2, 4, 3), np.nan, np.float32), 2), np.full((1, 2, 3), np.nan))
    huge = np.full((2, 2), np.finfo(np.float32).max)
    np.testing.assert_array_equal(reduced(huge.astype(np.float64), 2), [[np.finfo(np.float32).max]])


def test_all_levels_are_written_and_the_metadata_place_them(tmp_path):
    zarr = pytest.importorskip("zarr")
    from napari_refvae.imageio.zarrwriting import create_ome_zarr

    planes = np.random.default_rng(0).random((2, 16, 24), np.float32)
    target = create_ome_zarr(tmp_path / "a.zarr", LAYOUT, np.float32, factors=(1, 2, 4), part=8)
    for number, plane in enumerate(planes):
        for y in (0, 8):
            for x in (0, 8, 16):
                target.write(plane[y : y + 8, x : x + 8], (number,), Region(y, x, 8, 8))
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="r")
    (image,) = group.attrs["ome"]["multiscales"]

    assert [entry["path"] for entry in image["datasets"]] == ["0", "1", "2"]
    assert image["datasets"][2]["coordinateTransformations"] == [
        {"type": "scale", "scale": [3.0, 2.0, 1.0]},
        {"type": "translation", "translation": [0.0, 7.75, -0.625]},
    ]
    assert [group[name].chunks[1:] for name in "012"] == [(8, 8), (4, 4), (2, 2)]
    np.testing.assert_allclose(group["2"][1], planes[1].reshape(4, 4, 6, 4).mean((1, 3)), rtol=1e-6)
    np.testing.assert_array_equal(open_source(tmp_path / "a.zarr").read((1,)), planes[1])
