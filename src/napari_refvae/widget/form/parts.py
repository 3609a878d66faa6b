"""Which part of an image to super-resolve: all of it, what the viewer shows, or a rectangle of a shapes layer."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.regions import Region
from napari_refvae.widget.results.watching import require_plane_view, visible_extent

if TYPE_CHECKING:
    from napari.layers import Image, Shapes
    from numpy.typing import NDArray

__all__ = ["add_rectangle_layer", "rectangle_region", "view_region"]

HAIR = 1e-6
"""Of a pixel: so little of it is not seen, but rounding."""


def view_region(viewer: Any, layer: Image) -> Region:
    """The part of an image that the canvas shows, in pixels of its full resolution; with those that are seen in part.

    Of an image that is turned against the canvas, the box around what is shown.

    Raises
    ------
    InvalidInputError
        If the canvas shows nothing of it, or something else than rows and columns.
    """
    require_plane_view(viewer, "the part in view")
    top_left, bottom_right = visible_extent(viewer)
    place = np.array(viewer.dims.point, float)
    corners = []
    for corner in itertools.product(*zip(top_left, bottom_right, strict=True)):
        place[-2:] = corner
        corners.append(np.array(layer.world_to_data(place))[-2:] + 0.5)
    low, high = np.floor(np.min(corners, axis=0) + HAIR), np.ceil(np.max(corners, axis=0) - HAIR)
    region = _clipped(low, high, layer)
    if region is None:
        raise InvalidInputError(
            f"expected some of {layer.name!r} in view; got a view beside it: move it, or press Home"
        )
    return region


def rectangle_region(shapes: Shapes, layer: Image) -> Region:
    """The part of an image under the selected shape, or under the last one; of a turned one, its bounding box.

    Edges are those of pixels, nearest to the shape's.

    Raises
    ------
    InvalidInputError
        If there is no shape, or it lies beside the image.
    """
    if not len(shapes.data):
        raise InvalidInputError(f"expected a rectangle in {shapes.name!r}; got none: draw one on the image")
    chosen = max(shapes.selected_data, default=len(shapes.data) - 1)
    points = np.array([_pixel(shapes, layer, vertex) for vertex in shapes.data[chosen]])
    region = _region(points.min(axis=0), points.max(axis=0), layer)
    if region is None:
        raise InvalidInputError(
            f"expected a rectangle on the image {layer.name!r}; got one of {shapes.name!r} beside it: move it"
        )
    return region


def add_rectangle_layer(viewer: Any, layer: Image) -> Shapes:
    """A shapes layer on the image's grid, ready to draw a rectangle."""
    height, width = np.ptp(layer.extent.data, axis=0)[-2:] + 1
    placed = {name: getattr(layer, name) for name in ("scale", "translate", "rotate", "shear", "affine", "units")}
    shapes = viewer.add_shapes(
        ndim=layer.ndim,
        name="region",
        edge_color="#ffb000",
        face_color="transparent",
        edge_width=max(height, width) / 150,
        **placed,
    )
    shapes.mode = "add_rectangle"
    return shapes


def _pixel(shapes: Shapes, layer: Image, vertex: NDArray[Any]) -> NDArray[np.float64]:
    """A point of a shape in pixels of the image's last two axes."""
    world = np.array(shapes.data_to_world(vertex))
    missing = layer.ndim - len(world)
    return np.array(layer.world_to_data(np.concatenate((np.zeros(max(0, missing)), world))))[-2:]


def _region(low: NDArray[np.float64], high: NDArray[np.float64], layer: Image) -> Region | None:
    """Pixels between two corners, at least one; None if none lies on the image."""
    start, stop = np.rint(low + 0.5), np.rint(high + 0.5)
    thin = stop <= start  # there the pixel that it lies in
    middle = np.rint((low + high) / 2)
    return _clipped(np.where(thin, middle, start), np.where(thin, middle + 1, stop), layer)


def _clipped(start: NDArray[np.float64], stop: NDArray[np.float64], layer: Image) -> Region | None:
    """What lies on the image of the pixels from ``start`` to before ``stop``; None if nothing does."""
    shape = (layer.data[0] if layer.multiscale else layer.data).shape[layer.ndim - 2 : layer.ndim]
    (top, left), (bottom, right) = start.clip(0, shape).astype(int), stop.clip(0, shape).astype(int)
    if bottom <= top or right <= left:
        return None
    return Region(int(top), int(left), int(bottom - top), int(right - left))
