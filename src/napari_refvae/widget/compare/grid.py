"""Side by side: the chosen pictures in napari's grid, whose boxes share one camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_refvae.widget.compare.canvas import bring_into_view
from napari_refvae.widget.compare.composites import Composite, same
from napari_refvae.widget.compare.filling import Filling
from napari_refvae.widget.results.listing import insert_layer, remove_layers
from napari_refvae.widget.results.watching import require_plane_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image

    from napari_refvae.widget.compare.composites import Shown

__all__ = ["SideBySide"]

SPACING = 4  # screen pixels

SMALLEST, LARGEST = 6.0, 10.0
"""Size of the names in the boxes, in points; the largest is napari's own."""

LETTER = 0.97
"""Width of a letter in screen pixels per point, on average; for napari's font, as measured."""

LABEL_MARGIN = 20  # screen pixels


@dataclass(eq=False)
class _Before:
    """How things were before the grid."""

    grid: dict[str, Any]
    visible: dict[Image, bool] = field(default_factory=dict)
    labelled: dict[Image, tuple[bool, float]] = field(default_factory=dict)  # visibility and size of their names
    zoomed: float = 1.0  # by how much the camera was moved back


class SideBySide:
    """Pictures in napari's grid, each under its name, all at the place that was in view.

    The view is widened so that each box shows what the canvas showed; when the grid goes, it is narrowed as much. If
    it showed little of the pictures, it turns to them first.

    Parameters
    ----------
    viewer
        Where to show them.
    """

    ended = Signal()
    """The grid is gone: by `stop`, or as the user switched napari's grid off or turned to other axes."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._before: _Before | None = None
        self._borrowed: dict[str, Image] = {}  # layers of pictures that have none, by key
        self._shown: list[Shown] = []
        self._filling = Filling()

    @property
    def active(self) -> bool:
        """Whether the grid is shown."""
        return self._before is not None

    def show(self, pictures: Sequence[Shown]) -> None:
        """Show these and no other layers, first at the top left; again for others.

        Raises
        ------
        InvalidInputError
            If the view is in 3D or its axes are exchanged.
        """
        if not pictures:
            return
        if self.active and self._is_shown(pictures):
            self._shown = list(pictures)
            return
        if self._before is None:
            require_plane_view(self._viewer, "the grid")
            bring_into_view(self._viewer, pictures[-1])
        before = self._before or self._begin()
        staying = {new.key for new in pictures for old in self._shown if same(new, old)}
        self._give_back([key for key in self._borrowed if key not in staying])
        self._shown = list(pictures)
        members = [picture.layer or self._borrow(picture) for picture in reversed(pictures)]
        for layer in self._viewer.layers:
            before.visible.setdefault(layer, layer.visible)  # some come while the grid is on
            layer.visible = layer in members
        grid = self._viewer.canvas.grid
        grid.stride, grid.shape, grid.spacing, grid.enabled = -1, (-1, -1), SPACING, True
        old, before.zoomed = before.zoomed, self._box_fraction()
        self._zoom(before.zoomed / old)
        for layer in members:
            before.labelled.setdefault(layer, (layer.name_overlay.visible, layer.name_overlay.font_size))
            self._label(layer)
        QTimer.singleShot(0, self._redraw)

    def stop(self, *_: Any) -> None:
        """Put back what the grid changed: napari's grid, which layers are visible, the zoom."""
        before, self._before = self._before, None
        if before is None:
            return
        grid = self._viewer.canvas.grid
        grid.events.enabled.disconnect(self._switched)
        for event in self._axis_events():
            event.disconnect(self.stop)
        self._shown = []
        self._give_back([*self._borrowed])
        for name, value in before.grid.items():
            setattr(grid, name, value)
        for layer, visible in before.visible.items():
            if layer in self._viewer.layers:
                layer.visible = visible
        for layer, (visible, size) in before.labelled.items():
            layer.name_overlay.visible, layer.name_overlay.font_size = visible, size
        self._zoom(1 / before.zoomed)
        self.ended.emit()

    def _begin(self) -> _Before:
        grid = self._viewer.canvas.grid
        state = {name: getattr(grid, name) for name in ("enabled", "stride", "shape", "spacing")}
        self._before = _Before(state)
        grid.events.enabled.connect(self._switched)
        for event in self._axis_events():
            event.connect(self.stop)
        return self._before

    def _axis_events(self) -> list[Any]:
        return [self._viewer.dims.events.ndisplay, self._viewer.dims.events.order]

    def _is_shown(self, pictures: Sequence[Shown]) -> bool:
        return len(pictures) == len(self._shown) and all(map(same, pictures, self._shown))

    def _borrow(self, picture: Shown) -> Image:
        """The temporary layer of a picture that has none."""
        if picture.key not in self._borrowed:
            layer = self._borrowed[picture.key] = picture.temporary_layer()
            insert_layer(self._viewer.layers, len(self._viewer.layers), layer)
            if isinstance(picture, Composite):
                self._filling.add(layer, picture.mix_into(layer.data[(0,) * (layer.ndim - 2)]))
        return self._borrowed[picture.key]

    def _label(self, layer: Image) -> None:
        """Name a box, in letters that fit into it."""
        room = self._viewer.canvas.viewbox_size(self._viewer.layers)[1] - LABEL_MARGIN
        size = room / (LETTER * max(1, len(layer.name)))
        layer.name_overlay.font_size = float(np.clip(size, SMALLEST, LARGEST))
        layer.name_overlay.visible = True

    def _give_back(self, keys: Sequence[str]) -> None:
        layers = [self._borrowed.pop(key) for key in keys]
        for layer in layers:
            self._filling.drop(layer)
        remove_layers(self._viewer.layers, layers)

    def _redraw(self) -> None:
        """Have the canvas drawn: napari sizes new boxes only then, and does not always ask for it."""
        shown = next((layer for layer in self._viewer.layers if layer.visible), None)
        if self.active and shown is not None:
            shown.refresh()

    def _box_fraction(self) -> float:
        canvas = self._viewer.canvas
        return float(min(np.array(canvas.viewbox_size(self._viewer.layers)) / np.array(canvas.size)))

    def _zoom(self, factor: float) -> None:
        if factor != 1:
            self._viewer.scene.camera.zoom *= factor

    def _switched(self, event: Any) -> None:
        if not event.value and self._before is not None:
            self._before.grid["enabled"] = False
            self.stop()
