"""Image layers as files to train on, each with a strip kept back to measure progress on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Picture

from napari_refvae.errors import InvalidInputError, OutputError
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.inputs import layer_range
from napari_refvae.widget.results.layers import unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_refvae.spec import IntensityRange

__all__ = ["SMALLEST_SIDE", "TrainingImages", "TrainingLayer", "read_layers", "write_layers"]

SMALLEST_SIDE = 192
"""Pixels: the patches that the bundled recipes train on."""

MOST_PLANES = 200
"""Of a stack; planes in between are left out."""

KEPT_BACK = 5
"""One part in so many of each image is kept back, if enough is left to train on ..."""

SMALLEST_STRIP = 40
"""... and the strip is wide enough to be measured on, in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingLayer:
    """What is written of a layer: its pixels, which are read later, and what they mean now.

    Attributes
    ----------
    name
        The layer's.
    data
        ``(..., H, W)`` or ``(..., H, W, C)``; of a pyramid the full resolution.
    rgb
        Whether the last axis is that of colours.
    intensity_range
        Black and white: the contrast limits; None for colours where they are the dtype's own.
    """

    name: str
    data: Any
    rgb: bool
    intensity_range: IntensityRange | None

    @classmethod
    def of(cls, layer: Image) -> TrainingLayer:
        """What a layer is now. Main thread only."""
        limits = layer_range(layer.contrast_limits, np.dtype(layer.dtype), coloured=layer.rgb)
        return cls(layer.name, layer.data[0] if layer.multiscale else layer.data, layer.rgb, limits)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, in pixels."""
        height, width = self.data.shape[-3:-1] if self.rgb else self.data.shape[-2:]
        return int(height), int(width)

    def planes(self) -> Iterator[NDArray[np.uint8]]:
        """``(H, W, 3)`` of each plane, up to 200.

        Raises
        ------
        InvalidInputError
            If one cannot be read, or its values cannot be used.
        """
        lead = self.data.shape[: -3 if self.rgb else -2]
        every = max(1, -(-int(np.prod(lead)) // MOST_PLANES))
        for plane in list(np.ndindex(*lead))[::every]:
            shown = as_reference(self._read(plane), self.intensity_range)
            yield np.rint(shown * 255).astype(np.uint8)

    def _read(self, plane: tuple[int, ...]) -> NDArray[Any]:
        try:
            return np.asarray(self.data[plane])
        except OSError as error:
            raise unreadable(self.name, error) from error


@dataclass(frozen=True, slots=True)
class TrainingImages:
    """Folders with what was written.

    Attributes
    ----------
    images
        What to train on.
    validate
        What was kept back; None if all images are too small for that.
    """

    images: Path
    validate: Path | None


def read_layers(layers: Sequence[Image], *, smallest: int = SMALLEST_SIDE) -> list[TrainingLayer]:
    """What layers are now, to be written by `write_layers`. Reads no pixels. Main thread only.

    Parameters
    ----------
    layers
        Image layers, grey or in colours.
    smallest
        Least short side, in pixels.

    Raises
    ------
    InvalidInputError
        If there is no layer, or one is too small; it is named.
    """
    if not layers:
        raise InvalidInputError("expected image layers to train on; got none: choose at least one, or a folder")
    read = [TrainingLayer.of(layer) for layer in layers]
    for layer, one in zip(layers, read, strict=True):
        height, width = one.size
        if min(height, width) < smallest:
            raise InvalidInputError(
                f"expected layers with a short side of at least {smallest} pixels to train on; got {layer.name!r} "
                f"of {width} x {height}: leave it out"
            )
    return read


def write_layers(
    layers: Sequence[TrainingLayer],
    folder: Path,
    *,
    smallest: int = SMALLEST_SIDE,
    should_stop: Callable[[], bool] = lambda: False,
) -> TrainingImages | None:
    """Write layers as 8-bit PNG, as their contrast limits show them; of stacks every plane, up to 200. On any thread.

    Parameters
    ----------
    layers
        Of `read_layers`.
    folder
        Where ``images`` and ``validate`` are made.
    smallest
        Least short side of what is left to train on, in pixels.
    should_stop
        Asked before each plane.

    Returns
    -------
    TrainingImages or None
        What was written; None if it was stopped.

    Raises
    ------
    InvalidInputError
        If values cannot be used.
    OutputError
        If something cannot be written.
    """
    images, validate = folder / "images", folder / "validate"
    try:
        for made in (images, validate):
            made.mkdir()
        for count, pixels in enumerate(plane for layer in layers for plane in layer.planes()):
            if should_stop():
                return None
            rest, kept = _split(pixels, smallest)
            _write(rest, images / f"{count:04}.png")
            if kept is not None:
                _write(kept, validate / f"{count:04}.png")
    except OSError as error:
        raise OutputError(f"the images cannot be written to {folder} ({error}); free some space there") from error
    return TrainingImages(images, validate if any(validate.iterdir()) else None)


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
