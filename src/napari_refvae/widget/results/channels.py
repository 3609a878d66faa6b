"""The channels of one image: several grey layers, or planes of one, which are upscaled alike and shown as one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.spec import ImageReference
from napari_refvae.widget.results.colours import coloured
from napari_refvae.widget.results.layers import InputPlane, read_input, shown_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image

    from napari_refvae.widget.results.layers import InputImage

__all__ = ["channel_planes", "mixed", "read_channel_axis", "read_channels"]


def channel_planes(layers: Sequence[Image], point: Sequence[float] | None = None) -> list[InputPlane]:
    """Fix grey layers that are channels of one image, to be read later. Main thread only.

    Parameters
    ----------
    layers
        At least one.
    point
        The viewer's position in the world, ``viewer.dims.point``, which says what planes of stacks are shown.

    Raises
    ------
    InvalidInputError
        If one is in colours, is there twice, or has another size.
    """
    planes = [InputPlane.of(layer, point) for layer in layers]
    sizes = [plane.source.shape for plane in planes]
    for layer, size in zip(layers, sizes, strict=True):
        if layer.rgb or size != sizes[0]:
            raise InvalidInputError(
                "expected channels: grey layers of one size; got "
                f"{layer.name!r}, {'RGB' if layer.rgb else ' x '.join(map(str, size[::-1]))}: upscale it by itself"
            )
    if len(set(layers)) < len(layers):
        raise InvalidInputError("expected each channel once; got a layer twice: name it once")
    return planes


def read_channels(layers: Sequence[Image], point: Sequence[float] | None = None) -> list[InputImage]:
    """Copy grey layers that are channels of one image, as `channel_planes` takes them. Main thread only.

    Raises
    ------
    InvalidInputError
        As there, or if one cannot be read.
    """
    return [plane.read() for plane in channel_planes(layers, point)]


def read_channel_axis(layer: Image, axis: int, point: Sequence[float] | None = None) -> list[InputImage]:
    """Copy the planes of a stack along one of its axes; each result lies at its own plane.

    Raises
    ------
    InvalidInputError
        If the layer is in colours, or the stack has no such axis before its last two.
    """
    if layer.rgb:
        raise InvalidInputError(
            f"expected a grey stack whose planes are channels; got {layer.name!r}, RGB: upscale it without channel_axis"
        )
    count = layer.ndim - 2
    if not -count <= axis < count:
        raise InvalidInputError(
            f"expected channel_axis to be one of the {count} axes of {layer.name!r} before the last two; got {axis}"
        )
    data = layer.data[0] if layer.multiscale else layer.data
    plane = list(shown_plane(layer, point))
    origins = []
    for channel in range(data.shape[axis % count]):
        plane[axis % count] = channel
        origins.append(read_input(layer, layer.data_to_world((*plane, 0, 0))))
    return origins


def mixed(origins: Sequence[InputImage]) -> ImageReference:
    """Channels in their colours, added up: what "the image itself" is for all of them, so that all get one latent."""
    total = np.zeros((*origins[0].pixels.shape, 3), np.float32)
    for origin in origins:
        look: Any = SimpleNamespace(**origin.look)  # all that is asked of a layer, and fit for any thread
        total += coloured(origin.pixels, look)[..., :3].astype(np.float32) / 255
    return ImageReference(total.clip(0, 1), "self")
