"""Writing stacks as OME-TIFF, plane by plane: no more than one of them is in memory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_refvae.errors import OutputError
from napari_refvae.imageio.writing import OME, OME_DTYPES, check_ome, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from napari_refvae.imageio.layout import Layout

__all__ = ["write_stack"]

CLASSIC_BYTES = 2**32 - 2**25
"""Larger files are BigTIFF; the rest of the 4 GiB is for descriptions."""

SIZES = {"x": "PhysicalSizeX", "y": "PhysicalSizeY", "z": "PhysicalSizeZ", "t": "TimeIncrement"}

UNITS = {"micrometer": "µm", "um": "µm", "micron": "µm", "nanometer": "nm", "millimeter": "mm", "centimeter": "cm"}
UNITS |= {"meter": "m", "second": "s", "millisecond": "ms", "minute": "min"}
"""What OME-XML calls the units of OME-Zarr and ImageJ."""


def write_stack(path: Path | str, layout: Layout, dtype: Any, planes: Iterable[NDArray[Any]]) -> None:
    """Write planes as one OME-TIFF that is there whole or not at all.

    Parameters
    ----------
    path
        Ends in .tif or .tiff; its folder exists. 16-bit floats and 64-bit integers, which OME-TIFF cannot hold, are
        written to a plain TIFF whose description names the axes, unless the name says .ome.tif.
    layout
        Axes and their steps, such as ``source.layout.enlarged(8)``. Places in the world are not kept: the format has
        no words for them.
    dtype
        Of the pixels: integers or floats.
    planes
        ``(H, W)`` or ``(H, W, C)``, in the order of ``layout.planes()``.

    Raises
    ------
    OutputError
        If the file cannot be written, or the planes do not fit the layout; nothing is left behind.
    """
    path, stored = Path(path), np.dtype(dtype).newbyteorder("=")
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise OutputError(f"expected .tif or .tiff as the suffix of a stack; got {path.suffix!r}: rename the output")
    if stored.kind not in "uif" or stored.itemsize > 8:
        raise OutputError(f"expected integers or floats of up to 64 bits to write; got {stored}: convert them first")
    if path.name.lower().endswith(OME):
        check_ome(path, stored)
    ome = stored.name in OME_DTYPES
    colours = (layout.axis(layout.colour).length,) if layout.colour else ()
    plane = (*layout.size, *colours)
    shape = (*(axis.length for axis in layout.leading), *plane)
    axes = "".join(axis.name for axis in layout.leading) + "yx" + "s" * len(colours)
    with whole(path) as temporary:
        tifffile.imwrite(
            temporary,
            _checked(planes, layout.count, plane, stored),
            shape=shape,
            dtype=stored,
            ome=ome,
            bigtiff=math.prod(shape) * stored.itemsize > CLASSIC_BYTES,
            photometric="rgb" if colours else "minisblack",
            extrasamples=["unassalpha"] if colours == (4,) else None,
            metadata={"axes": axes.upper(), **(_sizes(layout) if ome else {})},
        )


def _checked(
    planes: Iterable[NDArray[Any]], count: int, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Iterator[NDArray[Any]]:
    """The planes, if they are as many and as large as they should be."""
    number = 0
    for plane in planes:
        if plane.shape != shape or number == count:
            raise OutputError(f"expected {count} planes of shape {shape}; got one more, of {plane.shape}")
        number += 1
        yield np.ascontiguousarray(plane, dtype)
    if number != count:
        raise OutputError(f"expected {count} planes of shape {shape}; got {number}")


def _sizes(layout: Layout) -> dict[str, Any]:
    """Steps in the words of OME-XML, of those axes whose unit is known."""
    found: dict[str, Any] = {}
    for axis in layout.axes:
        if axis.unit and axis.name in SIZES:
            found |= {SIZES[axis.name]: axis.scale, f"{SIZES[axis.name]}Unit": UNITS.get(axis.unit, axis.unit)}
    return found
