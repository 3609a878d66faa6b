"""The figures for print: what is laid out, and where."""

import re
import sys

import numpy as np
import pytest
from PIL import Image
from skimage import data

pytest.importorskip("matplotlib")

from napari_refvae.errors import InvalidInputError, OutputError
from napari_refvae.figures import canvas
from napari_refvae.figures.comparison import Panel, comparison_figure, default_box
from napari_refvae.figures.residuals import most_varied, residual_figure
from napari_refvae.spec import Region

CAT = np.ascontiguousarray(data.chelsea()[:200, :304])


def panels(count, original=CAT, reference=None):
    return [Panel(original // (k + 2), f"panel {k}", f"{k}.5 / 0.1", reference) for k in range(count)]


def pictures(page):
    """Every picture on the page: its pixels and its place as left, bottom, right, top in shares of the page."""
    return [(axes.get_images()[0].get_array(), axes.get_position().extents) for axes in page.figure.axes]


def lettering(page):
    return [text.get_text() for text in page.figure.texts]


@pytest.mark.parametrize("count", [1, 7, 15])
@pytest.mark.parametrize("shape", [(304, 200), (64, 304)])
def test_a_comparison_shows_the_box_of_every_panel_and_nothing_overlaps(shape, count):
    original = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    box = Region(8, 16, 40, 48)
    page = comparison_figure(original, panels(count, original), "title", "note", box)
    shown = pictures(page)
    assert len(shown) == 1 + count
    np.testing.assert_array_equal(shown[0][0], original)
    for panel, (image, _) in zip(panels(count, original), shown[1:], strict=True):
        np.testing.assert_array_equal(image, panel.image[8:48, 16:64])
    places = np.array([place for _, place in shown])
    assert (places > 0).all()
    assert (places < 1).all()
    for index, (left, bottom, right, top) in enumerate(places):
        rest = np.delete(places, index, axis=0)
        apart = (rest[:, 0] >= right) | (rest[:, 2] <= left) | (rest[:, 1] >= top) | (rest[:, 3] <= bottom)
        assert apart.all()
    assert {"title", "note", "panel 0", "0.5 / 0.1"} <= set(lettering(page))
    frame = page.figure.axes[0].patches[0]
    assert (frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) == (15.5, 7.5, 48, 40)


def test_pixels_keep_their_proportions():
    page = comparison_figure(CAT, panels(7), "cat", box=Region(0, 0, 40, 60))
    for image, (left, bottom, right, top) in pictures(page):
        aspect = (right - left) * page.width / ((top - bottom) * page.height)
        assert aspect == pytest.approx(image.shape[1] / image.shape[0], rel=0.01)


def test_a_reference_is_framed_in_the_corner_of_its_panel():
    reference = np.full((30, 40, 3), 77, np.uint8)
    page = comparison_figure(CAT, panels(1, reference=reference), "cat")
    (_, panel), (inset, corner) = pictures(page)[1:]
    assert corner[2] == pytest.approx(panel[2])
    assert corner[1] == pytest.approx(panel[1])
    assert corner[0] > panel[0]
    assert (inset[0] == 255).all()
    assert (inset[-1, -1] == 77).all()


def test_by_itself_the_box_is_where_the_structure_is():
    image = np.full((320, 400, 3), 128, np.uint8)
    image[200:260, 300:380] = 255
    image[:160] += np.random.default_rng(0).integers(0, 20, (160, 400, 1), np.uint8)  # texture
    box = default_box(image)
    assert box.intersect(Region(200, 300, 60, 80)).height >= 40
    assert box == box.intersect(Region(0, 0, 320, 400))
    assert default_box(image[:5, :6]) == Region(0, 0, 5, 6)


def test_residuals_stand_below_their_pictures_and_are_zero_where_equal():
    same = [Panel(CAT, "same"), Panel(CAT + np.uint8(0), "too"), Panel(CAT // 2, "darker")]
    page = residual_figure(CAT, same, "cat", "dB")
    shown = pictures(page)
    assert len(shown) == 1 + 1 + 2 * 3  # the original, the legend's bar, each panel and its residual
    for index, panel in enumerate(same):
        (image, above), (residual, below) = shown[2 + 2 * index : 4 + 2 * index]
        np.testing.assert_array_equal(image, panel.image)
        assert below[3] < above[1]
        assert below[0] == pytest.approx(above[0])
        assert np.ptp(residual.reshape(-1, 3), axis=0).any() == (panel.title == "darker")
    assert "x5, in levels of 255" in lettering(page)


@pytest.mark.parametrize("count", [1, 13])
def test_a_page_of_residuals_fits_a_page_of_paper(count):
    page = residual_figure(CAT, panels(count), "cat")
    assert page.width < 8
    assert page.height < 10


def test_circles_are_where_samples_differ_most():
    images = [CAT.copy() for _ in range(3)]
    images[1][20:40, 30:50] += 90
    images[2][150:170, 250:270] += 40
    found = most_varied(images, 2)
    assert len(found) == 2
    for region, (y, x) in zip(found, ((30, 40), (160, 260)), strict=True):
        assert region.y <= y <= region.y + region.height
        assert region.x <= x <= region.x + region.width
    assert most_varied(images[:1], 2) == []
    assert most_varied([CAT, CAT], 2) == []


@pytest.mark.parametrize("draw", [comparison_figure, residual_figure])
def test_what_cannot_be_laid_out_is_refused(draw):
    with pytest.raises(InvalidInputError, match=r"pictures of \(200, 304\) pixels to lay out; got none"):
        draw(CAT, [], "cat")
    with pytest.raises(InvalidInputError, match=r"got small of \(20, 20\)"):
        draw(CAT, [Panel(CAT[:20, :20], "small")], "cat")


def test_files_are_written_at_print_resolution_and_letters_stay_letters(tmp_path):
    page = comparison_figure(CAT, panels(2), "a $ cat")
    page.save(tmp_path / "cat.png")
    page.save(tmp_path / "cat.pdf")
    with Image.open(tmp_path / "cat.png") as image:
        assert image.width == pytest.approx(300 * page.width, abs=1)
    assert re.search(rb"/Subtype\s*/Type0", (tmp_path / "cat.pdf").read_bytes())
    with pytest.raises(OutputError, match="does not exist"):
        page.save(tmp_path / "nowhere" / "cat.png")


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on what a process writes")
def test_a_full_disk_leaves_the_figure_that_was_there(tmp_path, full_disk):
    page = residual_figure(CAT, panels(1), "title", "note")
    page.save(tmp_path / "cat.png")
    before = (tmp_path / "cat.png").read_bytes()
    with full_disk(10_000), pytest.raises(OutputError, match="the disk is full"):
        page.save(tmp_path / "cat.png")
    assert [path.name for path in tmp_path.iterdir()] == ["cat.png"]
    assert (tmp_path / "cat.png").read_bytes() == before


def test_without_matplotlib_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(OutputError, match=r"pip install 'napari-refvae\[evaluate\]'"):
        canvas.need_matplotlib()
