"""Side by side: the chosen pictures in napari's grid, whose boxes share one camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image

    from napari_refvae.widget.compare.pictures import Picture

__all__ = ["SideBySide"]

SPACING = 4  # screen pixels


@dataclass(eq=False)
class _Before:
    """How things were before the grid."""

    grid: dict[str, Any]
    visible: dict[Image, bool]
    labelled: dict[Image, bool] = field(default_factory=dict)
    zoomed: float = 1.0  # by how much the camera was moved back


class SideBySide:
    """Pictures in napari's grid, each under its name, all at the place that was in view.

    The view is widened so that each box shows what the canvas showed; when the grid goes, it is narrowed as much.

    Parameters
    ----------
    viewer
        Where to show them.
    """

    ended = Signal()
    """The grid is gone, by `stop` or by the user switching napari's grid off."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._before: _Before | None = None
        self._temporary: list[Image] = []
        self._keys: list[str] = []

    @property
    def active(self) -> bool:
        """Whether the grid is shown."""
        return self._before is not None

    def show(self, pictures: Sequence[Picture]) -> None:
        """Show these and no other layers, first at the top left; again for others."""
        keys = [picture.key for picture in pictures]
        if self._before is not None and keys == self._keys:
            return
        self._keys, before = keys, self._before or self._begin()
        self._drop_temporary()
        members = [picture.layer or self._borrow(picture) for picture in reversed(pictures)][::-1]
        for layer in self._viewer.layers:
            layer.visible = layer in members
        for layer in members:
            before.labelled.setdefault(layer, layer.name_overlay.visible)
            layer.name_overlay.visible = True
        self._zoom(1 / before.zoomed)
        grid = self._viewer.canvas.grid
        grid.stride, grid.shape, grid.spacing, grid.enabled = -1, (-1, -1), SPACING, True
        before.zoomed = self._box_fraction()
        self._zoom(before.zoomed)

    def stop(self) -> None:
        """Put back what the grid changed: napari's grid, which layers are visible, the zoom."""
        before, self._before = self._before, None
        if before is None:
            return
        grid = self._viewer.canvas.grid
        grid.events.enabled.disconnect(self._switched)
        self._drop_temporary()
        for name, value in before.grid.items():
            setattr(grid, name, value)
        for layer, visible in before.visible.items():
            if layer in self._viewer.layers:
                layer.visible = visible
        for layer, labelled in before.labelled.items():
            layer.name_overlay.visible = labelled
        self._zoom(1 / before.zoomed)
        self.ended.emit()

    def _begin(self) -> _Before:
        grid = self._viewer.canvas.grid
        state = {name: getattr(grid, name) for name in ("enabled", "stride", "shape", "spacing")}
        self._before = _Before(state, {layer: layer.visible for layer in self._viewer.layers})
        grid.events.enabled.connect(self._switched)
        return self._before

    def _borrow(self, picture: Picture) -> Image:
        """A temporary layer for a picture that has none."""
        layer = picture.temporary_layer()
        selected = set(self._viewer.layers.selection)
        self._viewer.layers.append(layer)
        self._viewer.layers.selection = selected
        self._temporary.append(layer)
        return layer

    def _drop_temporary(self) -> None:
        while self._temporary:
            layer = self._temporary.pop()
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _box_fraction(self) -> float:
        canvas = self._viewer.canvas
        return float(min(np.array(canvas.viewbox_size(self._viewer.layers)) / np.array(canvas.size)))

    def _zoom(self, factor: float) -> None:
        self._viewer.scene.camera.zoom *= factor

    def _switched(self, event: Any) -> None:
        if not event.value and self._before is not None:
            self._before.grid["enabled"] = False
            self.stop()
