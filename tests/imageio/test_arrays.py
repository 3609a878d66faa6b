import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_refvae.errors import InvalidInputError, InvalidSpecError, UnreadableFileError
from napari_refvae.imageio.arrays import ArraySource, describe_array
from napari_refvae.imageio.layout import Axis, Layout
from napari_refvae.regions import Region

STACK = np.arange(2 * 3 * 4 * 5 * 6, dtype=np.uint16).reshape(2, 3, 4, 5, 6)


@st.composite
def layouts(draw):
    """Axes in any order, with or without colours."""
    names = draw(st.permutations("yx" + "".join(draw(st.sets(st.sampled_from("tcz"))))))
    colour = draw(st.sampled_from([None, "s", "c"] if "c" in names else [None, "s"]))
    names = [*names, "s"] if colour == "s" else names
    lengths = st.integers(1, 4)
    return Layout(tuple(Axis(name, 3 if name == colour else draw(lengths)) for name in names), colour)


@given(layouts())
def test_planes_cover_the_array_once(layout):
    counts = np.zeros(layout.shape, int)
    for index in layout.planes():
        counts[layout.key(index)] += 1

    assert (counts == 1).all()
    assert layout.count == len(list(layout.planes()))


@given(layouts(), st.data())
def test_what_is_written_by_planes_and_regions_is_read_back(layout, data):
    array = np.zeros(layout.shape, np.uint8)
    rng = np.random.default_rng(0)
    height, width = layout.size
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    region = Region(y, x, data.draw(st.integers(1, height - y)), data.draw(st.integers(1, width - x)))
    for index in layout.planes():
        tail = (3,) if layout.colour else ()
        image = rng.integers(0, 256, (height, width, *tail), dtype=np.uint8)
        array[layout.key(index)] = layout.from_image(image)
        source = ArraySource(array, layout)

        np.testing.assert_array_equal(source.read(index), image)
        np.testing.assert_array_equal(source.read(index, region), image[region.slices])


@given(st.integers(1, 9), st.sampled_from([2, 4, 8]), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_an_enlarged_axis_covers_the_same_part_of_the_world(length, scale, step, start):
    axis = Axis("x", length, step, start, "micrometer")
    fine = axis.refined(scale)

    assert (fine.length, fine.unit) == (length * scale, "micrometer")
    for before, after in ((axis, fine),):
        low, high = before.translation - before.scale / 2, before.translation + before.scale * (length - 0.5)
        np.testing.assert_allclose(after.translation - after.scale / 2, low, atol=1e-9 * max(1, abs(start), step))
        np.testing.assert_allclose(
            after.translation + after.scale * (after.length - 0.5), high, atol=1e-9 * max(1, abs(high), step)
        )


def test_only_rows_and_columns_are_enlarged():
    layout = describe_array(STACK).layout.enlarged(8)

    assert layout.shape == (2, 3, 4, 40, 48)
    assert [axis.scale for axis in layout.axes] == [1, 1, 1, 1 / 8, 1 / 8]
    assert [axis.translation for axis in layout.axes] == [0, 0, 0, -7 / 16, -7 / 16]


@pytest.mark.parametrize(
    ("shape", "options", "names", "colour"),
    [
        ((5, 6), {}, "yx", None),
        ((4, 5, 6), {}, "zyx", None),
        ((4, 5, 3), {}, "yxs", "s"),
        ((4, 5, 4), {}, "yxs", "s"),
        ((4, 5, 3), {"rgb": False}, "zyx", None),
        ((2, 4, 5, 6), {}, "tzyx", None),
        ((2, 4, 5, 3), {}, "zyxs", "s"),
        ((2, 3, 4, 5, 6), {}, "tczyx", None),
        ((2, 3, 4, 5, 6, 3), {}, "tczyxs", "s"),
        ((3, 5, 6), {"axes": "cyx"}, "cyx", None),
        ((3, 5, 6), {"axes": "cyx", "rgb": True}, "cyx", "c"),
        ((5, 6, 2), {"axes": "xyt"}, "xyt", None),
        ((5, 3), {}, "yx", None),
    ],
)
def test_axes(shape, options, names, colour):
    layout = describe_array(np.zeros(shape), **options).layout

    assert (layout.names, layout.colour) == (names, colour)


@pytest.mark.parametrize(
    ("shape", "options", "said"),
    [
        ((5,), {}, "2 to 5 axes"),
        ((1, 1, 1, 1, 5, 6), {}, "2 to 5 axes"),
        ((5, 6), {"axes": "zyx"}, "a letter for each axis"),
        ((5, 6), {"axes": "yy"}, "each once"),
        ((5, 6), {"axes": "zy"}, "axes named y, x"),
        ((5, 6), {"axes": "yq"}, "axes named y, x"),
        ((5, 6, 2), {"axes": "yxs"}, "3 or 4 colours along axis s; got 2"),
        ((5, 0), {}, "holds no pixel"),
        ((2, 5, 6), {"axes": "cyx", "rgb": True}, "colours along axis c"),
    ],
)
def test_axes_that_do_not_fit_are_named(shape, options, said):
    with pytest.raises(InvalidInputError, match=said):
        describe_array(np.zeros(shape), **options)


@pytest.mark.parametrize(("scale", "translation"), [(0, 0), (-1, 0), (np.inf, 0), (np.nan, 0), (1, np.nan)])
def test_senseless_steps_are_refused(scale, translation):
    with pytest.raises(InvalidInputError, match="positive step"):
        Axis("x", 3, scale, translation)


def test_planes_come_in_order_and_contiguous():
    found = dict(describe_array(STACK.astype(">u2")).planes())

    assert list(found) == [(t, c, z) for t in range(2) for c in range(3) for z in range(4)]
    for index, plane in found.items():
        np.testing.assert_array_equal(plane, STACK[index])
        assert plane.flags.c_contiguous
        assert plane.dtype == np.uint16


def test_memory_maps(tmp_path):
    np.save(tmp_path / "a.npy", STACK)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")

    np.testing.assert_array_equal(describe_array(mapped).read((1, 2, 3), Region(1, 2, 3, 4)), STACK[1, 2, 3, 1:4, 2:6])


def test_dask_loads_the_planes_that_are_asked_for_and_no_more():
    da = pytest.importorskip("dask.array")
    loaded = []

    def load(block_info=None):
        loaded.append(block_info[None]["array-location"][0][0])
        return np.full((1, 5, 6), loaded[-1], np.uint8)

    stack = da.map_blocks(load, chunks=((1,) * 7, (5,), (6,)), dtype=np.uint8, meta=np.empty((0, 0, 0), np.uint8))
    source = describe_array(stack)

    assert loaded == []
    assert (source.read((4,)) == 4).all()
    assert loaded == [4]


def test_a_dask_graph_that_fails_is_named():
    da = pytest.importorskip("dask.array")

    def fail(_):
        raise OSError("the disk is gone")

    source = describe_array(da.zeros((2, 4, 5), chunks=1).map_blocks(fail, dtype=float), name="mine")
    with pytest.raises(UnreadableFileError, match=r"plane \(1,\) of mine cannot be read \(the disk is gone\)"):
        source.read((1,))


def test_a_plane_that_is_too_large_is_refused_and_its_parts_are_not():
    source = describe_array(np.broadcast_to(np.uint8(7), (2, 20_000, 20_000)))
    with pytest.raises(InvalidInputError, match="at most 178,956,970 pixels"):
        source.read((0,))
    assert (source.read((1,), Region(19_000, 5, 10, 12)) == np.full((10, 12), 7)).all()


@pytest.mark.parametrize("region", [Region(0, 0, 6, 6), Region(-1, 0, 2, 2), Region(0, 0, 0, 1)])
def test_regions_outside_are_refused(region):
    with pytest.raises(InvalidSpecError, match="within the image"):
        describe_array(STACK).read((0, 0, 0), region)


def test_indices_outside_are_named():
    with pytest.raises(UnreadableFileError, match=r"plane \(0, 0, 9\)"):
        describe_array(STACK).read((0, 0, 9))
