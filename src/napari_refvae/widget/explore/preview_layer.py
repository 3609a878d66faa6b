"""The one layer that shows the preview, changed in place and exactly over its part of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels, Shapes

from napari_refvae.engine.result import FinishedSample
from napari_refvae.widget.results.layers import METADATA_KEY
from napari_refvae.widget.results.making import sample_layer

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_refvae.regions import Region
    from napari_refvae.widget.explore.live import Glimpse
    from napari_refvae.widget.explore.subject import Subject

__all__ = ["PreviewLayer"]

NAME = "preview"
KIND = "preview"


class PreviewLayer:
    """Shows glimpses in a viewer; main thread only.

    Parameters
    ----------
    viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Image | None = None
        self._subject: Subject | None = None
        self._region: Region | None = None

    @property
    def layer(self) -> Image | None:
        """The layer, while the viewer has it."""
        return self._layer if self._layer is not None and self._layer in self._viewer.layers else None

    def show(self, glimpse: Glimpse) -> Image:
        """Change the layer, or add it if it is not there or of another image; the selection stays."""
        layer, sample, subject = self.layer, glimpse.sample, glimpse.wish.subject
        if layer is None or self._subject is None or self._subject.origin is not subject.origin:
            self.remove()
            layer = self._layer = _layer_of(glimpse)
            self._subject, self._region = subject, sample.region
            self._insert(layer)
            return layer
        self._raise(layer)
        if self._region != sample.region:
            self._region = sample.region
            layer.translate = _layer_of(glimpse).translate
        layer.data = sample.sr[(None,) * (layer.ndim - 2)]  # of a stack, the plane alone
        return layer

    def remove(self) -> None:
        """Take it out of the viewer, if it is there."""
        layer, self._layer, self._subject = self.layer, None, None
        if layer is not None:
            self._viewer.layers.remove(layer)

    def _insert(self, layer: Image) -> None:
        """On top, but below labels and shapes, which are drawn on it."""
        layers = self._viewer.layers
        selected = set(layers.selection)
        layers.insert(self._top(), layer)
        layers.selection = selected

    def _raise(self, layer: Image) -> None:
        """Above images that came meanwhile."""
        layers = self._viewer.layers
        if layers.index(layer) < (top := self._top()) - 1:
            layers.move(layers.index(layer), top)

    def _top(self) -> int:
        """Where the first layer above all images would go."""
        layers = self._viewer.layers
        position = len(layers)
        while position and isinstance(layers[position - 1], Labels | Shapes):
            position -= 1
        return position


def _layer_of(glimpse: Glimpse) -> Image:
    """A layer like that of a run's sample, in no run."""
    sample, origin = glimpse.sample, glimpse.wish.subject.origin
    part = origin.within(sample.region)
    layer = sample_layer(part, FinishedSample(0, sample.sr, "none", 0, sample.lr_psnr), KIND)
    layer.name = NAME
    layer.metadata[METADATA_KEY] |= {"kind": KIND, "provenance": sample.provenance}
    return layer
