"""Several layers as the channels of one image: each is super-resolved as it is, with the same settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from napari.layers import Image

__all__ = ["Channels", "channels_of"]


@dataclass(frozen=True, slots=True)
class Channels:
    """Grey layers of one size, in the order of the layer list."""

    layers: tuple[Image, ...]

    @property
    def name(self) -> str:
        """How the choice is called, such as ``3 layers as channels``."""
        return f"{len(self.layers)} layers as channels"


def channels_of(images: Sequence[Image], selection: Collection[Any]) -> Channels | None:
    """The selected ones of the layers, if they are two or more of one size, and none is in colours."""
    chosen = tuple(layer for layer in images if layer in selection)
    if len(chosen) < 2 or any(layer.rgb for layer in chosen) or len({_shape(layer) for layer in chosen}) > 1:
        return None
    return Channels(chosen)


def _shape(layer: Image) -> tuple[int, ...]:
    return tuple((layer.data[0] if layer.multiscale else layer.data).shape)
