import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.files import read_image, read_tagged_image, write_image
from napari_refvae.imageio.tags import ImageTags

RGB = np.arange(9 * 7 * 3, dtype=np.uint8).reshape(9, 7, 3)
GREY = RGB[..., 0].copy()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_PROFILE = SRGB[:16] + b"GRAY" + SRGB[20:]
CMYK_PROFILE = SRGB[:16] + b"CMYK" + SRGB[20:]


def pillow(path, image, **options):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.ome.tif"])
@pytest.mark.parametrize(
    ("array", "profile"),
    [
        (RGB, SRGB),
        (GREY, GREY_PROFILE),
        (np.dstack((RGB, GREY)), SRGB),
        (RGB.astype(np.uint16) * 257, SRGB),
        (GREY.astype(np.uint16), GREY_PROFILE),
    ],
    ids=["rgb", "grey", "rgba", "rgb16", "grey16"],
)
def test_profile_and_resolution_are_written_and_read_back(tmp_path, name, array, profile):
    write_image(tmp_path / name, array, ImageTags(profile, (300, 150)))
    values, tags = read_tagged_image(tmp_path / name)

    np.testing.assert_array_equal(values, array)
    assert tags.profile == profile
    np.testing.assert_allclose(tags.dpi, (300, 150), rtol=1e-3)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_tags_of_other_programs_are_read(tmp_path, name):
    dpi = {} if name == "a.webp" else {"dpi": (96, 72)}
    tags = read_tagged_image(pillow(tmp_path / name, RGB, icc_profile=SRGB, **dpi))[1]

    assert tags.profile == SRGB
    if dpi:
        np.testing.assert_allclose(tags.dpi, (72, 96), rtol=1e-3)


def test_other_programs_read_ours(tmp_path):
    for name, array in (("a.png", RGB), ("b.png", RGB.astype(np.uint16)), ("c.tif", RGB)):
        write_image(tmp_path / name, array, ImageTags(SRGB, (300, 150)))
        with Image.open(tmp_path / name) as image:
            image.load()
            assert image.info["icc_profile"] == SRGB
            np.testing.assert_allclose([float(dots) for dots in image.info["dpi"]], (150, 300), rtol=1e-3)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_without_tags_none_are_written(tmp_path, name):
    write_image(tmp_path / name, RGB)
    tags = read_tagged_image(tmp_path / name)[1]

    assert tags.profile is None
    assert tags.pixel_size is None


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_profile_for_other_channels_is_left_out(tmp_path, suffix):
    for array, profile in ((RGB, CMYK_PROFILE), (RGB, GREY_PROFILE), (GREY, SRGB)):
        write_image(tmp_path / f"a{suffix}", array, ImageTags(profile))
        assert read_tagged_image(tmp_path / f"a{suffix}")[1].profile is None


def test_a_cmyk_photograph_does_not_pass_its_profile_on(tmp_path):
    photograph = pillow(tmp_path / "a.jpg", Image.fromarray(RGB).convert("CMYK"), icc_profile=CMYK_PROFILE)
    values, tags = read_tagged_image(photograph)

    assert tags.profile == CMYK_PROFILE
    assert tags.profile_for(values) is None


@pytest.mark.parametrize("profile", [b"", b"short", b"x" * 200])
def test_a_damaged_profile_is_left_out(tmp_path, profile):
    tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb", extratags=[(34675, 7, len(profile), profile, True)])
    assert read_tagged_image(tmp_path / "a.tif")[1].profile is None


@pytest.mark.parametrize("ratio", [(0, 1), (4294967295, 1)])
def test_a_senseless_resolution_is_left_out(tmp_path, ratio):
    tifffile.imwrite(tmp_path / "a.tif", GREY, resolution=(ratio, ratio), resolutionunit="INCH")
    assert read_tagged_image(tmp_path / "a.tif")[1].dpi is None


def test_centimetres_become_inches(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY, resolution=(100, 50), resolutionunit="CENTIMETER", metadata=None)
    np.testing.assert_allclose(read_tagged_image(tmp_path / "a.tif")[1].dpi, (127, 254))


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_a_turned_image_has_turned_tags(tmp_path, compression):
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"compression": compression} if compression else {}
    path = pillow(tmp_path / "a.tif", RGB, exif=exif, dpi=(100, 200), **options)

    assert read_image(path).shape == (7, 9, 3)
    np.testing.assert_allclose(read_tagged_image(path)[1].dpi, (100, 200))


@pytest.mark.parametrize("tags", [{"dpi": (0, 1)}, {"dpi": (1, 1e7)}, {"dpi": 3}, {"pixel_size": (1, float("nan"))}])
def test_senseless_tags_are_refused(tags):
    with pytest.raises(InvalidInputError, match="two positive numbers"):
        ImageTags(**tags)


class TestPixelSize:
    def test_ome(self, tmp_path):
        content = io.BytesIO()
        metadata = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 2.0, "PhysicalSizeYUnit": "nm"}
        tifffile.imwrite(content, GREY, ome=True, metadata=metadata)
        (tmp_path / "a.tif").write_bytes(content.getvalue())
        tags = read_tagged_image(tmp_path / "a.tif")[1]

        assert (tags.pixel_size, tags.unit, tags.dpi) == ((2.0, 0.5), "nm", None)

    @pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m", "nm"])
    def test_imagej(self, tmp_path, unit):
        tifffile.imwrite(tmp_path / "a.tif", GREY, imagej=True, resolution=(4, 2), metadata={"unit": unit})
        tags = read_tagged_image(tmp_path / "a.tif")[1]

        np.testing.assert_allclose(tags.pixel_size, (0.5, 0.25))
        assert tags.unit == {"\\u00B5m": "µm"}.get(unit, unit)

    def test_an_enlarged_image_has_smaller_pixels_and_prints_larger(self):
        tags = ImageTags(SRGB, (300, 300), (0.8, 1.6), "µm").enlarged(8)

        np.testing.assert_allclose(tags.pixel_size, (0.1, 0.2))
        assert (tags.profile, tags.dpi, tags.unit) == (SRGB, (300, 300), "µm")
        assert ImageTags(dpi=(1, 2)).enlarged(8) == ImageTags(dpi=(1, 2))

    @pytest.mark.parametrize("array", [GREY, RGB, GREY.astype(np.float32)])
    def test_it_is_written_to_ome_tiff(self, tmp_path, array):
        write_image(tmp_path / "a.ome.tif", array, ImageTags(pixel_size=(0.1, 0.2), unit="µm"))
        values, tags = read_tagged_image(tmp_path / "a.ome.tif")

        np.testing.assert_array_equal(values, array)
        assert (tags.pixel_size, tags.unit) == ((0.1, 0.2), "µm")

    def test_plain_tiff_holds_it_as_pixels_a_centimetre(self, tmp_path):
        write_image(tmp_path / "a.tif", GREY, ImageTags(pixel_size=(0.1, 0.2), unit="µm"))
        np.testing.assert_allclose(read_tagged_image(tmp_path / "a.tif")[1].dpi, (254_000, 127_000))

    @pytest.mark.parametrize("text", ["<OME", "<a/>", "<a xmlns='x'><Pixels PhysicalSizeX='NaN'/></a>", "\0"])
    def test_damaged_descriptions_say_nothing(self, tmp_path, text):
        tifffile.imwrite(tmp_path / "a.tif", GREY, description=text, metadata=None)
        assert read_tagged_image(tmp_path / "a.tif")[1].pixel_size is None


def test_16_bit_colour_pngs_are_small(tmp_path):
    smooth = np.add.outer(np.arange(200), np.arange(300)).astype(np.uint16)[..., None].repeat(3, axis=2) * 40
    write_image(tmp_path / "a.png", smooth)

    assert (tmp_path / "a.png").stat().st_size < smooth.nbytes / 20
    header = (tmp_path / "a.png").read_bytes()[16:29]
    assert struct.unpack(">IIBBBBB", header) == (300, 200, 16, 2, 0, 0, 0)
