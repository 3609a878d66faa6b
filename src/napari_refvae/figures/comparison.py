"""The original with a box, and the box enlarged in every output: the manner of the paper's figure 4."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from napari_refvae.errors import InvalidInputError
from napari_refvae.figures.canvas import Canvas, Place
from napari_refvae.figures.views import most_detailed
from napari_refvae.metrics import modulo_crop
from napari_refvae.spec import Region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Panel", "comparison_figure", "default_box"]

WIDTH = 7.2  # inches: the text of a page in two columns
GAP, CAPTION, MARGIN = 0.05, 0.27, 0.04
LEAST_SHARE, LARGEST_SHARE = 0.22, 0.42  # of the width, for the original
LEAST_SIDE, LARGEST_SIDE, TALLEST = 0.4, 2.3, 5.5  # inches, of a panel and of the page
BOX_SHARE = 0.27  # of the original's shorter side
LEAST_BOX, LARGEST_BOX = 80, 160  # pixels
STRUCTURE = 4  # pixels


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One output: the whole picture ``(H, W, 3)`` uint8, its name, its figures, and the reference it was made with."""

    image: NDArray[np.uint8]
    title: str
    figures: str = ""
    reference: NDArray[np.uint8] | None = None


def default_box(original: NDArray[np.uint8]) -> Region:
    """A square of about a quarter of the image's shorter side where the original has the most structure.

    Gradients are taken after reducing by `STRUCTURE`: finer ones are texture, which no method at 8x can tell.
    """
    side = round(BOX_SHARE * min(original.shape[:2]))
    side = min(max(side, LEAST_BOX), LARGEST_BOX, *original.shape[:2])
    if min(original.shape[:2]) < 2 * STRUCTURE:
        return Region(0, 0, *original.shape[:2])
    whole = modulo_crop(original, STRUCTURE)
    reduced = np.asarray(Image.fromarray(whole).reduce(STRUCTURE))
    return most_detailed(reduced, (side // STRUCTURE, side // STRUCTURE), step=2).scaled(STRUCTURE)


def comparison_figure(
    original: NDArray[np.uint8], panels: Sequence[Panel], title: str, note: str = "", box: Region | None = None
) -> Canvas:
    """Lay out the original with a box at the left, and that box of every panel, enlarged, beside it.

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
    box
        Region of the original; by default `default_box`.

    Raises
    ------
    InvalidInputError
        If there is no panel, a panel has another size, or the box is not inside the original.
    """
    check_panels(original, panels)
    region = default_box(original) if box is None else box
    check_box(region, original)
    rows, columns, large, small = _layout(original, region, len(panels))
    cell = small.height + CAPTION
    bottom = max(rows * cell, large.height + CAPTION)
    page = Canvas(WIDTH, 2 * MARGIN + bottom)
    axes = page.picture(original, large, smooth=True)
    page.box(axes, region)
    page.text(title, large.x + large.width / 2, large.y + large.height + 0.04, weight="bold")
    page.text(note, large.x + large.width / 2, large.y + large.height + 0.145, grey=True)
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        x = small.x + column * (small.width + GAP)
        _draw(page, panel, region, Place(x, MARGIN + row * cell, small.width, small.height))
    return page


def check_panels(original: NDArray[np.uint8], panels: Sequence[Panel]) -> None:
    """Refuse no panels, and panels of another size than the original."""
    odd = [panel for panel in panels if panel.image.shape != original.shape]
    if not panels or odd:
        came = f"{odd[0].title} of {odd[0].image.shape[:2]}" if odd else "none"
        raise InvalidInputError(f"expected pictures of {original.shape[:2]} pixels to lay out; got {came}")


def check_box(region: Region, original: NDArray[np.uint8]) -> None:
    """Refuse a box that is empty or not inside the original."""
    inside = region.intersect(Region(0, 0, *original.shape[:2]))
    if inside != region or not region.height or not region.width:
        raise InvalidInputError(
            f"expected a box inside {original.shape[0]} x {original.shape[1]} pixels (y, x, height, width); "
            f"got {region.y}, {region.x}, {region.height}, {region.width}"
        )


def _layout(original: NDArray[np.uint8], region: Region, count: int) -> tuple[int, int, Place, Place]:
    """Rows, columns, the original's place and the first panel's: of all numbers of rows, the one that fits best."""
    best = min((_arranged(original, region, count, rows) for rows in range(1, count + 1)), key=lambda found: found[0])
    return best[1]


def _arranged(
    original: NDArray[np.uint8], region: Region, count: int, rows: int
) -> tuple[float, tuple[int, int, Place, Place]]:
    """How much a number of rows wastes, and where all lies with it."""
    columns = math.ceil(count / rows)
    wide = original.shape[1] / original.shape[0]
    narrow = region.width / region.height
    room = WIDTH - 2 * MARGIN
    # Equal heights: rows * (side + CAPTION) - CAPTION = large / wide, and the widths fill the room.
    spare = room - columns * GAP - wide * (rows - 1) * CAPTION
    side = spare / (columns * narrow + wide * rows)
    large = wide * (rows * side + (rows - 1) * CAPTION)
    if large > LARGEST_SHARE * room:
        large = LARGEST_SHARE * room
        side = (room - large - columns * GAP) / (columns * narrow)
    side = min(side, LARGEST_SIDE)
    place = Place(MARGIN, MARGIN, large, large / wide)
    panel = Place(MARGIN + large + GAP, MARGIN, side * narrow, side)
    height = max(rows * (side + CAPTION), place.height + CAPTION)
    used = place.width * place.height + count * panel.width * panel.height
    fits = side > LEAST_SIDE and height < TALLEST and large > LEAST_SHARE * room
    return -used / (WIDTH * height) if fits else math.inf, (rows, columns, place, panel)


def _draw(page: Canvas, panel: Panel, region: Region, place: Place) -> None:
    page.picture(panel.image[region.slices], place)
    if panel.reference is not None:
        page.inset(panel.reference, place)
    middle = place.x + place.width / 2
    page.text(panel.title, middle, place.y + place.height + 0.03)
    page.text(panel.figures, middle, place.y + place.height + 0.125, grey=True)
