"""One run on one page: the input, each reference's samples with their residuals, and all of them together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.figures.maps import (
    residual_legend,
    residual_picture,
    spread_legend,
    spread_limit,
    spread_picture,
)
from napari_refvae.figures.sheet import Locator, Picture, PictureRow, contact_sheet
from napari_refvae.figures.views import as_rgb, enlarged, most_detailed
from napari_refvae.metrics import psnr_y

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL import Image

    from napari_refvae.engine.result import SuperResolutionResult
    from napari_refvae.spec import Region

__all__ = ["result_sheet"]

GAIN = 5.0
WINDOW = (336, 448)
"""Largest window of an image that a sheet shows, in HR pixels."""

NOTES = {"self": "reference:\nthe input itself", "none": "no reference:\na random code"}


def result_sheet(
    result: SuperResolutionResult,
    title: str,
    *,
    original: NDArray[np.uint8] | None = None,
    faithful: NDArray[np.uint8] | None = None,
    insets: Mapping[str, NDArray[np.uint8]] | None = None,
    columns: int = 4,
    focus: Region | None = None,
    footer: str = "",
) -> Image.Image:
    """Lay a run out in the manner of the paper's figures 1 and 5.

    First the input, the bicubic up-sampling and, where given, the faithful output and the original; then
    for each reference a row of samples and one of residuals (x5, against the original, or the bicubic
    up-sampling where there is none); last the mean and the spread of all.

    Parameters
    ----------
    result
        Grey or RGB, 8 bits.
    title
        Headline of the page.
    original
        The ground truth, like one sample.
    faithful
        The output with ``vividness=0``, like one sample.
    insets
        Name of a reference to the picture in the corner of its first sample.
    columns
        Samples shown a reference, at most.
    focus
        The HR region to show; by default the whole image or, if that is large, its most detailed part.
    footer
        A line at the bottom, such as the licence of the photograph.

    Raises
    ------
    InvalidInputError
        If the result is not 8-bit grey or RGB.
    """
    if result.sr.dtype != np.uint8 or result.sr.shape[3:] not in ((), (3,)):
        raise InvalidInputError(f"expected 8-bit grey or RGB samples; got {result.sr.dtype} {result.sr.shape}")
    whole = result.bicubic if original is None else original
    region = most_detailed(whole, WINDOW, result.scale) if focus is None else focus
    page = _Overview(result, original, faithful, insets or {}, region)
    rows = [page.input_row(), *page.reference_rows(columns), page.summary_row()]
    shown_whole = (region.height, region.width) == whole.shape[:2]
    locator = None if shown_whole else Locator(as_rgb(whole), region)
    return contact_sheet(title, page.subtitle(), rows, footer=footer, locator=locator)


class _Overview:
    """The rows of one page."""

    def __init__(
        self,
        result: SuperResolutionResult,
        original: NDArray[np.uint8] | None,
        faithful: NDArray[np.uint8] | None,
        insets: Mapping[str, NDArray[np.uint8]],
        region: Region,
    ) -> None:
        self.result, self.original, self.faithful, self.insets = result, original, faithful, insets
        self.region = region
        self.base = result.bicubic if original is None else original
        self.against = "bicubic" if original is None else "original"

    def subtitle(self) -> str:
        height, width = self.result.lr.shape[:2]
        tall, wide = self.result.bicubic.shape[:2]
        samples = _counted(len(self.result), "sample")
        references = _counted(len(set(self.result.references)), "reference")
        return f"{self.result.scale}x: {width} x {height} to {wide} x {tall} pixels  ·  {samples}, {references}"

    def input_row(self) -> PictureRow:
        height, width = self.result.lr.shape[:2]
        small = enlarged(as_rgb(self.result.lr), self.result.scale)
        pictures = [
            self._picture(small, "low resolution", f"{width} x {height}"),
            self._picture(self.result.bicubic, "bicubic", self._psnr(self.result.bicubic)),
        ]
        if self.faithful is not None:
            pictures.append(self._picture(self.faithful, "faithful (vividness 0)", self._psnr(self.faithful)))
        if self.original is not None:
            pictures.append(self._picture(self.original, "original"))
        return PictureRow("Input", "the model sees only\nthe first picture", tuple(pictures))

    def reference_rows(self, columns: int) -> list[PictureRow]:
        rows = []
        for name in dict.fromkeys(self.result.references):
            shown = [i for i, reference in enumerate(self.result.references) if reference == name][:columns]
            samples = [self._sample(i, inset=self.insets.get(name) if i == shown[0] else None) for i in shown]
            residuals = tuple(self._residual(self.result.sr[i]) for i in shown)
            rows.append(PictureRow(name, NOTES.get(name, "reference"), tuple(samples)))
            note = f"x{GAIN:g}, sample\nminus {self.against}"
            rows.append(PictureRow("Residual", note, residuals, residual_legend(GAIN), joined=True))
        return rows

    def summary_row(self) -> PictureRow:
        mean = np.rint(self.result.mean).astype(np.uint8)
        spread = self.result.std
        limit = spread_limit(spread)
        pictures = [
            self._picture(mean, f"mean of {_counted(len(self.result), 'sample')}", self._psnr(mean)),
            self._picture(spread_picture(spread, limit), "spread (standard deviation)"),
        ]
        if self.original is not None:
            pictures.append(self._residual(self.result.bicubic, "residual of bicubic"))
            if self.faithful is not None:
                pictures.append(self._residual(self.faithful, "residual of faithful"))
        return PictureRow("Together", "mean and spread\nof all samples", tuple(pictures), spread_legend(limit))

    def _sample(self, index: int, inset: NDArray[np.uint8] | None) -> Picture:
        consistency = self.result.lr_psnr[index]
        figure = "LR exact" if math.isinf(consistency) else f"LR-PSNR {consistency:.1f} dB"
        return self._picture(self.result.sr[index], f"seed {self.result.seeds[index]}", figure, inset)

    def _residual(self, image: NDArray[np.uint8], caption: str = "") -> Picture:
        return self._picture(residual_picture(image.astype(np.float32) - self.base, GAIN), caption)

    def _picture(
        self, image: NDArray[Any], caption: str = "", figure: str = "", inset: NDArray[np.uint8] | None = None
    ) -> Picture:
        return Picture(as_rgb(image[self.region.slices]), caption, figure, inset)

    def _psnr(self, image: NDArray[np.uint8]) -> str:
        if self.original is None or min(self.original.shape[:2]) <= 16:
            return ""
        value = psnr_y(as_rgb(image), as_rgb(self.original))
        return "exact" if math.isinf(value) else f"{value:.2f} dB"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
