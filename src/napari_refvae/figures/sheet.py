"""A contact sheet: rows of equally large pictures on one page, named, captioned and with legends."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from napari_refvae.errors import InvalidInputError
from napari_refvae.figures.maps import coloured
from napari_refvae.figures.views import as_rgb, thumbnail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_refvae.figures.maps import Legend
    from napari_refvae.spec import Region

__all__ = ["Locator", "Picture", "PictureRow", "contact_sheet"]


Anchor = Literal["left", "middle", "right"]
ANCHORS: tuple[Anchor, ...] = ("left", "middle", "right")


class Style(NamedTuple):
    """Height of the letters in pixels, and their colour."""

    size: int
    ink: tuple[int, int, int]


BLACK, GREY, HAIRLINE, PAPER, ACCENT = (22, 25, 31), (100, 108, 120), (221, 224, 229), (255, 255, 255), (255, 208, 0)
TITLE, SUBTITLE = Style(40, BLACK), Style(20, GREY)
ROW_TITLE, NOTE, LABEL = Style(25, BLACK), Style(18, GREY), Style(15, GREY)
CAPTION, FIGURE = Style(19, BLACK), Style(18, GREY)

MARGIN, GUTTER, GAP = 48, 204, 22  # page border, room for the rows' names, between pictures
HEADER, FOOTER, CAPTION_ROOM = 124, 44, 34
APART, JOINED = 48, 10  # between rows
INSET_SHARE = 0.27  # of a picture's shorter side
TYPICAL_SIDE = 400  # small pictures are enlarged by a whole factor towards this


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture: its caption stands below it on the left, a figure on the right.

    ``inset`` is shown in the upper right corner, as the paper shows references.
    """

    image: NDArray[np.uint8]
    caption: str = ""
    figure: str = ""
    inset: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PictureRow:
    """Pictures side by side, named at the left. A ``joined`` row belongs to the one above."""

    title: str
    note: str
    pictures: tuple[Picture, ...]
    legend: Legend | None = None
    joined: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Locator:
    """The whole image, and the region of it that the sheet shows."""

    image: NDArray[np.uint8]
    region: Region


def contact_sheet(
    title: str, subtitle: str, rows: Sequence[PictureRow], *, footer: str = "", locator: Locator | None = None
) -> Image.Image:
    """Lay rows of pictures out on one page.

    Parameters
    ----------
    title, subtitle, footer
        Lines of text; shortened if they do not fit.
    rows
        All pictures have one size; small ones are enlarged by a whole factor.
    locator
        Shown small in the upper right corner, with a frame around the region.

    Raises
    ------
    InvalidInputError
        If there is no picture, or their sizes differ.
    """
    sizes = {picture.image.shape[:2] for row in rows for picture in row.pictures}
    if len(sizes) != 1:
        raise InvalidInputError(f"expected pictures of one size; got {sorted(sizes) or 'none'}")
    sheet = _Sheet(rows, sizes.pop())
    sheet.draw_header(title, subtitle, locator)
    sheet.draw_rows()
    sheet.draw_footer(footer)
    return sheet.page


class _Sheet:
    """Where everything lies, and the drawing of each part."""

    def __init__(self, rows: Sequence[PictureRow], size: tuple[int, int]) -> None:
        zoom = max(1, round(TYPICAL_SIDE / max(size)))
        self.height, self.width = (side * zoom for side in size)
        self.rows = rows
        self.tops, bottom = self._place_rows()
        columns = max(len(row.pictures) for row in rows)
        self.right = MARGIN + GUTTER + columns * (self.width + GAP) - GAP
        self.page = Image.new("RGB", (self.right + MARGIN, bottom + FOOTER + MARGIN), PAPER)
        self.pen = ImageDraw.Draw(self.page)

    def _place_rows(self) -> tuple[list[int], int]:
        """Top of each row, and the bottom of the last."""
        tops: list[int] = []
        bottom = MARGIN + HEADER - APART
        for row in self.rows:
            tops.append(bottom + (JOINED if row.joined else APART))
            captioned = any(picture.caption or picture.figure for picture in row.pictures)
            bottom = tops[-1] + self.height + (CAPTION_ROOM if captioned else 0)
        return tops, bottom

    def draw_header(self, title: str, subtitle: str, locator: Locator | None) -> None:
        room = self.right - MARGIN
        if locator is not None:
            room -= self._draw_locator(locator) + GAP
        self._write((MARGIN, MARGIN + 34), title, TITLE, room)
        self._write((MARGIN, MARGIN + 70), subtitle, SUBTITLE, room)

    def _draw_locator(self, locator: Locator) -> int:
        """Draw it right-aligned in the header and return its width."""
        height, width = locator.image.shape[:2]
        shrink = (HEADER - APART // 2 - 8) / height
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        left, top = self.right - size[0], MARGIN - 8
        self.page.paste(Image.fromarray(as_rgb(locator.image)).resize(size, Image.Resampling.LANCZOS), (left, top))
        frame = locator.region
        corners = (frame.x, frame.y, frame.x + frame.width, frame.y + frame.height)
        x0, y0, x1, y1 = (round(value * shrink) for value in corners)
        outer = (left + x0 - 1, top + y0 - 1, left + x1, top + y1)  # dark around bright: seen on any picture
        self.pen.rectangle(outer, outline=BLACK, width=4)
        self.pen.rectangle((outer[0] + 1, outer[1] + 1, outer[2] - 1, outer[3] - 1), outline=ACCENT, width=2)
        return size[0]

    def draw_rows(self) -> None:
        for top, row in zip(self.tops, self.rows, strict=True):
            if not row.joined:
                line = top - APART // 2 + 3
                self.pen.line((MARGIN, line, self.right - 1, line), HAIRLINE)
            self._draw_name(row, top)
            for column, picture in enumerate(row.pictures):
                self._draw_picture(picture, MARGIN + GUTTER + column * (self.width + GAP), top)

    def draw_footer(self, footer: str) -> None:
        self._write((MARGIN, self.page.height - MARGIN), footer, LABEL, self.right - MARGIN)

    def _draw_name(self, row: PictureRow, top: int) -> None:
        """Title, note and legend of a row, left of its pictures."""
        room = GUTTER - 24
        self._write((MARGIN, top + 20), row.title, ROW_TITLE, room)
        y = top + 48
        for line in row.note.splitlines():
            self._write((MARGIN, y), line, NOTE, room)
            y += 24
        if row.legend is not None:
            self._draw_legend(row.legend, y - 6, room)

    def _draw_legend(self, legend: Legend, y: int, width: int) -> None:
        bar = coloured(np.linspace(0, 1, width)[None].repeat(12, axis=0), legend.anchors)
        self.page.paste(Image.fromarray(bar), (MARGIN, y))
        places = zip(legend.labels, (0, width // 2, width), ANCHORS, strict=True)
        for label, x, anchor in places:
            self._write((MARGIN + x, y + 30), label, LABEL, width, anchor)

    def _draw_picture(self, picture: Picture, x: int, y: int) -> None:
        image = Image.fromarray(as_rgb(picture.image))
        self.page.paste(image.resize((self.width, self.height), Image.Resampling.BICUBIC), (x, y))
        if picture.inset is not None:
            self._draw_inset(picture.inset, x + self.width, y)
        base = y + self.height + 23
        taken = self._write((x + self.width, base), picture.figure, FIGURE, self.width, "right")
        self._write((x, base), picture.caption, CAPTION, self.width - taken - 12)

    def _draw_inset(self, inset: NDArray[np.uint8], right: int, top: int) -> None:
        side = round(INSET_SHARE * min(self.width, self.height))
        x, y = right - side - 11, top + 11
        self.pen.rectangle((x - 4, y - 4, x + side + 3, y + side + 3), PAPER)
        self.page.paste(Image.fromarray(thumbnail(inset, side)), (x, y))

    def _write(self, at: tuple[int, int], text: str, style: Style, room: int, anchor: Anchor = "left") -> int:
        """Write one line on the baseline at ``at``, shortened to ``room`` pixels, and return its width."""
        mask = _lettered(_drawable(text), style.size, room)
        left = at[0] - {"left": 0, "middle": mask.width // 2, "right": mask.width}[anchor]
        self.page.paste(style.ink, (left, at[1] - style.size), mask)
        return mask.width


def _lettered(line: str, size: int, room: int) -> Image.Image:
    """A line as a mask whose baseline lies ``size`` below its top.

    Drawn at four times the size and reduced, since Pillow puts letters on whole pixels, which spoils the
    distances between small ones.
    """
    font = _font(4 * size)
    line = _shortened(line, font, 4 * room)
    width = math.ceil(font.getlength(line) / 4)
    large = Image.new("L", (max(4, 4 * width), 6 * size))
    ImageDraw.Draw(large).text((0, 4 * size), line, 255, font, anchor="ls")
    return large.reduce(4)


def _shortened(line: str, font: ImageFont.FreeTypeFont, room: int) -> str:
    kept = line
    while kept and font.getlength(kept if kept == line else kept + "...") > room:
        kept = kept[:-1]
    return kept if kept in (line, "") else f"{kept.rstrip()}..."


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Aileron, which Pillow brings along."""
    return cast("ImageFont.FreeTypeFont", ImageFont.load_default(size))


def _drawable(text: str) -> str:
    """What the font has glyphs for: accents are dropped, other scripts become question marks."""
    letters = (letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return "".join(letter if letter.isascii() or letter in "·±" else "?" for letter in letters)
