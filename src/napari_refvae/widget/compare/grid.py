"""Side by side: the chosen pictures in napari's grid, whose boxes share one camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_refvae.widget.compare.canvas import fit_into_view, is_seen_closely, show_plane
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


_Camera: TypeAlias = tuple[tuple[float, ...], float]
"""Centre and zoom."""

LABEL = "visible", "font_size", "position"
"""What the grid changes of how a layer's name is shown."""


@dataclass(eq=False)
class _Before:
    """How things were before the grid."""

    grid: dict[str, Any]
    visible: dict[Image, bool] = field(default_factory=dict)
    labelled: dict[Image, dict[str, Any]] = field(default_factory=dict)  # how their names are shown
    zoomed: float = 1.0  # by how much the camera was moved back
    camera: _Camera | None = None  # where it was, if the grid has moved it to the pictures ...
    fitted: _Camera | None = None  # ... and where to


class SideBySide:
    """Pictures in napari's grid, each under its name, all at the place that was in view.

    Each box shows a whole picture, and the view is put back when the grid goes. If the user had zoomed in, each box
    shows what the canvas showed: the view is widened for that, and narrowed as much in the end.

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
        before = self._before or self._begin(pictures[-1])
        fits = self._is_at(before.fitted)
        staying = {new.key for new in pictures for old in self._shown if same(new, old)}
        self._give_back([key for key in self._borrowed if key not in staying])
        self._shown = list(pictures)
        members = [picture.layer or self._borrow(picture) for picture in reversed(pictures)]
        for layer in self._viewer.layers:
            before.visible.setdefault(layer, layer.visible)  # some come while the grid is on
            layer.visible = layer in members
        self._cut_canvas(before)
        if fits:
            self._fit(pictures[-1], before)
        for layer in members:
            before.labelled.setdefault(layer, {name: getattr(layer.name_overlay, name) for name in LABEL})
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
        for layer, label in before.labelled.items():
            for name, value in label.items():
                setattr(layer.name_overlay, name, value)
        if before.camera is not None and self._is_at(before.fitted):
            self._camera = before.camera
        else:
            self._zoom(1 / before.zoomed)
        self.ended.emit()

    def _begin(self, picture: Shown) -> _Before:
        """Note how things are, and turn to a picture unless the user looks at it closely."""
        grid = self._viewer.canvas.grid
        state = {name: getattr(grid, name) for name in ("enabled", "stride", "shape", "spacing")}
        self._before = _Before(state)
        show_plane(self._viewer, picture)
        if not is_seen_closely(self._viewer, picture):
            self._before.camera = self._camera
            fit_into_view(self._viewer, picture)
            self._before.fitted = self._camera
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

    @property
    def _camera(self) -> _Camera:
        camera = self._viewer.scene.camera
        return tuple(camera.center), float(camera.zoom)

    @_camera.setter
    def _camera(self, place: _Camera) -> None:
        self._viewer.scene.camera.center, self._viewer.scene.camera.zoom = place

    def _is_at(self, place: _Camera | None) -> bool:
        """Whether the camera is there; the canvas rounds where it is."""
        if place is None:
            return False
        (centre, zoom), (here, now) = place, self._camera
        return bool(np.allclose(here, centre) and np.isclose(now, zoom))

    def _cut_canvas(self, before: _Before) -> None:
        """Have boxes, as many as are needed, and in each what the canvas showed."""
        grid = self._viewer.canvas.grid
        grid.stride, grid.shape, grid.spacing, grid.enabled = -1, (-1, -1), SPACING, True
        old, before.zoomed = before.zoomed, self._box_fraction()
        self._zoom(before.zoomed / old)

    def _fit(self, picture: Shown, before: _Before) -> None:
        """Let the picture fill its box; the whole canvas it fills at a zoom that is as many times as large."""
        on_canvas = self._camera[1] / before.zoomed
        fit_into_view(self._viewer, picture)
        before.fitted = self._camera
        before.zoomed = before.fitted[1] / on_canvas

    def _label(self, layer: Image) -> None:
        """Name a box, in letters that fit into it; of names that do not fit the end is seen, which tells samples."""
        room = self._viewer.canvas.viewbox_size(self._viewer.layers)[1] - LABEL_MARGIN
        size = room / (LETTER * max(1, len(layer.name)))
        overlay = layer.name_overlay
        overlay.font_size = float(np.clip(size, SMALLEST, LARGEST))
        overlay.position = "top_right" if size < SMALLEST else "top_left"
        overlay.visible = True

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
