"""What the user looks at: which planes of stacks, which part of the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ViewWatcher"]


class ViewWatcher:
    """Tells when a viewer shows something else, until it is stopped.

    Parameters
    ----------
    viewer
        The viewer.
    on_plane, on_view
        Called when other planes are shown, and when the camera moves.
    """

    def __init__(self, viewer: Any, on_plane: Callable[..., None], on_view: Callable[..., None]) -> None:
        camera = viewer.scene.camera
        self._connected = [
            (viewer.dims.events.current_step, on_plane),
            (camera.events.zoom, on_view),
            (camera.events.center, on_view),
        ]
        for emitter, callback in self._connected:
            emitter.connect(callback)

    def stop(self) -> None:
        """Tell nothing more."""
        for emitter, callback in self._connected:
            emitter.disconnect(callback)
        self._connected = []
