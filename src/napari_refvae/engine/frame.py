"""Which part of an image a run makes, how much around it has to be computed, and at which scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_refvae.errors import InvalidSpecError
from napari_refvae.regions import Region

if TYPE_CHECKING:
    from napari_refvae.spec import Consistency

__all__ = ["DOWNSAMPLING_REACH", "PROJECTION_REACH", "Frame", "check_scale", "plan_frame"]

DOWNSAMPLING_REACH = 2
"""LR pixels that D looks beyond an LR pixel: one and a half."""

PROJECTION_REACH = 16
"""LR pixels of context that a projected pixel needs.

The filter of U decays by a factor of three a pixel, and clamping in between never makes a difference larger: after
all rounds of the projection, what is cut off here moves a value by less than 1e-5 of the range.
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of an image that a run makes, in LR pixels of the whole image.

    Attributes
    ----------
    size
        Of the whole image.
    region
        What comes out.
    window
        What is decoded and projected, so that the region comes out as it would of the whole image.
    """

    size: tuple[int, int]
    region: Region
    window: Region


def plan_frame(size: tuple[int, int], region: Region | None, consistency: Consistency | None) -> Frame:
    """Frame a ``region`` (None: all) of an image of ``size``."""
    region = region or Region(0, 0, *size)
    margin = DOWNSAMPLING_REACH if consistency is None else PROJECTION_REACH
    return Frame(size, region, region.padded(margin, size))


def check_scale(scale: int | None, finest: int) -> int:
    """The scale of a run's results with a model of scale ``finest``, which None means.

    Raises
    ------
    InvalidSpecError
        If the model cannot give it; those that it can are listed.
    """
    if scale is None:
        return finest
    good = [factor for factor in range(2, finest + 1) if finest % factor == 0]
    if scale not in good:
        raise InvalidSpecError(f"scale must be one of {', '.join(map(str, good))} with this model; got {scale}")
    return scale
