"""A page for print: pictures and lettering at places in inches, drawn by matplotlib and written as PNG or PDF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import OutputError
from napari_refvae.figures.views import as_rgb, thumbnail
from napari_refvae.imageio.writing import whole

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_refvae.figures.maps import Legend
    from napari_refvae.spec import Region

__all__ = ["ACCENT", "INK", "Canvas", "Place", "need_matplotlib"]

INK, GREY, ACCENT = "#16191f", "#5b6370", "#ffd000"
POINTS = 72  # an inch
TEXT, ASCENT, LEADING = 6.2, 0.76, 1.2  # points; of its size
FONT = ["DejaVu Sans"]  # matplotlib brings it along
DOTS = 300  # an inch
FRAME = 4  # dots of white around a thumbnail


def need_matplotlib() -> None:
    """Refuse to go on where matplotlib is not installed.

    Raises
    ------
    OutputError
        If it is not.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError as error:
        raise OutputError(
            "figures for print need matplotlib, which is not installed; "
            "install it with: pip install 'napari-refvae[evaluate]'"
        ) from error


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle on the page in inches, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Canvas:
    """One page of ``width`` x ``height`` inches."""

    def __init__(self, width: float, height: float) -> None:
        need_matplotlib()
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        self.figure: Figure = Figure(figsize=(width, height), dpi=DOTS, facecolor="white")

    def picture(self, image: NDArray[np.uint8], place: Place, *, smooth: bool = False) -> Any:
        """Show an image; its pixels stay squares unless it is ``smooth``. Returns matplotlib's axes."""
        axes = self.figure.add_axes(self._fractions(place))
        axes.imshow(as_rgb(image), interpolation="antialiased" if smooth else "nearest", aspect="auto")
        axes.set_axis_off()
        return axes

    def text(
        self,
        text: str,
        x: float,
        y: float,
        *,
        size: float = TEXT,
        anchor: str = "center",
        grey: bool = False,
        **style: Any,
    ) -> None:
        """Write lines whose top is at ``y``; ``anchor`` is left, center or right of ``x``."""
        for number, line in enumerate(text.splitlines()):
            baseline = y + (ASCENT + number * LEADING) * size / POINTS
            self.figure.text(
                x / self.width,
                1 - baseline / self.height,
                line,
                horizontalalignment=anchor,
                verticalalignment="baseline",
                fontsize=size,
                family=FONT,
                color=GREY if grey else INK,
                parse_math=False,  # file names may hold dollars
                **style,
            )

    def box(self, axes: Any, region: Region, colour: str = ACCENT) -> None:
        """Frame a region of the picture in ``axes``, seen on any ground."""
        from matplotlib.patches import Rectangle

        corner = (region.x - 0.5, region.y - 0.5)
        for ink, width in ((INK, 1.8), (colour, 1.0)):
            axes.add_patch(
                Rectangle(
                    corner, region.width, region.height, fill=False, edgecolor=ink, linewidth=width, clip_on=False
                )
            )

    def circle(self, axes: Any, region: Region, colour: str = ACCENT) -> None:
        """Draw an ellipse around a region of the picture in ``axes``."""
        from matplotlib.patches import Ellipse

        centre = (region.x + region.width / 2 - 0.5, region.y + region.height / 2 - 0.5)
        for ink, width in ((INK, 1.5), (colour, 0.8)):
            axes.add_patch(
                Ellipse(centre, region.width, region.height, fill=False, edgecolor=ink, linewidth=width, clip_on=False)
            )

    def inset(self, image: NDArray[np.uint8], place: Place, share: float = 0.28) -> None:
        """A square thumbnail with a white frame in the lower right corner of a place."""
        side = share * min(place.width, place.height)
        pixels = round(side * DOTS)
        framed = np.full((pixels, pixels, 3), 255, np.uint8)
        framed[FRAME:, FRAME:] = thumbnail(image, pixels - FRAME)
        corner = Place(place.x + place.width - side, place.y + place.height - side, side, side)
        self.picture(framed, corner, smooth=True)

    def legend(self, legend: Legend, place: Place) -> None:
        """A bar of colours with what its ends and its middle stand for below it."""
        from napari_refvae.figures.maps import coloured

        bar = coloured(np.linspace(0, 1, 256)[None], legend.anchors)
        self.picture(bar, place, smooth=True)
        for label, share, anchor in zip(legend.labels, (0, 0.5, 1), ("left", "center", "right"), strict=True):
            self.text(label, place.x + share * place.width, place.y + place.height + 0.03, anchor=anchor, grey=True)

    def save(self, path: Path) -> None:
        """Write a ``.png`` or a ``.pdf`` whose lettering stays lettering.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        from matplotlib import rc_context

        with whole(path) as temporary, rc_context({"pdf.fonttype": 42, "pdf.compression": 4}):
            fast: dict[str, Any] = {"pil_kwargs": {"compress_level": 4}} if path.suffix == ".png" else {}
            self.figure.savefig(temporary, format=path.suffix.removeprefix("."), dpi=DOTS, **fast)

    def _fractions(self, place: Place) -> tuple[float, float, float, float]:
        """Left, bottom, width and height as matplotlib has them."""
        bottom = self.height - place.y - place.height
        return place.x / self.width, bottom / self.height, place.width / self.width, place.height / self.height
