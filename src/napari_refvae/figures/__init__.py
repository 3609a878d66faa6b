"""Pictures of results: residuals, spread, and contact sheets in the manner of the paper's figures 1 and 5.

`comparison` and `residuals` are for print: the paper's figures 4 and 5, by matplotlib, which is an extra; import them
from their modules.

Pure functions from numpy to numpy or Pillow. Pictures are ``(H, W, 3)`` or ``(H, W)`` uint8; residuals
and spreads are floats in the units of the samples that they were made from.
"""

from __future__ import annotations

from napari_refvae.figures.maps import (
    Legend,
    residual_legend,
    residual_picture,
    spread_legend,
    spread_limit,
    spread_picture,
)
from napari_refvae.figures.overview import result_sheet
from napari_refvae.figures.sheet import Locator, Picture, PictureRow, contact_sheet
from napari_refvae.figures.views import enlarged, most_detailed, thumbnail

__all__ = [
    "Legend",
    "Locator",
    "Picture",
    "PictureRow",
    "contact_sheet",
    "enlarged",
    "most_detailed",
    "residual_legend",
    "residual_picture",
    "result_sheet",
    "spread_legend",
    "spread_limit",
    "spread_picture",
    "thumbnail",
]
