"""Which image is explored and which part of it the preview shows; tells when either changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels, Shapes
from psygnal import Signal
from qtpy.QtWidgets import QWidget

from napari_refvae.errors import InvalidInputError
from napari_refvae.regions import Region
from napari_refvae.widget.explore.parts import timer
from napari_refvae.widget.form.choices import ChoiceBox
from napari_refvae.widget.form.layout import field_grid
from napari_refvae.widget.form.parts import rectangle_region, view_region
from napari_refvae.widget.results.layers import is_result, shown_plane
from napari_refvae.widget.results.watching import ViewWatcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.widget.explore.subject import Subject

__all__ = ["LARGEST", "Ground", "bounded"]

LARGEST = 64
"""Input pixels a side of a preview: what two cores decode several times a second."""

SETTLING = 150  # milliseconds
VIEW = "what is in view"


class Ground(QWidget):
    """Chooses an image layer of a viewer, and what of it is previewed.

    Parameters
    ----------
    viewer
        The viewer.
    """

    chosen = Signal()
    """Another image."""
    renewed = Signal()
    """The same image has other pixels, or another plane of it is shown."""
    lost = Signal(str)
    """The image's layer was removed, and another one, or none, is chosen by now: its name. Comes after `chosen`."""
    moved = Signal()
    """Another part of it is seen."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self.image = ChoiceBox("The image to explore; of a stack the plane that is shown")
        self.part = ChoiceBox(f"What the live preview shows: at most {LARGEST} x {LARGEST} pixels around its middle")
        self._watched: Image | None = None
        self._plane: tuple[int, ...] = ()  # of a stack, the one that is explored
        self._looked = timer(SETTLING, self.moved.emit, self)
        self._changed = timer(SETTLING, self.renewed.emit, self)
        field_grid(self, [("Image", self.image.native), ("Preview", self.part.native)])
        self.image.changed.connect(self._choose)
        self.part.changed.connect(lambda *_: self._looked.start())
        self._watcher = ViewWatcher(viewer, self._plane_moved, lambda *_: self._looked.start())
        viewer.layers.events.inserted.connect(self.offer)
        viewer.layers.events.removed.connect(self.offer)
        self.offer()

    @property
    def layer(self) -> Image | None:
        """The image's layer."""
        value = self.image.value
        return value if isinstance(value, Image) else None

    @property
    def images(self) -> list[Image]:
        """Image layers that no run made."""
        return [one for one in self.viewer.layers if isinstance(one, Image) and not is_result(one)]

    @property
    def marks(self) -> list[Labels | Shapes]:
        """What the user has drawn."""
        return [one for one in self.viewer.layers if isinstance(one, Labels | Shapes)]

    def offer(self, *_: Any) -> None:
        """Offer the layers there are; the choice stays as long as its layer is there."""
        images, before = self.images, self.layer
        self.image.offer([(one.name, one) for one in images], before if before in images else _first(images))
        shapes = [one for one in self.marks if isinstance(one, Shapes)]
        kept = self.part.value if self.part.value in shapes else VIEW
        self.part.offer([(VIEW, VIEW), *((f"\N{WHITE RECTANGLE} {one.name}", one) for one in shapes)], kept)
        if self.layer is not before:
            self._choose()
            if before is not None:
                self.lost.emit(before.name)

    def seen(self, subject: Subject) -> Region | None:
        """The part of a subject's image to preview; None for all of a small one."""
        size = subject.size
        if max(size) <= LARGEST or self.layer is None:
            return None
        try:
            part = self.part.value
            found = (
                rectangle_region(part, self.layer) if isinstance(part, Shapes) else view_region(self.viewer, self.layer)
            )
        except InvalidInputError:  # it is beside the image
            found = Region(0, 0, *size)
        return bounded(found, LARGEST)

    def detach(self) -> None:
        """Listen to nothing any more."""
        self._looked.stop()
        self._changed.stop()
        self._watcher.stop()
        self._watch(None)
        self.viewer.layers.events.inserted.disconnect(self.offer)
        self.viewer.layers.events.removed.disconnect(self.offer)

    def _choose(self, *_: Any) -> None:
        self._watch(self.layer)
        self._plane = self._shown_plane()
        self.chosen.emit()

    def _plane_moved(self, *_: Any) -> None:
        """Adding or removing a layer tells of a move too, where the plane stays."""
        if self._plane != (plane := self._shown_plane()):
            self._plane = plane
            self._changed.start()

    def _shown_plane(self) -> tuple[int, ...]:
        return () if self.layer is None else shown_plane(self.layer, self.viewer.dims.point)

    def _watch(self, layer: Image | None) -> None:
        """Follow the pixels of the chosen layer."""
        for emitter in _events(self._watched):
            emitter.disconnect(self._pixels_changed)
        for emitter in _events(layer):
            emitter.connect(self._pixels_changed)
        self._watched = layer

    def _pixels_changed(self, *_: Any) -> None:
        self._changed.start()


def bounded(region: Region, side: int) -> Region:
    """The middle of a region, at most ``side`` pixels a side."""
    height, width = min(side, region.height), min(side, region.width)
    return Region(region.y + (region.height - height) // 2, region.x + (region.width - width) // 2, height, width)


def _events(layer: Image | None) -> list[Any]:
    """What tells that a layer's pixels, or where they lie, are others now."""
    if layer is None:
        return []
    told = layer.events
    return [told.data, told.scale, told.translate, told.rotate, told.shear, told.affine, told.contrast_limits]


def _first(images: Sequence[Image]) -> Image | None:
    return images[0] if images else None
