"""What the user looks at: which planes of stacks, which part of the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["ViewWatcher", "require_plane_view", "visible_extent"]


class ViewWatcher:
    """Tells when a viewer shows something else, until it is stopped.

    Parameters
    ----------
    viewer
        The viewer.
    on_plane, on_view
        Called when other planes or axes are shown, and when the camera moves or the canvas has another size.
    """

    def __init__(self, viewer: Any, on_plane: Callable[..., None], on_view: Callable[..., None]) -> None:
        dims, camera = viewer.dims.events, viewer.scene.camera.events
        self._connected = [
            *((emitter, on_plane) for emitter in (dims.current_step, dims.order, dims.ndisplay)),
            *((emitter, on_view) for emitter in (camera.zoom, camera.center, viewer.canvas.events.size)),
        ]
        for emitter, callback in self._connected:
            emitter.connect(callback)

    def stop(self) -> None:
        """Tell nothing more."""
        for emitter, callback in self._connected:
            emitter.disconnect(callback)
        self._connected = []


def visible_extent(viewer: Any) -> NDArray[np.float64]:
    """The part of the world on the canvas, or in each box of its grid: ``((top, left), (bottom, right))``."""
    camera = viewer.scene.camera
    half = np.array(viewer.canvas.viewbox_size(viewer.layers), float) / camera.zoom / 2
    centre = np.array(camera.center[-2:], float)
    return np.stack([centre - half, centre + half])


def require_plane_view(viewer: Any, purpose: str, *, turned: bool = False) -> None:
    """Refuse views in which the canvas does not show rows downwards and columns to the right.

    Parameters
    ----------
    viewer
        The viewer.
    purpose
        What it is needed for, as it is called in a sentence: ``"the slider"``.
    turned
        Whether rows and columns may be exchanged: the plane of a stack that is shown is the same then.

    Raises
    ------
    InvalidInputError
        If the viewer is in 3D, its axes are rolled, or (unless ``turned``) exchanged.
    """
    if viewer.dims.ndisplay != 2:
        raise InvalidInputError(f"expected a 2D view for {purpose}; the viewer shows 3D: switch to 2D, then try again")
    shown, last = tuple(viewer.dims.displayed), (viewer.dims.ndim - 2, viewer.dims.ndim - 1)
    if shown != last and not (turned and shown == last[::-1]):
        raise InvalidInputError(
            f"expected the last two axes in their order on the canvas for {purpose}; got axes {shown}: "
            "undo the transposition or rolling of axes, then try again"
        )
