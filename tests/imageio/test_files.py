import contextlib
import hashlib
import io
import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import skimage
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from napari_refvae.engine.result import SuperResolutionResult
from napari_refvae.errors import InvalidInputError, OutputError, RefVAEError, UnreadableFileError
from napari_refvae.imageio.files import read_image, save_samples, unique_stem, write_image

GREY8, RGB8 = data.camera()[:40, :50].copy(), data.astronaut()[100:140, 150:200].copy()
DTYPES = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", ">u2", ">f4"]
RGBA8 = np.concatenate((RGB8, GREY8[..., None]), axis=-1)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def saved(path, image, kind=None, **options):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, kind, **options)
    return path


def encoded(kind, image=RGB8, **options):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff_bytes(image, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image, **options)
    return buffer.getvalue()


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(rows, size, colour_type, *, depth=16, extra=b"", interlace=0):
    """A PNG of unfiltered rows of bytes."""
    header = struct.pack(">IIBBBBB", size[1], size[0], depth, colour_type, 0, 0, interlace)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def png16(array, colour_type, **options):
    return png([row.astype(">u2").tobytes() for row in array], array.shape[:2], colour_type, **options)


def lzw_tiff(array, order="<", extra=()):
    """A 16-bit TIFF with LZW, as other programs make: literals only, the table cleared before it fills."""
    height, width, channels = array.shape
    codes = []
    for at, byte in enumerate(array.astype(f"{order}u2").tobytes()):
        codes += [256, byte] if at % 200 == 0 else [byte]
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    packed = bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))
    packed += b"\0" * (len(packed) % 2)
    fields = {256: width, 257: height, 258: 16, 259: 5, 262: 2 if channels > 1 else 1, 273: 8, 277: channels}
    fields |= {278: height, 279: len(packed)} | ({338: 2} if channels == 4 else {}) | dict(extra)
    directory, depths = 8 + len(packed), 8 + len(packed) + 2 + 12 * len(fields) + 4
    entries = [struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in fields.items()]
    if channels > 1:
        entries[2] = struct.pack(f"{order}HHII", 258, 3, channels, depths)
    start = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, directory)
    end = struct.pack(f"{order}I{channels}H", 0, *[16] * channels)
    return start + packed + struct.pack(f"{order}H", len(fields)) + b"".join(entries) + end


def read_bytes(tmp_path, content, name="image.bin"):
    path = tmp_path / name
    path.write_bytes(content)
    return read_image(path)


class TestReading:
    @pytest.mark.parametrize("image", [GREY8, RGB8, RGBA8, GREY8[:1], RGB8[:, :1]], ids=np.shape)
    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
    def test_lossless_files_are_read_as_they_are(self, tmp_path, image, kind):
        result = read_image(saved(tmp_path / "image", image, kind, **({"lossless": True} if kind == "WEBP" else {})))

        assert result.dtype == np.uint8
        expected = np.repeat(image[..., None], 3, axis=2) if kind == "WEBP" and image.ndim == 2 else image
        np.testing.assert_array_equal(result, expected)

    @pytest.mark.parametrize("image", [GREY8, RGB8, GREY8[:1], RGB8[:, :1]], ids=np.shape)
    def test_bmp(self, tmp_path, image):
        np.testing.assert_array_equal(read_image(saved(tmp_path / "image", image, "BMP")), image)

    def test_the_content_decides_and_not_the_name(self, tmp_path):
        np.testing.assert_array_equal(read_image(saved(tmp_path / "image.jpg", RGB8, "PNG")), RGB8)
        np.testing.assert_array_equal(read_image(saved(tmp_path / "image.png", RGB8, "TIFF")), RGB8)

    def test_paths_may_be_strings(self, tmp_path):
        np.testing.assert_array_equal(read_image(str(saved(tmp_path / "image.png", RGB8))), RGB8)

    def test_jpeg(self, tmp_path):
        assert read_image(saved(tmp_path / "grey.jpg", GREY8)).shape == GREY8.shape
        assert np.abs(read_image(saved(tmp_path / "rgb.jpg", RGB8, quality=95)) - RGB8.astype(float)).mean() < 5

    def test_cmyk_becomes_rgb(self, tmp_path):
        result = read_image(saved(tmp_path / "image.jpg", Image.fromarray(RGB8).convert("CMYK"), quality=95))

        assert result.shape == RGB8.shape
        assert np.abs(result - RGB8.astype(float)).mean() < 5

    def test_one_bit_becomes_black_and_white_in_8(self, tmp_path):
        bilevel = Image.fromarray(GREY8 > 100)
        for suffix, options in ((".png", {}), (".tif", {}), (".tif", {"compression": "group4"})):
            result = read_image(saved(tmp_path / f"image{suffix}", bilevel, **options))
            np.testing.assert_array_equal(result, (GREY8 > 100) * np.uint8(255))

    def test_palettes_become_colours(self, tmp_path):
        palette = Image.fromarray(RGB8).quantize(16)
        expected = np.asarray(palette.convert("RGB"))
        for kind in ("PNG", "BMP", "TIFF"):
            np.testing.assert_array_equal(read_image(saved(tmp_path / "image", palette, kind)), expected)

    def test_transparent_palettes_and_keys_become_alpha(self, tmp_path):
        palette = Image.fromarray(RGB8).quantize(16)
        result = read_image(saved(tmp_path / "palette.png", palette, transparency=bytes([0] * 4 + [255] * 12)))
        np.testing.assert_array_equal(result[..., 3], (np.asarray(palette) >= 4) * 255)
        keyed = read_image(saved(tmp_path / "key.png", RGB8, transparency=tuple(map(int, RGB8[3, 4]))))
        np.testing.assert_array_equal(keyed[..., 3], (RGB8[3, 4] != RGB8).any(axis=-1) * 255)

    def test_grey_with_alpha_becomes_rgba(self, tmp_path):
        pair = Image.merge("LA", [Image.fromarray(GREY8), Image.fromarray(RGB8[..., 0])])
        for kind in ("PNG", "TIFF"):
            result = read_image(saved(tmp_path / "image", pair, kind))
            np.testing.assert_array_equal(result, np.stack((GREY8, GREY8, GREY8, RGB8[..., 0]), axis=-1))

    def test_gif(self, tmp_path):
        palette = Image.fromarray(RGB8).quantize(16)
        np.testing.assert_array_equal(
            read_image(saved(tmp_path / "image.gif", GREY8)), np.repeat(GREY8[..., None], 3, axis=2)
        )
        np.testing.assert_array_equal(
            read_image(saved(tmp_path / "palette.gif", palette)), np.asarray(palette.convert("RGB"))
        )
        clear = read_image(saved(tmp_path / "clear.gif", palette, transparency=3))
        np.testing.assert_array_equal(clear[..., 3], (np.asarray(palette) != 3) * 255)

    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
    def test_of_an_animation_the_first_frame_counts(self, tmp_path, kind):
        frames = [Image.fromarray(GREY8), Image.fromarray(255 - GREY8)]
        options = {"WEBP": {"lossless": True}}.get(kind, {})
        frames[0].save(tmp_path / "image", kind, save_all=True, append_images=frames[1:], **options)
        result = read_image(tmp_path / "image")

        np.testing.assert_array_equal(result if result.ndim == 2 else result[..., 0], GREY8)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "LZW"])
    def test_exif_orientation_is_applied(self, tmp_path, orientation, kind):
        exif = Image.Exif()
        exif[0x0112] = orientation
        turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)  # numbers of Image.Transpose
        image = Image.fromarray(RGB8) if turn is None else Image.fromarray(RGB8).transpose(Image.Transpose(turn))
        options = {"WEBP": {"lossless": True}, "LZW": {"compression": "tiff_lzw"}}.get(kind, {})
        path = saved(tmp_path / "image", image, "TIFF" if kind == "LZW" else kind, exif=exif, **options)

        np.testing.assert_array_equal(read_image(path), RGB8)


class TestDepth:
    def test_16_bit_grey_png(self, tmp_path, rng):
        array = rng.integers(0, 65536, (9, 7), dtype=np.uint16)

        np.testing.assert_array_equal(read_image(saved(tmp_path / "image.png", array)), array)

    @pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (6, 4), (4, 2)])
    def test_16_bit_colour_png(self, tmp_path, rng, colour_type, channels):
        array = rng.integers(0, 65536, (9, 7, channels), dtype=np.uint16)
        result = read_bytes(tmp_path, png16(array, colour_type))

        assert result.dtype == np.uint16
        np.testing.assert_array_equal(result, array if channels > 2 else array[..., [0, 0, 0, 1]])

    def test_16_bit_interlaced_png(self, tmp_path, rng):
        array = rng.integers(0, 65536, (11, 13, 3), dtype=np.uint16)
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        rows = [row.astype(">u2").tobytes() for y, x, dy, dx in passes for row in array[y::dy, x::dx] if row.size]

        np.testing.assert_array_equal(read_bytes(tmp_path, png(rows, (11, 13), 2, interlace=1)), array)

    def test_16_bit_key_becomes_alpha(self, tmp_path):
        array = np.array([[[1, 2, 3], [1, 2, 4]]], np.uint16)
        result = read_bytes(tmp_path, png16(array, 2, extra=chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))))
        np.testing.assert_array_equal(result, [[[1, 2, 3, 0], [1, 2, 4, 65535]]])
        grey = read_bytes(tmp_path, png16(np.array([[7, 8]]), 0, extra=chunk(b"tRNS", struct.pack(">H", 7))))
        np.testing.assert_array_equal(grey, [[[7, 7, 7, 0], [8, 8, 8, 65535]]])

    def test_16_bit_colour_png_of_another_program(self):
        path = Path(skimage.__file__).parent / "data" / "chessboard_RGB.png"
        result = read_image(path)

        assert (result % 257).any()  # no 8 bits spread over 16
        np.testing.assert_array_equal(result >> 8, np.asarray(Image.open(path)))  # all that Pillow keeps

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3), (9, 7, 4), (1, 7), (1, 1)])
    def test_tiff_keeps_every_dtype(self, tmp_path, rng, dtype, shape):
        array = rng.integers(0, 100, shape).astype(dtype)
        differenced = np.dtype(dtype).kind != "f" and "8" not in dtype
        for options in ({}, {"compression": "zlib", "predictor": differenced}, {"byteorder": ">"}):
            colour = {"photometric": "rgb"} if len(shape) == 3 else {}
            result = read_bytes(tmp_path, tiff_bytes(array, **options, **colour))
            assert result.dtype == array.dtype.newbyteorder("=")
            np.testing.assert_array_equal(result, array)

    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("channels", [3, 4])
    def test_16_bit_lzw_tiff(self, tmp_path, rng, order, channels):
        array = rng.integers(0, 65536, (9, 7, channels), dtype=np.uint16)

        np.testing.assert_array_equal(read_bytes(tmp_path, lzw_tiff(array, order)), array)

    @pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "F", "I"])
    def test_lzw_tiff(self, tmp_path, mode):
        dtype = {"I;16": np.uint16, "F": np.float32, "I": np.int32}.get(mode)
        array = {"L": GREY8, "RGB": RGB8, "RGBA": RGBA8}.get(mode) if dtype is None else GREY8.astype(dtype) * 100
        result = read_image(saved(tmp_path / "image.tif", array, compression="tiff_lzw"))

        assert result.dtype == array.dtype
        np.testing.assert_array_equal(result, array)

    def test_the_predictor_for_floats(self, tmp_path, rng):
        array = rng.random((9, 7), dtype=np.float32)
        path = saved(tmp_path / "a.tif", array, compression="tiff_adobe_deflate", tiffinfo={317: 3})
        with tifffile.TiffFile(path) as tiff:
            assert tiff.pages.first.predictor == 3
        np.testing.assert_array_equal(read_image(path), array)

    @pytest.mark.parametrize("planar", ["contig", "separate"])
    @pytest.mark.parametrize("tile", [None, (16, 16)])
    def test_tiff_planes_and_tiles(self, tmp_path, planar, tile):
        image = RGB8 if planar == "contig" else np.moveaxis(RGB8, -1, 0)
        content = tiff_bytes(image, photometric="rgb", planarconfig=planar, tile=tile)

        np.testing.assert_array_equal(read_bytes(tmp_path, content), RGB8)

    @pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}, {"bigtiff": True}, {"metadata": None}])
    def test_microscopy_tiff_of_one_plane(self, tmp_path, options):
        np.testing.assert_array_equal(read_bytes(tmp_path, tiff_bytes(GREY8, **options)), GREY8)

    def test_white_as_zero(self, tmp_path):
        for array in (GREY8, GREY8.astype(np.uint16) * 200):
            content = tiff_bytes(np.iinfo(array.dtype).max - array, photometric="miniswhite")
            np.testing.assert_array_equal(read_bytes(tmp_path, content), array)

    def test_premultiplied_alpha_is_divided_out(self, tmp_path):
        stored = np.array([[[50, 25, 0, 128], [9, 9, 9, 0], [90, 80, 70, 255]]], np.uint8)
        result = read_bytes(tmp_path, tiff_bytes(stored, photometric="rgb", extrasamples=["assocalpha"]))

        np.testing.assert_array_equal(result, [[[100, 50, 0, 128], [9, 9, 9, 0], [90, 80, 70, 255]]])

    def test_previews_do_not_count(self, tmp_path):
        path = tmp_path / "pyramid.tif"
        with tifffile.TiffWriter(path) as writer:
            writer.write(RGB8, photometric="rgb")
            writer.write(RGB8[::2, ::2], photometric="rgb", subfiletype=1)

        np.testing.assert_array_equal(read_image(path), RGB8)


class TestUnreadable:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is empty"),
            (b"a text, no image", "is none by its content"),
            (b"GIF89a", "is none by its content"),
            (encoded("PNG")[:-200], "damaged or cut short"),
            (encoded("JPEG")[:-200], "damaged or cut short"),
            (encoded("WEBP")[:-200], "damaged or cut short"),
            (encoded("BMP")[:-200], "damaged or cut short"),
            (tiff_bytes(RGB8, photometric="rgb")[:-200], "damaged or cut short"),
            (tiff_bytes(RGB8, photometric="rgb", compression="zlib")[:-200], "damaged or cut short"),
            (encoded("TIFF", compression="tiff_lzw")[:-200], "damaged or cut short"),
            (b"II*\0", "damaged or cut short"),
            (b"\x89PNG\r\n\x1a\n", "is none by its content"),
        ],
    )
    def test_content(self, tmp_path, content, said):
        with pytest.raises(UnreadableFileError, match=said):
            read_bytes(tmp_path, content, "image.png")

    def test_missing(self, tmp_path):
        with pytest.raises(UnreadableFileError, match=r"there is none at .*nowhere\.png"):
            read_image(tmp_path / "nowhere.png")

    def test_folder(self, tmp_path):
        with pytest.raises(UnreadableFileError, match="is a folder"):
            read_image(tmp_path)

    def test_path_that_cannot_be_one(self):
        for path in ("a" * 5000, "null\0byte"):
            with pytest.raises(UnreadableFileError):
                read_image(path)

    def test_without_permission(self, tmp_path):
        path = saved(tmp_path / "image.png", RGB8)
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read everything")
        with pytest.raises(UnreadableFileError, match="may not be read"):
            read_image(path)


class TestUnusable:
    @pytest.mark.parametrize("options", [{}, {"imagej": True}, {"ome": True}])
    def test_stacks(self, tmp_path, options):
        with pytest.raises(InvalidInputError, match=r"one plane.*\(5, 40, 50\)"):
            read_bytes(tmp_path, tiff_bytes(np.stack([GREY8] * 5), **options))

    def test_volumes(self, tmp_path):
        with pytest.raises(InvalidInputError, match="one plane"):
            read_bytes(tmp_path, tiff_bytes(np.zeros((4, 32, 32), np.uint8), volumetric=True, photometric="minisblack"))

    def test_channels(self, tmp_path):
        content = tiff_bytes(np.zeros((9, 8, 5), np.uint8), photometric="minisblack", planarconfig="contig")
        with pytest.raises(InvalidInputError, match="got 5"):
            read_bytes(tmp_path, content)

    @pytest.mark.parametrize("size", [(15000, 15000), (60000, 60000)])
    def test_image_bombs_are_refused_before_they_are_decoded(self, tmp_path, size):
        with pytest.raises(InvalidInputError, match="at most 178,956,970 pixels"):
            read_bytes(tmp_path, png([], size, 2))

    def test_tiff_bombs(self, tmp_path):
        content = bytearray(tiff_bytes(GREY8, byteorder="<", metadata=None))
        for tag in (256, 257):
            at = content.index(struct.pack("<HHI", tag, 4, 1))
            content[at : at + 12] = struct.pack("<HHII", tag, 4, 1, 60000)
        with pytest.raises(InvalidInputError, match="claims 60000 x 60000"):
            read_bytes(tmp_path, bytes(content))

    def test_what_would_lose_its_dtype_is_refused(self, tmp_path):
        signed = lzw_tiff(np.zeros((9, 7, 1), np.uint16), extra={339: 2})
        with pytest.raises(InvalidInputError, match=r"without loss.*uncompressed TIFF"):
            read_bytes(tmp_path, signed)
        deep = tiff_bytes(np.zeros((9, 7, 4), np.uint16), photometric="separated")
        with pytest.raises(InvalidInputError, match=r"without loss.*uncompressed TIFF"):
            read_bytes(tmp_path, deep)

    def test_the_file_is_named(self, tmp_path):
        with pytest.raises(InvalidInputError, match=r"stack\.tif: expected"):
            read_bytes(tmp_path, tiff_bytes(np.stack([GREY8] * 5)), "stack.tif")


WHOLE = {
    "png": encoded("PNG"),
    "png16": png16(np.arange(9 * 7 * 3).reshape(9, 7, 3) * 300, 2),
    "jpeg": encoded("JPEG"),
    "webp": encoded("WEBP", lossless=True),
    "bmp": encoded("BMP"),
    "gif": encoded("GIF", GREY8),
    "tiff": tiff_bytes(RGB8, photometric="rgb"),
    "deflate": tiff_bytes(RGB8.astype(np.float32), photometric="rgb", compression="zlib"),
    "lzw": encoded("TIFF", compression="tiff_lzw"),
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(WHOLE)), share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_read_whole_or_refused(tmp_path, kind, share):
    content = WHOLE[kind]
    try:
        result = read_bytes(tmp_path, content[: int(share * len(content))], "cut")
    except UnreadableFileError:
        return
    if kind != "jpeg":  # its last bytes hold no pixels that a decoder could miss
        np.testing.assert_array_equal(result, read_bytes(tmp_path, content, "whole"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(sorted(WHOLE)), flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), max_size=6)
)
def test_damage_anywhere_ends_in_an_image_or_a_named_error(tmp_path, kind, flips):
    content = bytearray(WHOLE[kind])
    for share, flip in flips:
        content[int(share**2 * len(content))] ^= flip  # headers more often than pixels
    with contextlib.suppress(RefVAEError):
        assert read_bytes(tmp_path, bytes(content), "damaged").size


class TestWriting:
    @pytest.mark.parametrize(
        "dtype", ["bool", "u1", "u2", "u4", "i1", "i2", "i4", "i8", "f2", "f4", "f8", ">u2", ">f4"]
    )
    @pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 3), (9, 7, 4), (1, 1), (1, 5, 3)])
    def test_tiff_holds_everything(self, tmp_path, rng, dtype, shape):
        array = rng.integers(0, 2, shape).astype(dtype)
        write_image(tmp_path / "image.tif", array)
        result = read_image(tmp_path / "image.tif")

        expected = array.reshape(shape[:2]) if shape[2:] == (1,) else array
        np.testing.assert_array_equal(result, expected * np.uint8(255) if dtype == "bool" else expected)
        assert dtype == "bool" or result.dtype == array.dtype.newbyteorder("=")

    def test_booleans_become_black_and_white(self, tmp_path):
        write_image(tmp_path / "image.png", GREY8 > 99)

        np.testing.assert_array_equal(read_image(tmp_path / "image.png"), (GREY8 > 99) * np.uint8(255))

    @pytest.mark.parametrize(
        "array",
        [
            *(GREY8, RGB8, RGBA8, GREY8[::2, ::-1], RGB8[::3], GREY8.astype(">u2") * 255, RGB8.astype(">u2") * 255),
            *(np.array([[[1, 258, 65535]]], np.uint16), RGBA8.astype(np.uint16)[:, ::-2] * 99),
            np.arange(300 * 7 * 3, dtype=np.uint16).reshape(300, 7, 3) * 11,
        ],
    )
    def test_png(self, tmp_path, array):
        write_image(tmp_path / "image.PNG", array)
        result = read_image(tmp_path / "image.PNG")

        assert result.dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(result, array)
        assert os.listdir(tmp_path) == ["image.PNG"]

    def test_an_existing_file_is_replaced(self, tmp_path):
        write_image(tmp_path / "image.png", GREY8)
        write_image(tmp_path / "image.png", RGB8)

        np.testing.assert_array_equal(read_image(tmp_path / "image.png"), RGB8)

    @pytest.mark.parametrize(
        ("name", "array", "said"),
        [
            ("image.png", RGB8.astype(np.uint32), "write to .tiff instead"),
            ("image.png", GREY8.astype(np.float32), "write to .tiff instead"),
            ("image.jpg", RGB8, "expected .png, .tif or .tiff"),
            ("image", RGB8, "expected .png, .tif or .tiff"),
            ("image.tif", RGB8[None], "to write; got"),
            ("image.tif", GREY8[:0], "to write; got"),
            ("image.tif", GREY8.astype(complex), "got complex128"),
            ("image.ome.tif", GREY8.astype(np.float16), "OME-TIFF cannot hold float16; write to plain .tif"),
            ("nowhere/image.png", GREY8, "does not exist; create it"),
            ("file/image.tif", GREY8, "is no folder"),
            ("folder.png", GREY8, "could not write"),
        ],
    )
    def test_what_cannot_be_written_is_named_and_leaves_nothing(self, tmp_path, name, array, said):
        (tmp_path / "file").touch()
        (tmp_path / "folder.png").mkdir()
        with pytest.raises(OutputError, match=said):
            write_image(tmp_path / name, array)
        assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]

    def test_read_only_folder(self, tmp_path):
        tmp_path.chmod(0o500)
        try:
            if os.access(tmp_path, os.W_OK):
                pytest.skip("this user may write everywhere")
            with pytest.raises(OutputError, match="may not be written to"):
                write_image(tmp_path / "image.png", GREY8)
        finally:
            tmp_path.chmod(0o700)

    @pytest.mark.skipif(not os.path.isdir("/sys/kernel"), reason="needs a folder that nobody may write to")
    def test_a_folder_that_nobody_may_write_to(self):
        with pytest.raises(OutputError, match="/sys/kernel"):
            write_image("/sys/kernel/image.png", GREY8)


def result_of(sr, references=None, seeds=None, provenance=None):
    count = len(sr)
    return SuperResolutionResult(
        sr=sr,
        lr=sr[0, ::8, ::8],
        bicubic=sr[0],
        references=references or ("self",) * count,
        seeds=seeds or tuple(range(count)),
        lr_psnr=(60.0,) * count,
        provenance=provenance or {"format": "test"},
    )


@pytest.fixture
def two():
    return result_of(np.stack((RGB8, 255 - RGB8)), references=("self", "brick wall.v2"), seeds=(7, 8))


class TestSaving:
    def test_names_side_car_and_pixels(self, tmp_path, two):
        paths = two.save(tmp_path, "cat")

        assert [path.name for path in paths] == ["cat_x8_self_s7.png", "cat_x8_brick-wall-v2_s8.png", "cat_x8.json"]
        assert sorted(os.listdir(tmp_path)) == sorted(path.name for path in paths)
        for path, sample in zip(paths, two.sr, strict=False):
            np.testing.assert_array_equal(read_image(path), sample)
        record = json.loads(paths[-1].read_text("utf-8"))
        assert record["format"] == "test"
        assert [entry["name"] for entry in record["files"]] == [path.name for path in paths[:-1]]
        assert [entry["seed"] for entry in record["files"]] == [7, 8]
        for entry in record["files"]:
            assert entry["sha256"] == hashlib.sha256((tmp_path / entry["name"]).read_bytes()).hexdigest()

    def test_nothing_is_overwritten(self, tmp_path, two):
        first, second, third = (two.save(tmp_path, "cat") for _ in range(3))

        assert second[0].name == "cat-2_x8_self_s7.png"
        assert third[-1].name == "cat-3_x8.json"
        assert len({*first, *second, *third}) == len(os.listdir(tmp_path)) == 9

    def test_one_taken_name_moves_the_whole_run(self, tmp_path, two):
        (tmp_path / "cat_x8_brick-wall-v2_s8.png").write_text("mine")
        names = [path.name for path in two.save(tmp_path, "cat")]

        assert names == ["cat-2_x8_self_s7.png", "cat-2_x8_brick-wall-v2_s8.png", "cat-2_x8.json"]
        assert (tmp_path / "cat_x8_brick-wall-v2_s8.png").read_text() == "mine"

    def test_references_of_one_name_stay_apart(self, tmp_path):
        result = result_of(np.stack([GREY8] * 3), references=("a b", "a.b", "a-b"), seeds=(1, 1, 1))
        names = [path.name for path in result.save(tmp_path)]

        assert names[:3] == ["image_x8_a-b_s1.png", "image_x8_a-b_s1-2.png", "image_x8_a-b_s1-3.png"]

    @pytest.mark.parametrize("name", ["../../escape", "a/b", "\\", "", "...", "ü" * 300])
    def test_any_reference_name_is_a_name_in_the_folder(self, tmp_path, name):
        paths = save_samples(result_of(GREY8[None], references=(name,)), tmp_path / "out", "cat")

        assert os.listdir(tmp_path) == ["out"]
        assert all(path.parent == tmp_path / "out" for path in paths)

    def test_long_stems_are_cut(self, tmp_path):
        assert all(path.exists() for path in save_samples(result_of(GREY8[None]), tmp_path, "ü" * 200))

    @pytest.mark.parametrize(
        ("sr", "suffix", "expected"),
        [
            (RGB8, ".png", ".png"),
            (RGB8, ".tif", ".tif"),
            (GREY8.astype(np.uint16), ".png", ".png"),
            (RGB8.astype(np.uint16), ".png", ".png"),
            (RGB8.astype(np.uint32), ".png", ".tiff"),
            (GREY8 / np.float32(255), ".png", ".tiff"),
            (GREY8 > 0, ".png", ".png"),
        ],
    )
    def test_what_png_cannot_hold_goes_to_tiff(self, tmp_path, sr, suffix, expected):
        assert save_samples(result_of(sr[None]), tmp_path, "cat", suffix)[0].suffix == expected

    def test_the_folder_is_made(self, tmp_path, two):
        assert all(path.exists() for path in two.save(tmp_path / "a" / "b"))

    @pytest.mark.parametrize(
        ("stem", "suffix"), [("", ".png"), ("a/b", ".png"), ("..", ".png"), ("a", ".jpg"), ("a", "png"), ("a", "")]
    )
    def test_stems_and_suffixes_that_cannot_be_used(self, tmp_path, two, stem, suffix):
        with pytest.raises(OutputError, match="expected"):
            two.save(tmp_path, stem, suffix)
        assert os.listdir(tmp_path) == []

    def test_a_file_in_place_of_the_folder(self, tmp_path, two):
        (tmp_path / "out").touch()
        with pytest.raises(OutputError, match="is no folder"):
            two.save(tmp_path / "out")

    @pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
    @pytest.mark.parametrize("suffix", [".png", ".tif"])
    def test_a_full_disk_is_named_and_leaves_nothing(self, tmp_path, full_disk, suffix):
        noise = np.random.default_rng(0).integers(0, 256, (3, 128, 128), dtype=np.uint8)
        with full_disk(10_000), pytest.raises(OutputError, match="the disk is full"):
            result_of(noise).save(tmp_path, suffix=suffix)
        assert os.listdir(tmp_path) == []

    def test_unique_stem(self, tmp_path):
        assert unique_stem(tmp_path / "nowhere", "cat", [".png"]) == "cat"
        (tmp_path / "cat.png").touch()
        (tmp_path / "cat-2.json").symlink_to("nowhere")

        assert unique_stem(tmp_path, "cat", [".png", ".json"]) == "cat-3"
        assert unique_stem(tmp_path, "cat", [".tif"]) == "cat"


SAVE_FOREVER = """
import sys
import numpy as np
from napari_refvae.engine.result import SuperResolutionResult

noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)
result = SuperResolutionResult(noise, noise[0], noise[0], ("a", "a", "a"), (0, 1, 2), (50.0,) * 3, {"x": 1})
for _ in range(TIMES):
    result.save(sys.argv[1])
    print("saved", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("extra", range(4))
def test_ctrl_c_leaves_whole_runs_only(tmp_path, extra):
    process = subprocess.Popen(
        [sys.executable, "-c", SAVE_FOREVER.replace("TIMES", "10**6"), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    for _ in range(3 + extra):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    side_cars = list(tmp_path.glob("*.json"))
    named = {entry["name"] for path in side_cars for entry in json.loads(path.read_text())["files"]}
    assert {path.name for path in tmp_path.iterdir()} == named | {path.name for path in side_cars}
    assert all(read_image(tmp_path / name).shape == (64, 64) for name in named)


def test_two_processes_never_overwrite_each_other(tmp_path):
    command = [sys.executable, "-c", SAVE_FOREVER.replace("TIMES", "20"), str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]

    assert len(list(tmp_path.glob("*.json"))) == 40
    assert len(list(tmp_path.glob("*.png"))) == 120
    assert len(os.listdir(tmp_path)) == 160
