"""What a labels or shapes layer covers of an image, on the image's own pixels, wherever the layers lie in the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Shapes
from skimage.draw import polygon2mask

from napari_refvae.errors import InvalidInputError
from napari_refvae.widget.results.layers import shown_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image
    from numpy.typing import NDArray

__all__ = ["covered", "labels_on"]

CORNERS = 64
"""Of the polygon that stands for an ellipse."""


def covered(
    marks: Labels | Shapes, layer: Image, size: tuple[int, int], point: Sequence[float] | None = None
) -> NDArray[np.bool_]:
    """Which pixels of an image a layer covers: labels other than 0, or the inside of shapes.

    Parameters
    ----------
    marks, layer
        The layer, and the image. Of stacks, the planes that are shown count.
    size
        Of the image.
    point
        The viewer's position in the world, ``viewer.dims.point``; by default the first planes are meant.

    Raises
    ------
    InvalidInputError
        If it covers none.
    """
    if isinstance(marks, Labels):
        mask = labels_on(marks, layer, size, point) != 0
    else:
        outlines = (_outline(marks, index, layer) for index in _shown_shapes(marks, point))
        mask = np.zeros(size, bool)
        for outline in outlines:
            mask |= polygon2mask(size, outline)
    if not mask.any():
        raise InvalidInputError(f"expected something on the image in {marks.name!r}; got none: draw a region on it")
    return mask


def labels_on(
    marks: Labels, layer: Image, size: tuple[int, int], point: Sequence[float] | None = None
) -> NDArray[np.int32]:
    """The label under the centre of each pixel of an image, ``size``; 0 beside the labels; see `covered`."""
    plane = shown_plane(layer, point)
    start, below, beside = (_across(marks, layer, (*plane, *pixel)) for pixel in ((0, 0), (1, 0), (0, 1)))
    down, right = below - start, beside - start
    y, x = np.mgrid[: size[0], : size[1]]
    rows, columns = (np.rint(start[axis] + y * down[axis] + x * right[axis]).astype(int) for axis in (0, 1))
    values = marks.data[0] if marks.multiscale else marks.data
    values = np.asarray(values[shown_plane(marks, point)])
    inside = (rows >= 0) & (rows < values.shape[0]) & (columns >= 0) & (columns < values.shape[1])
    found = np.zeros(size, np.int32)
    found[inside] = values[rows[inside], columns[inside]]
    return found


def _across(marks: Any, layer: Image, pixel: tuple[int, ...]) -> NDArray[np.float64]:
    """A pixel of the image in the last two data axes of another layer."""
    world = np.array(layer.data_to_world(pixel))
    padded = np.concatenate((np.zeros(max(0, marks.ndim - len(world))), world))
    return np.array(marks.world_to_data(padded[-marks.ndim :]))[-2:]


def _shown_shapes(shapes: Shapes, point: Sequence[float] | None) -> list[int]:
    """Numbers of the shapes on the plane that is shown."""
    above = shapes.ndim - 2
    place = np.zeros(shapes.ndim) if point is None else np.array(shapes.world_to_data(tuple(point)))
    shown = np.rint(place[:above])
    return [index for index, corners in enumerate(shapes.data) if (np.rint(corners[:, :above]) == shown).all()]


def _outline(shapes: Shapes, index: int, layer: Image) -> NDArray[np.float64]:
    """A shape's corners in pixels of the image, ``(n, 2)``; pixel centres at whole numbers."""
    corners = np.array(shapes.data[index], float)
    if shapes.shape_type[index] == "ellipse":
        centre, turn = corners.mean(axis=0), np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)[:, None]
        to_right, to_top = (corners[1] - corners[0]) / 2, (corners[0] - corners[3]) / 2
        corners = centre + np.cos(turn) * to_right + np.sin(turn) * to_top
    points = []
    for corner in corners:
        world = np.array(shapes.data_to_world(corner))
        padded = np.concatenate((np.zeros(max(0, layer.ndim - len(world))), world))
        points.append(np.array(layer.world_to_data(padded))[-2:])
    return np.array(points)
