"""Which part of an image to super-resolve: all of it, what the viewer shows, or a rectangle of a shapes layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.regions import Region

if TYPE_CHECKING:
    from napari.layers import Image, Shapes
    from numpy.typing import NDArray

__all__ = ["add_rectangle_layer", "rectangle_region", "view_region"]


def view_region(layer: Image) -> Region:
    """The part of an image that the canvas shows, in pixels of its full resolution.

    Raises
    ------
    InvalidInputError
        If the canvas shows nothing of it.
    """
    corners = np.array(layer.corner_pixels, float)[:, -2:]
    if layer.multiscale:
        corners = corners * np.array(layer.downsample_factors[layer.data_level])[-2:]
    region = _region(corners[0] - 0.5, corners[1] + 0.5, layer)
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
    shape = (layer.data[0] if layer.multiscale else layer.data).shape[layer.ndim - 2 : layer.ndim]
    start, stop = np.rint(low + 0.5), np.rint(high + 0.5)
    thin = stop <= start  # there the pixel that it lies in
    start = np.where(thin, np.rint((low + high) / 2), start).clip(0, shape).astype(int)
    stop = np.where(thin, np.rint((low + high) / 2) + 1, stop).clip(0, shape).astype(int)
    if (stop <= start).any():
        return None
    return Region(int(start[0]), int(start[1]), int(stop[0] - start[0]), int(stop[1] - start[1]))
