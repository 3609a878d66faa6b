"""Outputs and, below each, its difference to the original times five: the manner of the paper's figure 5."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.figures.canvas import Canvas, Place
from napari_refvae.figures.comparison import Panel, check_box, check_panels
from napari_refvae.figures.maps import residual_legend, residual_picture
from napari_refvae.spec import Region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["most_varied", "residual_figure"]

WIDTH = 7.2  # inches: the text of a page in two columns
GAP, CAPTION, MARGIN, APART = 0.05, 0.27, 0.04, 0.06
GAIN = 5.0
TALLEST = 9.0  # inches
MARK_SHARE = 0.16  # of the shorter side


def residual_figure(
    original: NDArray[np.uint8],
    panels: Sequence[Panel],
    title: str,
    note: str = "",
    *,
    gain: float = GAIN,
    region: Region | None = None,
    marks: int = 2,
) -> Canvas:
    """Lay out the original, and every panel with its residual below.

    Parameters
    ----------
    original
        ``(H, W, 3)`` uint8.
    panels
        In reading order; pictures of the original's size.
    title
        Below the original.
    note
        What the panels' figures are, below the title.
    gain
        Enlargement of the differences.
    region
        The part to show; by default all.
    marks
        Places to circle: those where panels with a reference differ most, or, if fewer than two have one, all
        panels.

    Raises
    ------
    InvalidInputError
        If there is no panel, a panel has another size, or the region is not inside the original.
    """
    check_panels(original, panels)
    shown = Region(0, 0, *original.shape[:2]) if region is None else region
    check_box(shown, original)
    cut = original[shown.slices]
    columns, width, height = _grid(len(panels) + 1, shown.width / shown.height)
    band = 2 * height + GAP + CAPTION + APART
    bands = math.ceil((len(panels) + 1) / columns)
    page = Canvas(WIDTH, 2 * MARGIN + bands * band - APART)
    circled = most_varied([panel.image[shown.slices] for panel in _differing(panels)], marks)
    for index, panel in enumerate([None, *panels]):
        row, column = divmod(index, columns)
        place = Place(MARGIN + column * (width + GAP), MARGIN + row * band, width, height)
        below = Place(place.x, place.y + height + CAPTION, width, height)
        if panel is None:
            _draw_original(page, cut, place, title, note, gain, circled)
            continue
        page.picture(panel.image[shown.slices], place, smooth=True)
        if panel.reference is not None:
            page.inset(panel.reference, place)
        _caption(page, place, panel.title, panel.figures)
        residual = panel.image[shown.slices].astype(np.float32) - cut
        axes = page.picture(residual_picture(residual, gain), below, smooth=True)
        for mark in circled:
            page.circle(axes, mark, "#ffb000")
    return page


def most_varied(images: Sequence[NDArray[np.uint8]], count: int) -> list[Region]:
    """The squares, apart from one another, in which images ``(H, W, 3)`` differ most, most first."""
    if len(images) < 2:
        return []
    spread = np.std(np.stack(images).mean(axis=3, dtype=np.float32), axis=0)
    side = max(8, round(MARK_SHARE * min(spread.shape)))
    if min(spread.shape) < side:
        return []
    total = np.pad(spread.astype(np.float64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    windows = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    found: list[Region] = []
    for _ in range(count):
        if not (windows > 0).any():
            break
        y, x = (int(index) for index in np.unravel_index(int(windows.argmax()), windows.shape))
        found.append(Region(y, x, side, side))
        windows[max(0, y - 2 * side) : y + 2 * side, max(0, x - 2 * side) : x + 2 * side] = 0
    return found


def _differing(panels: Sequence[Panel]) -> list[Panel]:
    referred = [panel for panel in panels if panel.reference is not None]
    return referred if len(referred) > 1 else list(panels)


def _grid(count: int, aspect: float) -> tuple[int, float, float]:
    """Columns, and width and height of a cell: as few columns as the page's height allows, evenly filled."""
    for bands in range(count, 0, -1):
        columns = math.ceil(count / bands)
        width = (WIDTH - 2 * MARGIN - (columns - 1) * GAP) / columns
        height = width / aspect
        if columns >= min(4, count) and bands * (2 * height + CAPTION + GAP + APART) <= TALLEST:
            return columns, width, height
    return columns, width, height


def _draw_original(
    page: Canvas,
    original: NDArray[np.uint8],
    place: Place,
    title: str,
    note: str,
    gain: float,
    circled: Sequence[Region],
) -> None:
    """The original with what is circled, its caption, and the colours' legend where its residual would be."""
    axes = page.picture(original, place, smooth=True)
    for mark in circled:
        page.circle(axes, mark)
    _caption(page, place, title, note)
    top = place.y + place.height + CAPTION
    page.text(f"output minus original,\nx{gain:g}, in levels of 255", place.x + place.width / 2, top + 0.1)
    page.legend(residual_legend(gain), Place(place.x + 0.05, top + 0.38, place.width - 0.1, 0.07))


def _caption(page: Canvas, place: Place, title: str, figures: str) -> None:
    middle = place.x + place.width / 2
    page.text(title, middle, place.y + place.height + 0.03)
    page.text(figures, middle, place.y + place.height + 0.125, grey=True)
