import os

import numpy as np
import pytest

from napari_refvae.errors import OutputError
from napari_refvae.imageio.arrays import describe_array
from napari_refvae.imageio.files import open_source
from napari_refvae.imageio.layout import Axis, Layout
from napari_refvae.imageio.stackwriting import write_stack

NOISE = np.random.default_rng(0).integers(0, 60000, (2, 3, 20, 30)).astype(np.uint16)


@pytest.mark.parametrize("axes", ["tzyx", "zcyx", "tcyx"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", ">u2", "float16", "int64"])
def test_what_is_written_is_read_back(tmp_path, axes, dtype):
    array = NOISE.astype(dtype)
    source = describe_array(array, axes)
    name = "a.tif" if dtype in ("float16", "int64") else "a.ome.tif"
    write_stack(tmp_path / name, source.layout, array.dtype, (plane for _, plane in source.planes()))
    result = open_source(tmp_path / name)

    assert sorted(result.layout.names) == sorted(axes)
    assert result.dtype == source.dtype
    for index, plane in zip(result.layout.planes(), array.reshape(6, 20, 30), strict=True):
        np.testing.assert_array_equal(result.read(index), plane)


@pytest.mark.parametrize("colours", [3, 4])
def test_colours_come_last(tmp_path, colours):
    array = NOISE[:, :, :12, :colours].astype(np.uint8)  # t z y s, then moved to where nobody expects it
    layout = Layout((Axis("s", colours), Axis("t", 2), Axis("y", 3), Axis("x", 12)), "s")
    moved = np.moveaxis(array, -1, 0)
    planes = [layout.to_image(moved[layout.key(index)]) for index in layout.planes()]
    write_stack(tmp_path / "a.tif", layout, np.uint8, planes)
    result = open_source(tmp_path / "a.tif")

    assert result.layout.names == "tyxs"
    for number, (_, plane) in enumerate(result.planes()):
        np.testing.assert_array_equal(plane, planes[number])


def test_the_steps_of_an_enlarged_stack(tmp_path):
    layout = Layout(
        (Axis("z", 2, 3.0, 0, "um"), Axis("y", 4, 0.8, 0, "micrometer"), Axis("x", 5, 1.6, 9, "micrometer"))
    )
    big = layout.enlarged(8)
    write_stack(tmp_path / "a.tif", big, np.uint8, [np.zeros(big.size)] * 2)
    result = open_source(tmp_path / "a.tif").layout

    assert [(axis.scale, axis.unit) for axis in result.axes] == [
        (3.0, "µm"),
        (pytest.approx(0.1), "µm"),
        (pytest.approx(0.2), "µm"),
    ]


def test_planes_are_taken_one_at_a_time(tmp_path):
    alive = []

    def planes():
        for number in range(20):
            alive.append(number)
            yield np.full((50, 60), number, np.uint8)

    layout = Layout((Axis("z", 20), Axis("y", 50), Axis("x", 60)))
    write_stack(tmp_path / "a.tif", layout, np.uint8, planes())
    assert [plane[0, 0] for _, plane in open_source(tmp_path / "a.tif").planes()] == alive


@pytest.mark.parametrize(
    ("count", "shape", "name", "dtype"),
    [
        (1, (4, 5), "a.tif", "u1"),
        (3, (4, 5), "a.tif", "u1"),
        (2, (4, 6), "a.tif", "u1"),
        (2, (4, 5), "a.png", "u1"),
        (2, (4, 5), "a.tif", "c8"),
        (2, (4, 5), "a.ome.tif", "f2"),
        (2, (4, 5), "nowhere/a.tif", "u1"),
    ],
)
def test_what_does_not_fit_is_named_and_leaves_nothing(tmp_path, count, shape, name, dtype):
    layout = Layout((Axis("z", 2), Axis("y", 4), Axis("x", 5)))
    with pytest.raises(OutputError):
        write_stack(tmp_path / name, layout, dtype, [np.zeros(shape, np.uint8)] * count)
    assert os.listdir(tmp_path) == []


def test_a_plane_that_fails_leaves_nothing(tmp_path):
    def planes():
        yield np.zeros((4, 5), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_stack(tmp_path / "a.tif", Layout((Axis("z", 2), Axis("y", 4), Axis("x", 5))), np.uint8, planes())
    assert os.listdir(tmp_path) == []
