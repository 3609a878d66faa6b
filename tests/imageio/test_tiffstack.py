import lzma
import os
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_refvae.errors import InvalidInputError, UnreadableFileError
from napari_refvae.imageio import tifftiles
from napari_refvae.imageio.files import open_source, read_image
from napari_refvae.imageio.tiffstack import open_tiff
from napari_refvae.regions import Region

GREY = np.random.default_rng(0).integers(0, 60000, (5, 40, 50)).astype(np.uint16)
RGB = np.random.default_rng(1).integers(0, 256, (4, 40, 50, 3), dtype=np.uint8)
ALPHA = np.random.default_rng(1).integers(0, 256, (4, 40, 50, 4), dtype=np.uint8)


def stack(path, array, **options):
    options = {"photometric": "rgb" if array.shape[-1] in (3, 4) else "minisblack", **options}
    tifffile.imwrite(path, array, **options)
    return path


@pytest.mark.parametrize(
    ("array", "options", "names"),
    [
        (GREY, {}, "zyx"),
        (GREY, {"metadata": None}, "zyx"),
        (GREY, {"byteorder": ">"}, "zyx"),
        (GREY, {"compression": "zlib"}, "zyx"),
        (GREY, {"compression": "zlib", "predictor": True}, "zyx"),
        (GREY, {"tile": (16, 16)}, "zyx"),
        (GREY, {"tile": (16, 32), "compression": "zlib", "predictor": True, "byteorder": ">"}, "zyx"),
        (RGB, {"tile": (32, 16), "compression": "lzma"}, "zyxs"),
        (
            RGB.transpose(0, 3, 1, 2).copy(),
            {"tile": (16, 16), "planarconfig": "separate", "photometric": "rgb"},
            "zyxs",
        ),
        (GREY, {"bigtiff": True}, "zyx"),
        (GREY, {"rowsperstrip": 7}, "zyx"),
        (GREY.astype(np.float32), {}, "zyx"),
        (GREY, {"imagej": True, "photometric": None, "metadata": {"axes": "ZYX"}}, "zyx"),
        (GREY[:, None].repeat(2, 1), {"imagej": True, "photometric": None, "metadata": {"axes": "TCYX"}}, "tcyx"),
        (np.stack([GREY] * 2)[:, :, None].repeat(3, 2), {"ome": True, "metadata": {"axes": "TZCYX"}}, "tzcyx"),
        (GREY, {"metadata": {"axes": "CYX"}}, "cyx"),
        (RGB, {}, "zyxs"),
        (RGB, {"planarconfig": "contig", "compression": "zlib"}, "zyxs"),
        (ALPHA, {}, "zyxs"),
        (GREY[0], {}, "yx"),
        (RGB[0], {}, "yxs"),
        (GREY[:1, :1, :1], {}, "yx"),
    ],
)
def test_planes_and_regions(tmp_path, array, options, names):
    source = open_tiff(stack(tmp_path / "a.tif", array, **options))
    region = Region(3, 5, 20, 30) if array.shape[-2] > 1 else None
    if options.get("planarconfig") == "separate":
        array = array.transpose(0, 2, 3, 1)
    flat = array.reshape(source.layout.count, *array.shape[-3 if "s" in names else -2 :])

    assert source.layout.names == names
    assert source.dtype == array.dtype
    for index, plane in zip(source.layout.planes(), flat, strict=True):
        np.testing.assert_array_equal(source.read(index), plane)
        if region:
            np.testing.assert_array_equal(source.read(index, region), plane[region.slices])


@pytest.mark.parametrize("kind", ["lzw", "palette", "bilevel", "jpeg"])
def test_pages_that_only_pillow_can_decode(tmp_path, kind):
    pages = {
        "lzw": [Image.fromarray(page) for page in RGB],
        "palette": [Image.fromarray(page).quantize(16) for page in RGB],
        "bilevel": [Image.fromarray(page[..., 0] > 99) for page in RGB],
        "jpeg": [Image.fromarray(page) for page in RGB],
    }[kind]
    compression = {"lzw": "tiff_lzw", "jpeg": "jpeg"}.get(kind)
    path = tmp_path / "a.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], compression=compression)
    source = open_source(path)

    assert source.layout.count == 4
    for number, (index, plane) in enumerate(source.planes()):
        pages[number].save(tmp_path / "one.tif", compression=compression)
        assert index == (number,)
        np.testing.assert_array_equal(plane, read_image(tmp_path / "one.tif"))


@pytest.mark.parametrize("tile", [{}, {"tile": (16, 16)}], ids=["strips", "tiles"])
@pytest.mark.parametrize("photometric", ["miniswhite", "assocalpha", "turned"])
def test_planes_are_as_they_are_meant(tmp_path, photometric, tile):
    options, array = {
        "miniswhite": ({"photometric": "miniswhite"}, GREY),
        "assocalpha": ({"extrasamples": ["assocalpha"]}, ALPHA),
        "turned": ({"extratags": [(274, 3, 1, 6, False)], "resolution": (2, 4)}, RGB),
    }[photometric]
    source = open_tiff(stack(tmp_path / "a.tif", array, metadata=None, **options, **tile))
    for number, (_, plane) in enumerate(source.planes()):
        stack(tmp_path / "one.tif", array[number], **options)
        np.testing.assert_array_equal(plane, read_image(tmp_path / "one.tif"))


def test_steps_of_ome_and_imagej(tmp_path):
    metadata = {
        "axes": "ZYX",
        "PhysicalSizeX": 0.25,
        "PhysicalSizeY": 0.5,
        "PhysicalSizeZ": 2,
        "PhysicalSizeZUnit": "nm",
    }
    ome = open_tiff(stack(tmp_path / "a.tif", GREY, ome=True, metadata=metadata)).layout
    metadata = {"axes": "ZYX", "unit": "um", "spacing": 3}
    options = {"imagej": True, "photometric": None, "resolution": (4, 2), "metadata": metadata}
    imagej = open_tiff(stack(tmp_path / "b.tif", GREY, **options)).layout

    assert [(axis.name, axis.scale, axis.unit) for axis in ome.axes] == [
        *(("z", 2.0, "nm"), ("y", 0.5, "µm"), ("x", 0.25, "µm"))
    ]
    assert [(axis.name, axis.scale, axis.unit) for axis in imagej.axes] == [
        *(("z", 3.0, "um"), ("y", 0.5, "um"), ("x", 0.25, "um"))
    ]
    assert ome.enlarged(8).axis("x").scale == 0.25 / 8


def test_a_compressed_page_is_decoded_once_for_all_its_parts(tmp_path, monkeypatch):
    pages = np.random.default_rng(0).integers(0, 256, (2, 20, 30), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pages, compression="zlib", photometric="minisblack")
    source, decoded = open_tiff(tmp_path / "a.tif"), []
    true = type(source.data)._decoded
    monkeypatch.setattr(type(source.data), "_decoded", lambda *what: decoded.append(what[1]) or true(*what))
    for index in (0, 0, 1, 1, 0):
        np.testing.assert_array_equal(source.read((index,), Region(2, 3, 4, 5)), pages[index, 2:6, 3:8])
    assert decoded == [0, 1, 0]


def test_a_region_of_a_plane_larger_than_any_memory_is_read(tmp_path):
    path, side = tmp_path / "huge.tif", 100_000
    tifffile.memmap(path, shape=(side, side), dtype=np.uint8, bigtiff=True)  # sparse: it takes no disk
    with path.open("r+b") as file, tifffile.TiffFile(path) as tiff:
        file.seek(tiff.pages.first.dataoffsets[0] + 99_000 * side + 500)
        file.write(bytes([1, 2, 3]))
    source = open_source(path)

    assert source.layout.size == (side, side)
    np.testing.assert_array_equal(source.read((), Region(99_000, 499, 2, 5)), [[0, 1, 2, 3, 0], [0] * 5])
    with pytest.raises(InvalidInputError, match="at most 178,956,970 pixels"):
        source.read()


def test_a_window_touches_no_other_rows_columns_or_tiles(tmp_path, monkeypatch):
    plane = np.random.default_rng(0).integers(0, 256, (64, 640), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "tiles.tif", plane, tile=(16, 16), compression="zlib")
    tifffile.imwrite(tmp_path / "plain.tif", plane)
    decoded, read = [], []
    decode, fromfile = tifftiles._decoded, np.fromfile
    monkeypatch.setattr(tifftiles, "_decoded", lambda *what: decoded.append(what[2]) or decode(*what))
    monkeypatch.setattr(np, "fromfile", lambda *what: read.append(what[2]) or fromfile(*what))
    region = Region(17, 300, 20, 30)
    for name in ("tiles.tif", "plain.tif"):
        np.testing.assert_array_equal(open_tiff(tmp_path / name).read((), region), plane[region.slices])
    assert decoded == [40 + 18, 40 + 19, 40 + 20, 80 + 18, 80 + 19, 80 + 20]
    assert read == [30] * 20


def test_a_window_of_tiles_that_together_fit_into_no_memory(tmp_path):
    path, side, count = tmp_path / "huge.tif", 4096, 25
    tile = np.zeros((side, side), np.uint8)
    tile[5, 6] = 7
    tiles = iter([zlib.compress(tile)] * count**2)
    shape, options = (count * side, count * side), {"tile": (side, side), "compression": "zlib", "bigtiff": True}
    tifffile.imwrite(path, tiles, shape=shape, dtype=np.uint8, photometric="minisblack", **options)
    source = open_source(path)
    assert source.layout.size == shape
    np.testing.assert_array_equal(source.read((), Region(9 * side + 4, 24 * side + 5, 2, 2)), [[0, 0], [0, 7]])


class TestFaults:
    @pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"metadata": None, "tile": (16, 16)}])
    def test_cut_short(self, tmp_path, options):
        path = stack(tmp_path / "a.tif", GREY, **options)
        os.truncate(path, path.stat().st_size - 4000)
        with pytest.raises(UnreadableFileError, match=r"a\.tif is damaged or cut short"):
            open_tiff(path).read((4,))

    @pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
    def test_vanished_after_it_was_opened(self, tmp_path, options):
        source = open_tiff(stack(tmp_path / "a.tif", GREY, **options))
        source.read((0,))
        os.unlink(tmp_path / "a.tif")
        with pytest.raises(UnreadableFileError, match="there is none"):
            source.read((1,))

    @pytest.mark.parametrize("change", ["shrunk", "replaced"])
    def test_changed_after_it_was_opened(self, tmp_path, change):
        source = open_tiff(stack(tmp_path / "a.tif", GREY))
        if change == "shrunk":
            os.truncate(tmp_path / "a.tif", 1000)
        else:
            stack(tmp_path / "a.tif", GREY[:, :9, :9])
        with pytest.raises(UnreadableFileError, match="was changed while it was being read"):
            source.read((1,))

    @pytest.mark.parametrize("bigtiff", [False, True])
    @pytest.mark.parametrize("count", [1, 5, 300])
    def test_pages_that_run_in_a_circle(self, tmp_path, bigtiff, count):
        options = {"bigtiff": bigtiff, "metadata": None, "byteorder": "<"}
        path = stack(tmp_path / "a.tif", np.zeros((count, 8, 8), np.uint8), **options)
        with tifffile.TiffFile(path) as tiff:
            first, last = tiff.pages[0].offset, tiff.pages[count - 1].offset
            form = tiff.tiff
        content = bytearray(path.read_bytes())
        (tags,) = struct.unpack_from(form.tagnoformat, content, last)
        struct.pack_into(form.offsetformat, content, last + form.tagnosize + tags * form.tagsize, first)
        path.write_bytes(content)
        for read in (open_source, read_image):
            with pytest.raises(UnreadableFileError, match="run in a circle"):
                read(path)

    def test_several_images(self, tmp_path):
        with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
            writer.write(GREY[0], metadata=None)
            writer.write(GREY[0, :9], metadata=None)
        with pytest.raises(InvalidInputError, match="got 2"):
            open_tiff(tmp_path / "a.tif")

    def test_channels_within_pixels(self, tmp_path):
        tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 8, 5), np.uint8), photometric="minisblack", planarconfig=1)
        with pytest.raises(InvalidInputError, match="1, 3 or 4 values a pixel; got 5"):
            open_tiff(tmp_path / "a.tif")

    def test_volumes(self, tmp_path):
        options = {"volumetric": True, "photometric": "minisblack"}
        tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 32, 32), np.uint8), **options)
        with pytest.raises(InvalidInputError, match="pages of one plane"):
            open_tiff(tmp_path / "a.tif")

    def test_too_many_axes(self, tmp_path):
        stack(tmp_path / "a.tif", GREY.reshape(5, 1, 40, 50).repeat(2, 1))
        with pytest.raises(InvalidInputError, match="name them in the file"):
            open_tiff(tmp_path / "a.tif")

    def test_a_compressed_bomb(self, tmp_path):
        path = stack(tmp_path / "a.tif", GREY[0], compression="zlib", metadata=None)
        with tifffile.TiffFile(path, mode="r+") as tiff:
            for name in ("ImageWidth", "ImageLength"):
                tiff.pages.first.tags[name].overwrite(60_000)
        with pytest.raises(InvalidInputError, match="claims 60000 x 60000"):
            open_tiff(path)

    @pytest.mark.parametrize("options", [{"tile": (1024, 1024)}, {"rowsperstrip": 1024}], ids=["tiles", "strips"])
    @pytest.mark.parametrize(
        "packed", [zlib.compress, lzma.compress, lambda data: lzma.compress(data[:9]) + lzma.compress(data)]
    )
    def test_a_bomb_in_what_is_compressed(self, tmp_path, options, packed):
        content, path = packed(bytes(8_000_000)), tmp_path / "a.tif"
        options |= {"compression": "zlib" if packed is zlib.compress else "lzma", "photometric": "minisblack"}
        tifffile.imwrite(path, iter([content] * 2), shape=(2048, 1024), dtype=np.uint8, **options)
        for reading in (lambda: read_image(path), lambda: open_source(path).read((), Region(0, 0, 5, 5))):
            with pytest.raises(InvalidInputError, match="at most 2,162,688 bytes once decompressed"):
                reading()

    def test_a_bomb_in_bytes(self, tmp_path):
        path = stack(tmp_path / "a.tif", np.zeros((8, 8, 4)), compression="zlib", metadata=None, rowsperstrip=8)
        with tifffile.TiffFile(path, mode="r+") as tiff:
            for name, value in (("ImageWidth", 12_000), ("ImageLength", 12_000), ("RowsPerStrip", 12_000)):
                tiff.pages.first.tags[name].overwrite(value)
        with pytest.raises(InvalidInputError, match=r"bytes once decompressed; the file claims 4,608,000,000"):
            read_image(path)

    def test_pages_of_unlike_orientation(self, tmp_path):
        stack(tmp_path / "a.tif", GREY, metadata=None, extratags=[(274, 3, 1, 6, True)])
        source = open_tiff(tmp_path / "a.tif")
        assert source.read((0,)).shape == (50, 40)
        with pytest.raises(InvalidInputError, match="unlike"):
            source.read((1,))

    def test_other_files(self, tmp_path):
        (tmp_path / "a.tif").write_bytes(b"no TIFF")
        for path in (tmp_path / "a.tif", tmp_path / "nowhere.tif", tmp_path):
            with pytest.raises(UnreadableFileError):
                open_source(path)
