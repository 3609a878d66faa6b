"""What of the world the canvas shows, and what it has to show for a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.widget.results.watching import visible_extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.widget.compare.composites import Shown

__all__ = ["bring_into_view", "fit_into_view", "is_seen_closely", "show_plane", "visible_part"]

TOO_SMALL = 0.5
"""A picture that fills less of the canvas than this, both across and down, cannot be judged there."""

NEARLY_ALL = 0.9
"""Of a picture, across or down: who sees less has zoomed into it."""

MARGIN = 0.05
"""Of the canvas, around a picture that is brought into view."""


def visible_part(viewer: Any, picture: Shown) -> NDArray[np.float64] | None:
    """The part of a picture's upright box that is on the canvas; None if nothing is."""
    shown, whole = visible_extent(viewer), picture.extent
    part = np.stack([np.maximum(shown[0], whole[0]), np.minimum(shown[1], whole[1])])
    return part if (part[1] > part[0]).all() else None


def show_plane(viewer: Any, picture: Shown) -> None:
    """Turn to the plane of a stack that a picture lies in; the axes of single images stay where they are."""
    if picture.stack is not None:
        point = picture.stack.point
        first = viewer.dims.ndim - 2 - len(point)
        viewer.dims.set_point(range(first, first + len(point)), tuple(point))


def bring_into_view(viewer: Any, picture: Shown) -> None:
    """Let a picture fill the canvas, unless the user looks at it already: closely, or at most of it."""
    show_plane(viewer, picture)
    if viewer.dims.ndisplay != 2:
        return
    shown, part = visible_extent(viewer), visible_part(viewer, picture)
    if part is not None and ((part[1] - part[0]) >= TOO_SMALL * (shown[1] - shown[0])).any():
        return
    fit_into_view(viewer, picture)


def is_seen_closely(viewer: Any, picture: Shown) -> bool:
    """Whether the user looks at a part of a picture: the canvas is full of that, and shows not all of it."""
    shown, whole, part = visible_extent(viewer), picture.extent, visible_part(viewer, picture)
    if part is None:
        return False
    seen = part[1] - part[0]
    fills = (seen >= TOO_SMALL * (shown[1] - shown[0])).any()
    return bool(fills and (seen < NEARLY_ALL * (whole[1] - whole[0])).any())


def fit_into_view(viewer: Any, picture: Shown) -> None:
    """Let a picture fill the canvas, or each box of its grid."""
    top_left, bottom_right = picture.extent
    camera = viewer.scene.camera
    camera.center = (*camera.center[:-2], *((top_left + bottom_right) / 2))
    room = np.array(viewer.canvas.viewbox_size(viewer.layers), float) * (1 - MARGIN)
    camera.zoom = float((room / (bottom_right - top_left)).min())
