"""Which image to super-resolve, which part of it, and its ground truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from napari.layers import Image, Shapes
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_refvae.widget.form.channels import Channels, channels_of
from napari_refvae.widget.form.choices import ChoiceBox
from napari_refvae.widget.form.layout import field_grid
from napari_refvae.widget.form.parts import add_rectangle_layer, rectangle_region, view_region
from napari_refvae.widget.form.previews import Preview, layer_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.regions import Region

__all__ = ["USE_KEY", "VIEW", "ImageFields"]

USE_KEY = "napari_refvae_use"
"""In a layer's metadata: what it is for, if not to be super-resolved: ``"reference"`` or ``"truth"``."""

WHOLE, VIEW, DRAW = "all of it", "in view", "draw ..."
NO_TRUTH = "(none)"


class ImageFields(QWidget):
    """Chooses layers of a viewer.

    The image is the newest one that is neither a reference nor the ground truth, until the user chooses.

    Parameters
    ----------
    viewer
        Gets a shapes layer where the user wants to draw a rectangle.
    preview
        Pixels of the image's picture.
    """

    changed = Signal()

    def __init__(self, viewer: Any, preview: int) -> None:
        super().__init__()
        self._viewer = viewer
        self.image = ChoiceBox(
            "The layer to super-resolve; of a stack the plane that is shown.\n"
            "Select several grey layers of one size to take them as channels."
        )
        self.part = ChoiceBox("What part of it; a region comes out as in the whole image")
        self.truth = ChoiceBox("The image as it truly is, to measure samples against; most have none")
        self._preview = Preview(preview)
        self._watched: list[Any] = []  # the shapes where a rectangle may be drawn, the layers that are chosen
        self._by_hand = False  # whether the user chose the image
        self._known: WeakSet[Image] = WeakSet()  # offered before
        self._references: WeakSet[Image] = WeakSet()
        self._lay_out()
        self.image.changed.connect(self._image_chosen)
        self.image.native.activated.connect(lambda _: self._image_chosen())  # the same one once more, too
        self.part.changed.connect(self._part_chosen)
        self.truth.changed.connect(self._truth_chosen)

    def _lay_out(self) -> None:
        boxes = (("Image", self.image), ("Part", self.part), ("Ground truth", self.truth))
        grid = field_grid(self, [(name, box.native) for name, box in boxes])
        grid.addWidget(self._preview, 0, 2, 3, 1, Qt.AlignmentFlag.AlignTop)

    @property
    def layers(self) -> list[Image]:
        """What is to be super-resolved: a layer, several that are channels, or nothing yet."""
        chosen = self.image.value
        return list(chosen.layers) if isinstance(chosen, Channels) else [] if chosen is None else [chosen]

    def offer_layers(self, images: Sequence[Image], active: Any = None) -> list[str]:
        """Offer these image layers and the viewer's shapes layers; return the names of those gone that a user chose."""
        truth = self.truth.value
        chosen_by_hand = [*(self.layers if self._by_hand else []), *([truth] if truth else [])]
        gone = [layer.name for layer in chosen_by_hand if layer not in images]
        entries = [(layer.name, layer) for layer in images]
        self.truth.offer([(NO_TRUTH, None), *entries], truth if truth in images else None)
        self._by_hand = self._by_hand and bool(self.layers) and all(layer in images for layer in self.layers)
        chosen = self.image.value if self._by_hand else self._suggest(images, active)
        channels = chosen if isinstance(chosen, Channels) else channels_of(images, self._viewer.layers.selection)
        self.image.offer(entries + ([(channels.name, channels)] if channels else []), chosen)
        self._known.update(images)
        shapes = [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]
        parts: list[tuple[str, Any]] = [(WHOLE, WHOLE), (VIEW, VIEW)]
        parts += [(_part_name(layer), layer) for layer in shapes] or [(DRAW, DRAW)]
        kept = self.part.value in (VIEW, *shapes)
        self.part.offer(parts, self.part.value if kept else WHOLE)
        self._watch()
        return gone

    def yield_to(self, references: Sequence[Image]) -> None:
        """Leave layers to the references, unless the user chose one of them as the image."""
        self._references = WeakSet(references)
        self._yield()

    def waits_for_rectangle(self) -> bool:
        """Whether the part is a rectangle that has not been drawn yet."""
        return isinstance(self.part.value, Shapes) and not len(self.part.value.data)

    def region(self) -> Region | None:
        """The part that is chosen; None for the whole image.

        Raises
        ------
        InvalidInputError
            If nothing of the image is in view, or the view is no plane; or there is no rectangle on it.
        """
        if self.part.value == VIEW:
            return view_region(self._viewer, self.layers[0])
        if isinstance(self.part.value, Shapes):
            return rectangle_region(self.part.value, self.layers[0])
        return None

    def show_picture(self, point: Sequence[float] | None) -> None:
        """Draw the image's picture anew; of a stack the plane at a point of the world."""
        self._preview.show_picture(layer_picture(self.layers[0], point) if self.layers else None)

    def _suggest(self, images: Sequence[Image], active: Any = None) -> Image | None:
        """The newest image with nothing else to do; of several new ones that which is selected."""
        free = [layer for layer in images if layer not in self._references and layer is not self.truth.value]
        likely = [layer for layer in free if USE_KEY not in layer.metadata] or free or list(images)
        if new := [layer for layer in likely if layer not in self._known]:
            return active if active in new else new[-1]
        return self.image.value if self.image.value in likely else likely[-1] if likely else None

    def _yield(self) -> None:
        """Go to another image where this one has become a reference or the ground truth."""
        images: list[Any] = [one for one in self.image.choices if isinstance(one, Image)]
        suggested = self._suggest(images)
        if suggested is not None and suggested is not self.image.value and not self._by_hand:
            self.image.offer([(layer.name, layer) for layer in images], suggested)
            self._watch()
            self.show_picture(self._viewer.dims.point)
            self.changed.emit()

    def _truth_chosen(self) -> None:
        self._yield()
        self.changed.emit()

    def _image_chosen(self) -> None:
        self._by_hand = True
        self._watch()
        self.show_picture(self._viewer.dims.point)
        self.changed.emit()

    def _part_chosen(self) -> None:
        if self.part.value == DRAW:
            shapes = add_rectangle_layer(self._viewer, self.layers[0])
            self.part.offer([*zip(map(_part_name, [WHOLE, VIEW, shapes]), [WHOLE, VIEW, shapes], strict=True)], shapes)
        self._watch()
        self.changed.emit()

    def detach(self) -> None:
        """Listen to no layer any more."""
        self._watch(stop=True)

    def _watch(self, stop: bool = False) -> None:
        """Tell when a rectangle is drawn, moved or selected, if they are the part, and when images look otherwise."""
        parts = [self.part.value] if isinstance(self.part.value, Shapes) else []
        watched = [] if stop else [*parts, *self.layers]
        if watched == self._watched:
            return
        for emitter in _emitters(self._watched):
            emitter.disconnect(self._seen_anew)
        for emitter in _emitters(watched):
            emitter.connect(self._seen_anew)
        self._watched = watched

    def _seen_anew(self, *_: Any) -> None:
        self.show_picture(self._viewer.dims.point)
        self.changed.emit()


def _emitters(watched: Sequence[Any]) -> list[Any]:
    """What tells that a shape has changed or another one is selected, and where an image's black and white are."""
    found = []
    for layer in watched:
        if isinstance(layer, Shapes):
            found += [layer.events.set_data, layer.selected_data.events.items_changed]
        else:
            found.append(layer.events.contrast_limits)
    return found


def _part_name(part: Any) -> str:
    return f"\N{WHITE RECTANGLE} {part.name}" if isinstance(part, Shapes) else str(part)
