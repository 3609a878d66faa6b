import json
import os
import pickle
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from napari_refvae.errors import InvalidInputError, OutputError, UnreadableFileError
from napari_refvae.imageio.arrays import describe_array
from napari_refvae.imageio.files import open_source
from napari_refvae.imageio.layout import Axis, Layout
from napari_refvae.imageio.omezarr import open_ome_zarr
from napari_refvae.imageio.zarrwriting import create_ome_zarr, reopen_ome_zarr
from napari_refvae.regions import Region

zarr = pytest.importorskip("zarr")

STACK = np.random.default_rng(0).integers(0, 60000, (2, 3, 20, 30)).astype(np.uint16)
LAYOUT = Layout(
    (
        *(Axis("t", 2, 0.5, 3.0, "s"), Axis("c", 3)),
        *(Axis("y", 20, 0.4, 8.0, "µm"), Axis("x", 30, 0.8, -2.0, "µm")),
    )
)


def written(path, version="0.5", layout=LAYOUT, array=STACK):
    target = create_ome_zarr(path, layout, array.dtype, version=version)
    for index in layout.planes():
        target.write(layout.to_image(array[layout.key(index)]), index)
    return path


def change(path, edit):
    described = json.loads(path.read_text())
    edit(described)
    path.write_text(json.dumps(described))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_what_is_written_is_read_back(tmp_path, version):
    source = open_source(written(tmp_path / "a.zarr", version))

    assert source.dtype == np.uint16
    assert (source.layout.names, source.layout.colour) == ("tcyx", None)
    assert [(axis.scale, axis.translation) for axis in source.layout.axes] == [(0.5, 3), (1, 0), (0.4, 8), (0.8, -2)]
    assert [axis.unit for axis in source.layout.axes] == ["second", "", "micrometer", "micrometer"]
    for index in source.layout.planes():
        np.testing.assert_array_equal(source.read(index), STACK[index])
    np.testing.assert_array_equal(source.read((1, 2), Region(4, 5, 6, 7)), STACK[1, 2, 4:10, 5:12])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_metadata_are_those_of_the_specification(tmp_path, version):
    path = written(tmp_path / "a.zarr", version)
    group = zarr.open_group(str(path), mode="r")
    attributes = dict(group.attrs) if version == "0.4" else group.attrs["ome"]
    (image,) = attributes["multiscales"]

    assert (image if version == "0.4" else attributes)["version"] == version
    assert group.metadata.zarr_format == {"0.4": 2, "0.5": 3}[version]
    assert image["axes"][0] == {"name": "t", "type": "time", "unit": "second"}
    assert image["axes"][1] == {"name": "c", "type": "channel"}
    assert image["axes"][2] == {"name": "y", "type": "space", "unit": "micrometer"}
    (level,) = image["datasets"]
    assert level["coordinateTransformations"] == [
        {"type": "scale", "scale": [0.5, 1.0, 0.4, 0.8]},
        {"type": "translation", "translation": [3.0, 0.0, 8.0, -2.0]},
    ]
    assert (path / level["path"] / "c").exists() == (version == "0.5")
    np.testing.assert_array_equal(group[level["path"]][:], STACK)


def test_a_result_lies_where_its_input_lies(tmp_path):
    source = open_source(written(tmp_path / "a.zarr"))
    create_ome_zarr(tmp_path / "b.zarr", source.layout.enlarged(8), np.uint16)
    result = open_source(tmp_path / "b.zarr")

    assert result.layout.shape == (2, 3, 160, 240)
    for name, scale, translation in (("y", 0.4, 8.0), ("x", 0.8, -2.0)):
        axis = result.layout.axis(name)
        np.testing.assert_allclose((axis.scale, axis.translation), (scale / 8, translation - scale * 7 / 16))
    assert result.layout.axis("t") == source.layout.axis("t")


def test_colours_become_channels_and_come_back(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (4, 20, 30, 3), dtype=np.uint8)
    source = describe_array(image)
    source = open_source(written(tmp_path / "a.zarr", layout=source.layout, array=image))

    assert (source.layout.names, source.layout.colour) == ("czyx", "c")
    for number, (_, plane) in enumerate(source.planes()):
        np.testing.assert_array_equal(plane, image[number])
    assert open_ome_zarr(tmp_path / "a.zarr", rgb=False).layout.count == 12


def test_axes_are_put_in_order(tmp_path):
    layout = Layout((Axis("x", 30), Axis("z", 3), Axis("y", 20), Axis("t", 2)))
    array = STACK.transpose(3, 1, 2, 0)
    source = open_source(written(tmp_path / "a.zarr", layout=layout, array=array))

    assert source.layout.names == "tzyx"
    np.testing.assert_array_equal(source.read((1, 2)), STACK[1, 2])


def test_the_pixels_of_a_region_are_written(tmp_path):
    target = create_ome_zarr(tmp_path / "a.zarr", LAYOUT, np.uint16)
    target.write(STACK[0, 0, :4, :5], (1, 2), Region(16, 25, 4, 5))
    source = open_source(tmp_path / "a.zarr")

    np.testing.assert_array_equal(source.read((1, 2))[16:, 25:], STACK[0, 0, :4, :5])
    assert np.count_nonzero(source.read((1, 2))[:16]) == 0


def test_transformations_follow_one_another(tmp_path):
    path = written(tmp_path / "a.zarr")

    def edit(described):
        image = described["attributes"]["ome"]["multiscales"][0]
        image["coordinateTransformations"] = [
            {"type": "identity"},
            {"type": "scale", "scale": [1, 1, 10, 10]},
            {"type": "translation", "translation": [0, 0, 1, 1]},
        ]

    change(path / "zarr.json", edit)
    axis = open_source(path).layout.axis("y")
    assert (axis.scale, axis.translation) == (4, 81)


def test_the_finest_level_counts(tmp_path):
    path = written(tmp_path / "a.zarr")
    zarr.open_group(str(path)).create_array("1", data=STACK[..., ::2, ::2])
    level = {"path": "1", "coordinateTransformations": [{"type": "scale", "scale": [0.5, 1, 0.8, 1.6]}]}
    change(path / "zarr.json", lambda found: found["attributes"]["ome"]["multiscales"][0]["datasets"].append(level))

    assert open_source(path).layout.shape == STACK.shape


def test_older_files_without_axes(tmp_path):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    group.create_array("0", data=STACK[:, :, None])
    group.attrs["multiscales"] = [{"datasets": [{"path": "0"}], "version": "0.2"}]
    assert open_source(tmp_path / "a.zarr").layout.names == "tczyx"
    group.attrs["multiscales"] = [{"datasets": [{"path": "0"}], "axes": ["t", "z", "c", "y", "x"], "version": "0.3"}]
    assert open_source(tmp_path / "a.zarr").layout.names == "tzcyx"


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_plain_arrays(tmp_path, zarr_format):
    zarr.create_array(str(tmp_path / "a.zarr"), data=STACK, zarr_format=zarr_format)

    assert open_source(tmp_path / "a.zarr").layout.names == "tzyx"
    assert open_source(tmp_path / "a.zarr", axes="tcyx").layout.names == "tcyx"
    np.testing.assert_array_equal(open_source(tmp_path / "a.zarr").read((1, 0)), STACK[1, 0])


@pytest.mark.parametrize(
    "edit",
    [
        lambda found: found.clear(),
        lambda found: found.update(multiscales=[{}]),
        lambda found: found.update(multiscales=[{"datasets": []}]),
        lambda found: found.update(multiscales=7),
        lambda found: found.update(multiscales={"a": 1}),
        lambda found: found["multiscales"][0]["datasets"][0].update(path="../other"),
        lambda found: found["multiscales"][0]["datasets"][0].update(path="/etc"),
        lambda found: found["multiscales"][0]["datasets"][0].update(path="nowhere"),
        lambda found: found["multiscales"][0]["datasets"][0].update(path=7),
        lambda found: found["multiscales"][0].update(axes=["y", "x"]),
        lambda found: found["multiscales"][0].update(axes="tzqyx"),
        lambda found: found["multiscales"][0].update(axes=[1, 2, 3, 4]),
        lambda found: found["multiscales"][0].update(coordinateTransformations=[{"type": "affine", "affine": []}]),
        lambda found: found["multiscales"][0].update(coordinateTransformations=[{"type": "scale", "scale": [0] * 4}]),
        lambda found: found["multiscales"][0].update(coordinateTransformations=[{"type": "scale", "path": "x"}]),
        lambda found: found["multiscales"][0].update(coordinateTransformations=[{"type": "scale", "scale": ["a"]}]),
        lambda found: found["multiscales"][0].update(coordinateTransformations=5),
        lambda found: found.update(omero={"channels": [5]}),
        lambda found: found.update(ome=5),
    ],
)
def test_damaged_metadata_are_named(tmp_path, edit):
    path = written(tmp_path / "a.zarr", "0.4")
    change(path / ".zattrs", edit)
    with pytest.raises(InvalidInputError, match=r"a\.zarr"):
        open_source(path)


class TestFaults:
    @pytest.mark.parametrize("name", ["zarr.json", "0/zarr.json"])
    @pytest.mark.parametrize(
        "content", ["", "{", "[]", '"text"', "\xff\xfe", '{"zarr_format": 3, "node_type": "array"}']
    )
    def test_damaged_descriptions(self, tmp_path, name, content):
        path = written(tmp_path / "a.zarr")
        (path / name).write_text(content, "latin-1")
        with pytest.raises(InvalidInputError, match=r"a\.zarr"):
            open_source(path)

    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    @pytest.mark.parametrize("damage", [b"", b"\0" * 40, b"x" * 1000])
    def test_damaged_chunks(self, tmp_path, version, damage):
        path = written(tmp_path / "a.zarr", version)
        chunk = next(found for found in sorted(path.rglob("*")) if found.is_file() and found.name.isdigit())
        chunk.write_bytes(damage)
        source = open_source(path)
        with pytest.raises(UnreadableFileError, match=r"plane \(0, 0\) of .*a\.zarr cannot be read"):
            source.read((0, 0))

    def test_vanished_after_it_was_opened(self, tmp_path):
        source = open_source(written(tmp_path / "a.zarr"))
        shutil.rmtree(tmp_path / "a.zarr")
        with pytest.raises(UnreadableFileError, match="vanished while it was being read"):
            source.read((0, 0))

    def test_no_zarr(self, tmp_path):
        for path in (tmp_path, tmp_path / "nowhere.zarr"):
            with pytest.raises(UnreadableFileError, match="expected a zarr folder"):
                open_ome_zarr(path)

    @pytest.mark.parametrize("place", ["filters", "compressor"])
    def test_a_pickle_among_the_codecs_does_not_run(self, tmp_path, place):
        zarr.create_array(str(tmp_path / "a.zarr"), data=STACK[0, 0], zarr_format=2, compressors=None)
        witness = tmp_path / "ran"

        class Malice:
            def __reduce__(self):
                return os.mkdir, (str(witness),)

        codec = {"id": "pickle", "protocol": 5}
        change(
            tmp_path / "a.zarr" / ".zarray",
            lambda found: found.update({place: [codec] if place == "filters" else codec}),
        )
        (tmp_path / "a.zarr" / "0.0").write_bytes(pickle.dumps(Malice()))
        with pytest.raises(InvalidInputError, match="codecs can run programs"):
            open_source(tmp_path / "a.zarr").read()
        assert not witness.exists()

    def test_unknown_codecs_inside_shards(self, tmp_path):
        zarr.create_array(str(tmp_path / "a.zarr"), data=STACK[0, 0], chunks=(5, 5), shards=(10, 10))
        assert open_source(tmp_path / "a.zarr").read().shape == (20, 30)

        def edit(found):
            found["codecs"][0]["configuration"]["codecs"].append({"name": "numcodecs.pickle"})

        change(tmp_path / "a.zarr" / "zarr.json", edit)
        with pytest.raises(InvalidInputError, match="'pickle', which is not opened"):
            open_source(tmp_path / "a.zarr")

    def test_chunks_of_the_size_of_a_bomb(self, tmp_path):
        shape = (100_000, 100_000)
        zarr.create_array(str(tmp_path / "a.zarr"), shape=shape, chunks=shape, dtype="u1")
        with pytest.raises(InvalidInputError, match="chunks of at most"):
            open_source(tmp_path / "a.zarr")

    def test_texts_are_no_pixels(self, tmp_path):
        zarr.create_array(str(tmp_path / "a.zarr"), data=np.array([["ab", "c"]], "S2"), zarr_format=2)
        with pytest.raises(InvalidInputError, match="array of numbers"):
            open_source(tmp_path / "a.zarr")


class TestWriting:
    def test_nothing_is_overwritten(self, tmp_path):
        written(tmp_path / "a.zarr")
        with pytest.raises(OutputError, match="exists already"):
            create_ome_zarr(tmp_path / "a.zarr", LAYOUT, np.uint8)

    def test_a_half_made_image_is_gone_on_with(self, tmp_path):
        create_ome_zarr(tmp_path / "a.zarr", LAYOUT, np.uint16).write(STACK[0, 0], (0, 0))
        target = reopen_ome_zarr(tmp_path / "a.zarr", LAYOUT, np.uint16, name="a", factors=(1,))
        np.testing.assert_array_equal(target.recall((0, 0)), STACK[0, 0])
        target.write(STACK[1, 1], (1, 1))
        source = open_source(tmp_path / "a.zarr")
        np.testing.assert_array_equal(source.read((0, 0)), STACK[0, 0])
        np.testing.assert_array_equal(source.read((1, 1)), STACK[1, 1])

    def test_what_is_not_all_there_is_not_gone_on_with(self, tmp_path):
        def reopened(dtype=np.uint16, factors=(1,)):
            return reopen_ome_zarr(tmp_path / "a.zarr", LAYOUT, dtype, name="a", factors=factors)

        assert reopened() is None
        written(tmp_path / "a.zarr")
        assert reopened() is not None
        assert reopened(dtype=np.uint8) is None
        assert reopened(factors=(1, 2)) is None
        change(tmp_path / "a.zarr" / "zarr.json", lambda group: group["attributes"].clear())  # killed while creating
        assert reopened() is None

    def test_channels_and_colours_at_once(self, tmp_path):
        layout = Layout((Axis("c", 2), Axis("y", 4), Axis("x", 5), Axis("s", 3)), "s")
        with pytest.raises(InvalidInputError, match="one file a channel"):
            create_ome_zarr(tmp_path / "a.zarr", layout, np.uint8)

    def test_a_file_in_place_of_the_folder(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="could not write"):
            create_ome_zarr(tmp_path / "file" / "a.zarr", LAYOUT, np.uint8)


WITHOUT_ZARR = """
import sys
sys.modules["zarr"] = None
import numpy as np
from napari_refvae.errors import RefVAEError
from napari_refvae.imageio.files import open_source
from napari_refvae.imageio.layout import Axis, Layout
from napari_refvae.imageio.zarrwriting import create_ome_zarr

for attempt in (
    lambda: open_source(sys.argv[1]),
    lambda: create_ome_zarr(sys.argv[1] + "-new", Layout((Axis("y", 1), Axis("x", 1))), np.uint8),
):
    try:
        attempt()
    except RefVAEError as error:
        print(error)
assert "dask" not in sys.modules
"""


def test_without_zarr_the_sentence_says_how_to_get_it(tmp_path):
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(WITHOUT_ZARR), str(written(tmp_path / "a.zarr"))]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    assert said.count("pip install 'napari-refvae[zarr]'") == 2


FULL_DISK = """
import resource, sys
import numpy as np
from napari_refvae.errors import OutputError
from napari_refvae.imageio.layout import Axis, Layout
from napari_refvae.imageio.zarrwriting import create_ome_zarr

noise = np.random.default_rng(0).integers(0, 256, (300, 300), dtype=np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # what is written beyond fails, as on a full disk
try:
    create_ome_zarr(sys.argv[1], Layout((Axis("y", 300), Axis("x", 300))), np.uint8).write(noise)
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_named(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path / "a.zarr")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert "the disk is full" in done.stdout
