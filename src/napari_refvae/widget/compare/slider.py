"""Before and after: a divider that is dragged over the image, with one picture left of it and another one right.

napari cannot clip an image layer in 2D (its clipping planes act on volumes and vectors). So the two halves are drawn
into one temporary layer at the screen's resolution, which lies on top and follows the view. No other layer is
touched: taking that one away restores everything, and turned or sheared images need no special case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_refvae.widget.compare.canvas import bring_into_view, visible_part
from napari_refvae.widget.compare.divided import halves, mark, screen_window
from napari_refvae.widget.compare.pictures import comparison_metadata
from napari_refvae.widget.results.geometry import Geometry
from napari_refvae.widget.results.listing import insert_layer
from napari_refvae.widget.results.watching import require_plane_view

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

    from napari_refvae.widget.compare.composites import Shown
    from napari_refvae.widget.compare.rendering import Window

__all__ = ["BeforeAfter"]

GRAB = 10
"""How near to the divider the mouse takes hold of it, in screen pixels."""

_UPRIGHT = Geometry(np.ones(2), np.zeros(2), np.eye(2), np.eye(2), np.eye(3), (), ())

LOOKS = ("contrast_limits", "gamma", "colormap", "blending")


class BeforeAfter:
    """A divider between two pictures.

    The divider has a place in the world, so it stays with the image when the view moves.

    Parameters
    ----------
    viewer
        Where to show it.
    density
        Says how many device pixels a screen pixel has: 2 on many laptops. Asked at each drawing: a window may be moved
        to another screen.
    """

    moved = Signal(float)
    """The divider's place changed: its fraction of the visible width of the image, 0..1."""
    ended = Signal()
    """It was taken away, by `stop` or by the user removing its layer."""

    def __init__(self, viewer: Any, density: Callable[[], float] = lambda: 1.0) -> None:
        self._viewer = viewer
        self._density = density
        self._pair: tuple[Shown, Shown] | None = None
        self._watched: list[Any] = []  # events of the layers that the pair looks like
        self._layer: Image | None = None
        self._place = 0.0  # world coordinate of the divider along the last axis
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw)
        self._mouse = self._drag  # bound methods are made anew each time: one to add and to remove

    @property
    def active(self) -> bool:
        """Whether the divider is there."""
        return self._layer is not None

    def start(self, left: Shown, right: Shown) -> None:
        """Show the divider in the middle of what is visible of the image; if that is little, of the whole image.

        Raises
        ------
        InvalidInputError
            If the view is in 3D or its axes are exchanged.
        """
        require_plane_view(self._viewer, "the slider")
        self.stop()
        bring_into_view(self._viewer, right)
        self._layer = _layer(left)
        insert_layer(self._viewer.layers, len(self._viewer.layers), self._layer)
        self._viewer.mouse_drag_callbacks.append(self._mouse)
        for event in self._view_events():
            event.connect(self._schedule)
        for event in self._axis_events():
            event.connect(self.stop)
        self._viewer.layers.events.inserted.connect(self._stay_on_top)
        self._viewer.layers.events.removed.connect(self._layer_removed)
        self._watch((left, right))
        self.fraction = 0.5

    def choose(self, left: Shown, right: Shown) -> None:
        """Compare others; the divider stays where it is."""
        if self.active:
            self._watch((left, right))
            self._draw()

    def stop(self, *_: Any) -> None:
        """Take the divider away; it goes by itself when the canvas shows other axes."""
        layer, self._layer = self._layer, None
        if layer is None:
            return
        self._timer.stop()
        self._watch(None)
        self._viewer.mouse_drag_callbacks.remove(self._mouse)
        for event in self._view_events():
            event.disconnect(self._schedule)
        for event in self._axis_events():
            event.disconnect(self.stop)
        self._viewer.layers.events.inserted.disconnect(self._stay_on_top)
        self._viewer.layers.events.removed.disconnect(self._layer_removed)
        if layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
        self.ended.emit()

    @property
    def fraction(self) -> float:
        """Where the divider is: 0 at the left end of what is visible of the image, 1 at the right."""
        part = self._part()
        if part is None:
            return 0.5
        return float(np.clip((self._place - part[0, 1]) / (part[1, 1] - part[0, 1]), 0, 1))

    @fraction.setter
    def fraction(self, value: float) -> None:
        part = self._part()
        if part is not None:
            self._move(part[0, 1] + float(np.clip(value, 0, 1)) * (part[1, 1] - part[0, 1]))

    def _view_events(self) -> list[Any]:
        camera, canvas = self._viewer.scene.camera.events, self._viewer.canvas.events
        return [camera.center, camera.zoom, canvas.size]

    def _axis_events(self) -> list[Any]:
        """After these, left and right may mean nothing."""
        return [self._viewer.dims.events.ndisplay, self._viewer.dims.events.order]

    def _schedule(self, *_: Any) -> None:
        """Draw when the events under way are done: one move of the view is several of them."""
        if not self._timer.isActive():
            self._timer.start(0)

    def _watch(self, pair: tuple[Shown, Shown] | None) -> None:
        """Follow the display settings of the pair's layers, and no longer those of the pair before."""
        for event in self._watched:
            event.disconnect(self._schedule)
        self._pair = pair
        looks = dict.fromkeys(part.look for picture in pair or () for part in picture.parts)  # each once
        self._watched = [getattr(look.events, name) for look in looks for name in LOOKS]
        for event in self._watched:
            event.connect(self._schedule)

    def _move(self, place: float) -> None:
        self._place = place
        self._schedule()
        self.moved.emit(self.fraction)

    def _part(self) -> NDArray[np.float64] | None:
        return visible_part(self._viewer, self._pair[1]) if self._pair else None

    def _draw(self) -> None:
        """Draw both halves and the divider, for the view as it is."""
        part = self._part()
        if self._layer is None or self._pair is None or part is None:
            return
        window = screen_window(part, 1 / (self._viewer.scene.camera.zoom * self._density()))
        split = int(np.clip(np.rint((self._place - window.left) / window.step), 0, window.width))
        image = halves(*self._pair, window, split)
        mark(image, split, 1 / (self._viewer.scene.camera.zoom * window.step))
        layer = self._layer
        layer.name = f"{self._pair[0].title} | {self._pair[1].title}"
        stack = self._pair[0].stack
        layer.data = image if stack is None else stack.lifted(image)
        _place(layer, window)

    def _drag(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        """Follow the mouse while it holds the divider; else leave the press to the camera."""
        camera = viewer.scene.camera
        if abs(event.position[-1] - self._place) * camera.zoom > GRAB:
            return
        panning, camera.mouse_pan = camera.mouse_pan, False
        try:
            yield
            while event.type == "mouse_move":
                self._move(event.position[-1])
                yield
        finally:
            camera.mouse_pan = panning

    def _stay_on_top(self, event: Any) -> None:
        layers = self._viewer.layers
        if self._layer in layers and layers[-1] is not self._layer:
            layers.move(layers.index(self._layer), len(layers))

    def _layer_removed(self, event: Any) -> None:
        if event.value is self._layer:
            self.stop()


def _layer(like: Shown) -> Image:
    """The layer that is drawn into: a point until then."""
    point, stack = np.zeros((1, 1, 4), np.uint8), like.stack
    inside = replace(_UPRIGHT, units=like.geometry.units, axis_labels=like.geometry.axis_labels)
    layer = Image(
        point if stack is None else stack.lifted(point),
        rgb=True,
        name="comparison",
        blending="translucent",
        metadata=comparison_metadata(like.run),
        **(inside.as_keywords() if stack is None else stack.around(inside)),
    )
    layer.name_overlay.visible = True
    return layer


def _place(layer: Image, window: Window) -> None:
    """Lay a layer over a window; while only the divider moves, this has nothing to do, which halves the time."""
    scale, translate = layer.scale.copy(), layer.translate.copy()
    scale[-2:] = window.step
    translate[-2:] = np.array((window.top, window.left)) + window.step / 2
    if not np.array_equal(layer.scale, scale):
        layer.scale = scale
    if not np.array_equal(layer.translate, translate):
        layer.translate = translate
