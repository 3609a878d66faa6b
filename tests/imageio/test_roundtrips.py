"""What goes into a file comes out of it, whatever it is."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_refvae.imageio.files import open_source, read_tagged_image, write_image
from napari_refvae.imageio.layout import Axis, Layout
from napari_refvae.imageio.stackwriting import write_stack
from napari_refvae.imageio.tags import ImageTags

DTYPES = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
OME = ["uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64"]
NAMES = {
    "a.png": ["bool", "uint8", "uint16", ">u2"],
    "a.tif": ["bool", *DTYPES, ">u2", ">f4"],
    "a.ome.tif": ["bool", *OME],
}

lengths = st.integers(1, 12)
sizes = st.none() | st.floats(1e-6, 1e6)
in_one_folder = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def images(draw, dtypes):
    """Any values, NaN and infinity among them, in any order in memory."""
    shape = (draw(lengths), draw(lengths), *draw(st.sampled_from([(), (3,), (4,)])))
    array = draw(arrays.arrays(draw(st.sampled_from(dtypes)), shape))
    return draw(st.sampled_from([array, array[::-1, ::-1], np.asfortranarray(array), array[::2]]))


@pytest.mark.parametrize("name", NAMES)
@in_one_folder
@given(data=st.data())
def test_images(tmp_path, name, data):
    array = data.draw(images(NAMES[name]))
    dpi = data.draw(st.none() | st.tuples(st.floats(1, 5000), st.floats(1, 5000)))
    write_image(tmp_path / name, array, ImageTags(dpi=dpi))
    values, tags = read_tagged_image(tmp_path / name)

    stored = array * np.uint8(255) if array.dtype == bool else array
    assert values.dtype == stored.dtype.newbyteorder("=")
    np.testing.assert_array_equal(values, stored)
    np.testing.assert_array_equal(open_source(tmp_path / name).read(), stored)
    if dpi is not None:
        np.testing.assert_allclose(tags.dpi, dpi, rtol=0.02)  # PNG counts whole pixels a metre


@in_one_folder
@given(size=st.floats(1e-6, 1e6), other=st.floats(1e-6, 1e6), unit=st.sampled_from(["µm", "nm", "mm"]))
def test_pixel_sizes(tmp_path, size, other, unit):
    write_image(tmp_path / "a.ome.tif", np.zeros((2, 3), np.uint8), ImageTags(pixel_size=(size, other), unit=unit))
    tags = read_tagged_image(tmp_path / "a.ome.tif")[1]

    np.testing.assert_allclose(tags.pixel_size, (size, other))
    assert tags.unit == unit


@in_one_folder
@given(data=st.data())
def test_stacks(tmp_path, data):
    leading = "".join(data.draw(st.permutations(data.draw(st.sampled_from(["z", "t", "tz", "tc", "tzc"])))))
    shape = [data.draw(st.integers(2, 4)) for _ in leading] + [data.draw(lengths), data.draw(lengths)]
    array = data.draw(arrays.arrays(data.draw(st.sampled_from(OME)), shape))
    layout = Layout(tuple(Axis(name, length) for name, length in zip(leading + "yx", shape, strict=True)))
    write_stack(tmp_path / "a.ome.tif", layout, array.dtype, (array[index] for index in layout.planes()))
    source = open_source(tmp_path / "a.ome.tif")

    assert {*source.layout.names} == {*layout.names}
    for index, plane in source.planes():
        places = dict(zip((axis.name for axis in source.layout.leading), index, strict=True))
        np.testing.assert_array_equal(plane, array[tuple(places[name] for name in leading)])
