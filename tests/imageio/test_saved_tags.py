"""What an image's file says of it besides the pixels is in the files of its results, whoever writes them."""

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from typer.testing import CliRunner

import napari_refvae
from napari_refvae.cli import app
from napari_refvae.imageio.files import read_tagged_image, write_image
from napari_refvae.imageio.tags import ImageTags

RGB = np.arange(9 * 7 * 3, dtype=np.uint8).reshape(9, 7, 3)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CENTIMETRES = 3
"""TIFF's number for them."""


@pytest.fixture
def refvae(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        done = CliRunner().invoke(app, [*map(str, words)])
        assert done.exit_code == 0, done.output

    return run


@pytest.fixture
def upscale(refvae, tiny_model):
    def run(*words):
        fixed = ("--model", tiny_model, "-n", "1", "--faithful", "--device", "cpu", "--precision", "float32")
        refvae("upscale", *words, "-o", "out", *fixed)

    return run


def test_a_photograph_keeps_its_profile_and_its_resolution(upscale, refvae, tmp_path):
    write_image("a.png", RGB, ImageTags(SRGB, (300, 150)))
    write_image("deep.png", RGB.astype(np.uint16) * 257, ImageTags(SRGB, (300, 150)))
    Image.fromarray(RGB).save("b.jpg", dpi=(150, 300), icc_profile=SRGB)
    upscale("a.png", "deep.png", "b.jpg")
    refvae("replay", "out/a_x8.json", "-o", "again")

    images = [*tmp_path.glob("out/*.png"), *tmp_path.glob("again/*.png")]
    assert len(images) == 8
    for path in images:
        with Image.open(path) as image:
            image.load()
            assert image.info["icc_profile"] == SRGB
            np.testing.assert_allclose([float(dots) for dots in image.info["dpi"]], (150, 300), rtol=1e-3)


def test_pixels_of_a_micrograph_become_smaller_by_the_scale(upscale):
    write_image("m.ome.tif", RGB[..., 0].astype(np.uint16), ImageTags(pixel_size=(0.5, 0.25), unit="µm"))
    upscale("m.ome.tif", "--range", 0, 255)
    upscale("m.ome.tif", "--range", 0, 255, "--scale", 4)

    for name, height, width in (("m_x8_none_s0", 0.5 / 8, 0.25 / 8), ("m_x4_faithful", 0.5 / 4, 0.25 / 4)):
        with tifffile.TiffFile(f"out/{name}.tiff") as tiff:
            tags = tiff.pages.first.tags
            assert tags["ResolutionUnit"].value == CENTIMETRES
            sizes = [1e4 * under / over for over, under in (tags["YResolution"].value, tags["XResolution"].value)]
        np.testing.assert_allclose(sizes, (height, width), rtol=1e-5)


def test_results_from_python_know_them_too(tmp_path, tiny_model):
    write_image(tmp_path / "a.tif", RGB, ImageTags(SRGB, (300, 150)))
    result = napari_refvae.upscale(tmp_path / "a.tif", samples=1, region=(1, 1, 4, 4), model=tiny_model, device="cpu")
    image, _ = result.save(tmp_path, suffix=".tif")

    assert read_tagged_image(image)[1] == ImageTags(SRGB, (300, 150))
    assert napari_refvae.upscale(RGB, samples=1, model=tiny_model, device="cpu").tags == ImageTags()
