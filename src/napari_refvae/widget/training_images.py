"""Image layers as files to train on, each with a strip kept back to measure progress on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Picture

from napari_refvae.errors import InvalidInputError
from napari_refvae.widget.layers import read_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari.layers import Image
    from numpy.typing import NDArray

__all__ = ["SMALLEST_SIDE", "TrainingImages", "write_layers"]

SMALLEST_SIDE = 192
"""Pixels: the patches that the bundled recipes train on."""

MOST_PLANES = 200
"""Of a stack; planes in between are left out."""

KEPT_BACK = 5
"""One part in so many of each image is kept back, if enough is left to train on ..."""

SMALLEST_STRIP = 40
"""... and the strip is wide enough to be measured on, in pixels."""


@dataclass(frozen=True, slots=True)
class TrainingImages:
    """Folders with what was written.

    Attributes
    ----------
    images
        What to train on.
    validate
        What was kept back; None if all images are too small for that.
    count
        Images to train on.
    """

    images: Path
    validate: Path | None
    count: int


def write_layers(layers: Sequence[Image], folder: Path, *, smallest: int = SMALLEST_SIDE) -> TrainingImages:
    """Write layers as 8-bit PNG, as their contrast limits show them; of stacks every plane, up to 200.

    Parameters
    ----------
    layers
        Image layers, grey or in colours.
    folder
        Where ``images`` and ``validate`` are made.
    smallest
        Least short side, in pixels.

    Raises
    ------
    InvalidInputError
        If there is no layer, or one is too small or of values that cannot be used; it is named.
    """
    if not layers:
        raise InvalidInputError("expected image layers to train on; got none: choose at least one, or a folder")
    for layer in layers:
        height, width = _size(layer)
        if min(height, width) < smallest:
            raise InvalidInputError(
                f"expected layers with a short side of at least {smallest} pixels to train on; got {layer.name!r} "
                f"of {width} x {height}: leave it out"
            )
    images, validate = folder / "images", folder / "validate"
    images.mkdir(parents=True)
    validate.mkdir()
    count = 0
    for layer in layers:
        for pixels in _planes(layer):
            rest, kept = _split(pixels, smallest)
            _write(rest, images / f"{count:04}.png")
            if kept is not None:
                _write(kept, validate / f"{count:04}.png")
            count += 1
    return TrainingImages(images, validate if any(validate.iterdir()) else None, count)


def _size(layer: Image) -> tuple[int, int]:
    shape = (layer.data[0] if layer.multiscale else layer.data).shape
    height, width = shape[-3:-1] if layer.rgb else shape[-2:]
    return int(height), int(width)


def _planes(layer: Image) -> Iterator[NDArray[np.uint8]]:
    """``(H, W, 3)`` of each plane."""
    data = layer.data[0] if layer.multiscale else layer.data
    lead = data.shape[: layer.ndim - 2]
    every = max(1, -(-int(np.prod(lead)) // MOST_PLANES))
    for plane in list(np.ndindex(*lead))[::every]:
        shown = read_reference(layer, layer.data_to_world((*plane, 0, 0)))
        yield np.rint(shown.image * 255).astype(np.uint8)


def _split(pixels: NDArray[np.uint8], smallest: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """What to train on, and the strip at the end of the long side that is kept back."""
    axis = int(pixels.shape[1] >= pixels.shape[0])
    strip = pixels.shape[axis] // KEPT_BACK
    border = pixels.shape[axis] - strip
    if border < smallest or strip < SMALLEST_STRIP:
        return pixels, None
    rest, kept = np.split(pixels, [border], axis=axis)
    return rest, kept


def _write(pixels: NDArray[np.uint8], path: Path) -> None:
    Picture.fromarray(np.ascontiguousarray(pixels)).save(path)
