from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from napari_refvae import figures
from napari_refvae.engine.result import SuperResolutionResult
from napari_refvae.errors import InvalidInputError
from napari_refvae.figures import sheet as layout
from napari_refvae.figures.maps import DIVERGING, SEQUENTIAL
from napari_refvae.spec import Region


def brightness(picture: np.ndarray) -> np.ndarray:
    return picture.astype(float) @ [0.2126, 0.7152, 0.0722]


def photograph(height: int = 64, width: int = 96) -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[64 : 64 + height, 96 : 96 + width])


def a_result(names=("grass", "self"), count: int = 2, grey: bool = False, lr_size=(8, 12)) -> SuperResolutionResult:
    rng = np.random.default_rng(0)
    original = photograph(8 * lr_size[0], 8 * lr_size[1])
    original = original[..., 1] if grey else original
    sr = np.stack([(original + rng.integers(0, 9, original.shape)).clip(0, 255) for _ in range(count * len(names))])
    return SuperResolutionResult(
        sr=sr.astype(np.uint8),
        lr=original[4::8, 4::8],
        bicubic=original,
        references=tuple(name for name in names for _ in range(count)),
        seeds=tuple(range(len(sr))),
        lr_psnr=tuple(float("inf") if k else 51.234 for k in range(len(sr))),
        provenance={},
    )


# --- values as colours


def test_no_residual_is_the_neutral_colour():
    assert (figures.residual_picture(np.zeros((3, 4))) == DIVERGING[3]).all()


def test_residuals_saturate_at_half_the_span_over_the_gain():
    limit = 255 / 2 / 5
    picture = figures.residual_picture(np.array([[-1000.0, -limit, limit, 1000.0]]))[0]
    assert picture.tolist() == [list(DIVERGING[0]), list(DIVERGING[0]), list(DIVERGING[-1]), list(DIVERGING[-1])]
    assert figures.residual_legend().labels == ("-25.5", "0", "+25.5")


def test_brighter_is_red_and_darker_is_blue():
    darker, brighter = figures.residual_picture(np.array([[-10.0, 10.0]]))[0].astype(int)
    assert darker[2] > darker[0]
    assert brighter[0] > brighter[2]


@given(st.floats(0.1, 50), st.floats(0.1, 20), st.floats(1, 65535))
def test_a_gain_is_a_gain(residual, gain, span):
    values = np.array([[residual, -residual]])
    once = figures.residual_picture(values, gain, span)
    assert np.array_equal(figures.residual_picture(values * 2, gain / 2, span), once)
    assert np.array_equal(figures.residual_picture(values * 2, gain, span * 2), once)


def test_channels_are_averaged():
    residual = np.random.default_rng(0).normal(0, 9, (5, 6, 3))
    assert np.array_equal(figures.residual_picture(residual), figures.residual_picture(residual.mean(axis=2)))


def test_more_spread_is_lighter():
    picture = figures.spread_picture(np.linspace(0, 20, 200)[None], limit=20)
    assert (np.diff(brightness(picture)[0]) >= 0).all()
    assert picture[0, 0].tolist() == list(SEQUENTIAL[0])
    assert picture[0, -1].tolist() == list(SEQUENTIAL[-1])


def test_lightness_falls_away_from_no_residual():
    values = brightness(figures.residual_picture(np.linspace(-26, 26, 201)[None]))[0]
    assert (np.diff(values[:101]) >= 0).all()
    assert (np.diff(values[100:]) <= 0).all()


def test_the_limit_of_a_spread_is_round_and_covers_nearly_all():
    spread = np.abs(np.random.default_rng(0).normal(0, 5, (64, 64)))
    limit = figures.spread_limit(spread)
    assert limit % 5 == 0
    assert (spread <= limit).mean() > 0.99
    assert figures.spread_limit(np.zeros((4, 4, 3))) > 0


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_spread_needs_a_positive_limit(limit):
    with pytest.raises(InvalidInputError, match="positive limit"):
        figures.spread_picture(np.zeros((2, 2)), limit)


def test_maps_refuse_other_shapes():
    with pytest.raises(InvalidInputError, match=r"\(H, W\)"):
        figures.residual_picture(np.zeros(5))


# --- windows and sizes


def test_enlarging_keeps_pixels():
    image = photograph(3, 4)
    assert np.array_equal(figures.enlarged(image, 8)[4::8, 4::8], image)
    assert figures.enlarged(image, 8).shape == (24, 32, 3)


@pytest.mark.parametrize("shape", [(40, 90, 3), (90, 40), (1, 1, 3)])
def test_a_thumbnail_is_a_square_in_colour(shape):
    assert figures.thumbnail(np.full(shape, 9, np.uint8), 20).shape == (20, 20, 3)


def test_the_most_detailed_window_is_where_the_detail_is():
    image = np.full((160, 240), 128, np.uint8)
    image[96:128, 48:80] = np.random.default_rng(0).integers(0, 256, (32, 32))
    assert figures.most_detailed(image, (32, 32), step=8) == Region(96, 48, 32, 32)


@given(st.integers(8, 70), st.integers(8, 70), st.integers(1, 90), st.integers(1, 90))
@settings(deadline=None)
def test_a_window_lies_in_the_image_and_on_the_grid(height, width, tall, wide):
    image = np.random.default_rng(height).integers(0, 256, (height, width), dtype=np.uint8)
    window = figures.most_detailed(image, (tall, wide), step=8)
    assert window.intersect(Region(0, 0, height, width)) == window
    assert all(value % 8 == 0 for value in (window.y, window.x, window.height, window.width))
    assert 8 <= window.height <= max(8, tall)
    assert 8 <= window.width <= max(8, wide)


# --- the page


def a_row(count: int = 2, joined: bool = False, **changes) -> figures.PictureRow:
    pictures = tuple(figures.Picture(photograph(), f"seed {k}", "LR exact") for k in range(count))
    return figures.PictureRow(
        **{"title": "grass", "note": "reference", "pictures": pictures, "joined": joined} | changes
    )


def test_pictures_are_on_the_page_unchanged_and_do_not_overlap():
    """Each is found whole, so nothing lies over it; its four sides touch paper."""
    image = photograph(304, 400)
    rows = [figures.PictureRow("a", "b", (figures.Picture(image), figures.Picture(image, "c"))) for _ in range(2)]
    page = np.asarray(figures.contact_sheet("title", "", rows))
    left, second = layout.MARGIN + layout.GUTTER, layout.MARGIN + layout.GUTTER + 400 + layout.GAP
    top = layout.MARGIN + layout.HEADER
    for x in (left, second):
        assert np.array_equal(page[top : top + 304, x : x + 400], image)
        assert (page[top : top + 304, x - 1] == 255).all()
        assert (page[top - 1, x : x + 400] == 255).all()
    assert page.shape[1] == second + 400 + layout.MARGIN


def test_margins_stay_empty():
    rows = [a_row(legend=figures.residual_legend()), a_row(joined=True)]
    title = "A title that is far too long for the page " * 9
    page = np.asarray(figures.contact_sheet(title, title, rows, footer=title))
    assert (page[:, : layout.MARGIN - 2] == 255).all()
    assert (page[:, -layout.MARGIN + 2 :] == 255).all()
    assert (page[: layout.MARGIN - 10] == 255).all()
    assert (page[-layout.MARGIN + 8 :] == 255).all()


def test_long_captions_make_way_for_figures():
    short, long = (
        figures.Picture(photograph(), "", "51.2 dB"),
        figures.Picture(photograph(), "caption " * 30, "51.2 dB"),
    )
    one, other = (
        np.asarray(figures.contact_sheet("", "", [figures.PictureRow("", "", (picture,))])) for picture in (short, long)
    )
    figure = np.s_[:, -layout.MARGIN - 60 :]
    assert np.array_equal(one[figure], other[figure])


def test_small_pictures_are_enlarged_by_a_whole_factor():
    row = figures.PictureRow("", "", (figures.Picture(photograph(96, 96)),))
    page = figures.contact_sheet("", "", [row])
    assert page.width == 2 * layout.MARGIN + layout.GUTTER + 4 * 96


def test_an_inset_lies_in_the_upper_right_corner():
    plain = figures.Picture(np.zeros((100, 100, 3), np.uint8))
    inset = figures.Picture(plain.image, inset=np.full((50, 70), 200, np.uint8))
    row = figures.PictureRow("", "", (plain, inset))
    page = np.asarray(figures.contact_sheet("", "", [row]))
    top, right = layout.MARGIN + layout.HEADER, page.shape[1] - layout.MARGIN
    picture = page[top : top + 400, right - 400 : right]
    assert (picture[20:100, 310:380] == 200).all()
    assert (picture[200:] == 0).all()
    assert (picture[:, :200] == 0).all()


def test_a_locator_frames_the_region():
    whole = np.full((100, 200, 3), 50, np.uint8)
    page = figures.contact_sheet("", "", [a_row()], locator=figures.Locator(whole, Region(10, 20, 50, 60)))
    frame = (np.asarray(page) == layout.ACCENT).all(axis=2)
    rows, columns = np.flatnonzero(frame.any(axis=1)), np.flatnonzero(frame.any(axis=0))
    shrink = (rows[-1] - rows[0] + 1) / 50
    assert (columns[-1] - columns[0] + 1) / 60 == pytest.approx(shrink, rel=0.1)
    assert rows[-1] < layout.MARGIN + layout.HEADER


@pytest.mark.parametrize("name", ["Käse", "参照", "8\N{MULTIPLICATION SIGN} \N{INFINITY}", "", "x" * 200])
def test_any_name_can_be_written(name):
    assert isinstance(figures.contact_sheet(name, name, [a_row(title=name, note=name)]), Image.Image)


def test_letters_that_the_font_lacks_are_replaced():
    assert layout._drawable("Käse · 参 ±1") == "Kase · ? ±1"


def test_a_sheet_needs_pictures_of_one_size():
    with pytest.raises(InvalidInputError, match="none"):
        figures.contact_sheet("", "", [])
    other = figures.PictureRow("", "", (figures.Picture(photograph(32, 32)),))
    with pytest.raises(InvalidInputError, match="one size"):
        figures.contact_sheet("", "", [a_row(), other])


def test_a_picture_is_8_bit_grey_or_rgb():
    row = figures.PictureRow("", "", (figures.Picture(np.zeros((9, 9, 4), np.uint8)),))
    with pytest.raises(InvalidInputError, match="expected a picture"):
        figures.contact_sheet("", "", [row])


# --- a whole result


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("with_truth", [False, True])
def test_a_result_on_one_page(grey, with_truth):
    result = a_result(grey=grey)
    truth = {"original": result.bicubic, "faithful": result.sr[0]} if with_truth else {}
    page = figures.result_sheet(result, "Title", insets={"grass": photograph()}, footer="CC0", **truth)
    assert page.width > page.height * 0.3
    assert np.asarray(page).std() > 30


def test_a_page_grows_with_the_references_but_not_with_samples_beyond_its_columns():
    def size(names, count):
        return figures.result_sheet(a_result(names, count), "t", columns=2).size

    assert size(("a",), 2) == size(("a",), 5)
    assert size(("a", "b"), 2)[1] > size(("a",), 2)[1]


def test_a_large_result_is_shown_in_part():
    result = a_result(("none",), 1, lr_size=(48, 40))
    whole = figures.result_sheet(result, "t", focus=Region(0, 0, 384, 320))
    part = figures.result_sheet(result, "t", focus=Region(0, 0, 192, 160))
    assert (np.asarray(part) == layout.ACCENT).all(axis=2).any()
    assert not (np.asarray(whole) == layout.ACCENT).all(axis=2).any()


def test_tiny_results_have_a_page_too():
    result = a_result(("none",), 1, lr_size=(1, 1))
    assert figures.result_sheet(result, "t", original=result.bicubic).width > 300


def test_only_8_bit_results_are_drawn():
    result = a_result()
    deep = SuperResolutionResult(
        result.sr.astype(np.uint16), result.lr, result.bicubic, result.references, result.seeds, result.lr_psnr, {}
    )
    with pytest.raises(InvalidInputError, match="8-bit"):
        figures.result_sheet(deep, "t")


def test_drawing_changes_nothing_and_repeats_itself():
    result = a_result()
    before = result.sr.copy()
    pages = [np.asarray(figures.result_sheet(result, "t", original=result.bicubic)) for _ in range(2)]
    assert np.array_equal(*pages)
    assert np.array_equal(result.sr, before)
