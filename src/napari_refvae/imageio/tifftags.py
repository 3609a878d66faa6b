"""What a TIFF file says besides its pixels: baseline tags, OME-XML, ImageJ's description.

Damaged descriptions say nothing; they never stand in the way of the pixels.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from tifffile import RESUNIT

from napari_refvae.imageio.tags import MOST_DPI, ImageTags, is_profile, positive_pair

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

__all__ = ["AxisSize", "axis_sizes", "tiff_tags"]

X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, PROFILE = 282, 283, 296, 34675  # of the TIFF 6.0 and ICC specifications

INCHES = {RESUNIT.INCH: 1.0, RESUNIT.CENTIMETER: 2.54}

AxisSize = tuple[float, str]
"""Size of one step along an axis, and its unit; the unit is empty if unknown."""


def tiff_tags(tiff: TiffFile, page: TiffPage) -> ImageTags:
    """Tags of one page.

    A size of pixels that a microscope wrote (OME, ImageJ) is taken as that; a plain resolution, as dots an inch.
    """
    profile = page.tags.valueof(PROFILE)
    sizes = axis_sizes(tiff)
    kept = profile if is_profile(profile) else None
    if "y" in sizes and "x" in sizes:
        (height, unit), (width, _) = sizes["y"], sizes["x"]
        return ImageTags(kept, None, (height, width), unit)
    return ImageTags(kept, _dpi(page))


def axis_sizes(tiff: TiffFile) -> dict[str, AxisSize]:
    """Sizes of the steps along t, z, y and x, as far as OME-XML or ImageJ's description says."""
    if tiff.ome_metadata:
        return _ome_sizes(tiff.ome_metadata)
    described = tiff.imagej_metadata
    return _imagej_sizes(described, tiff.pages.first) if isinstance(described, dict) else {}


def _dpi(page: TiffPage) -> tuple[float, float] | None:
    pair = _resolution(page)
    inches = INCHES.get(page.tags.valueof(RESOLUTION_UNIT, RESUNIT.INCH))
    return None if pair is None or inches is None else positive_pair((pair[0] * inches, pair[1] * inches), MOST_DPI)


def _resolution(page: TiffPage) -> tuple[float, float] | None:
    """Pixels a unit, ``(vertical, horizontal)``."""
    ratios = (page.tags.valueof(tag) for tag in (Y_RESOLUTION, X_RESOLUTION))
    try:
        return positive_pair(over / under for over, under in ratios)
    except (TypeError, ValueError, ArithmeticError):
        return None


def _ome_sizes(text: str) -> dict[str, AxisSize]:
    """``PhysicalSizeX`` and its kin, of the first image; micrometres and seconds are the standard's defaults."""
    try:
        pixels = next((element for element in ET.fromstring(text).iter() if element.tag.endswith("}Pixels")), None)
    except (ET.ParseError, ValueError):
        return {}
    if pixels is None:
        return {}
    names = {"x": "PhysicalSizeX", "y": "PhysicalSizeY", "z": "PhysicalSizeZ", "t": "TimeIncrement"}
    found = {}
    for axis, name in names.items():
        size = _positive(pixels.get(name))
        if size is not None:
            found[axis] = size, pixels.get(f"{name}Unit", "s" if axis == "t" else "µm")
    return found


def _imagej_sizes(described: dict[str, Any], page: TiffPage) -> dict[str, AxisSize]:
    """ImageJ keeps pixels a unit in the resolution tags, and the unit, slices and frames in words."""
    unit = str(described.get("unit", "")).replace("\\u00B5", "µ")
    if unit in ("", "pixel"):
        return {}
    pair = _resolution(page)
    found = {} if pair is None else {"y": (1 / pair[0], unit), "x": (1 / pair[1], unit)}
    for axis, name, of in (("z", "spacing", unit), ("t", "finterval", "s")):
        size = _positive(described.get(name))
        if size is not None:
            found[axis] = size, of
    return found


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < math.inf else None
