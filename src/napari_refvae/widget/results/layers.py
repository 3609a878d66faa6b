"""Layers to the engine's inputs. No viewer, no state: values in, values out.

Everything that a run needs of its layers is copied before it starts, so layers may change or go meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.spec import ImageReference, IntensityRange, Region
from napari_refvae.widget.results.geometry import Geometry, StackPlace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image, Labels
    from numpy.typing import NDArray

__all__ = ["METADATA_KEY", "InputImage", "is_result", "read_input", "read_reference", "read_truth", "shown_plane"]

METADATA_KEY = "napari_refvae"
"""Where a result layer's metadata say which run made it, and how."""


@dataclass(frozen=True, slots=True, eq=False)
class InputImage:
    """A copy of one plane of an image layer: its pixels, what they mean, where they lie and how they are shown.

    Attributes
    ----------
    name
        The layer's.
    pixels
        The whole plane: ``(h, w)``, ``(h, w, 3)`` or ``(h, w, 4)``, in the layer's dtype. Of a `cut_out` the part.
    intensity_range
        Black and white: the contrast limits of a grey layer; None (the dtype's own) for colours, which
        napari shows without contrast limits.
    geometry
        Where the part to super-resolve lies: that of the region, if there is one.
    look
        Display settings that results take over.
    region
        The part to super-resolve; None for the whole plane.
    plane
        Of a stack, the index of the plane on the axes before the last two; empty for a single image.
    is_cut_out
        Whether ``pixels`` are those of the region alone.
    stack
        Where the plane lies in its stack; None for a single image.
    blending
        The layer's; results take it over where they are channels of one image.
    """

    name: str
    pixels: NDArray[Any]
    intensity_range: IntensityRange | None
    geometry: Geometry
    look: dict[str, Any]
    region: Region | None = None
    plane: tuple[int, ...] = ()
    is_cut_out: bool = False
    stack: StackPlace | None = None
    blending: str = "translucent"

    @property
    def lr(self) -> NDArray[Any]:
        """The part to super-resolve."""
        return self.pixels if self.region is None or self.is_cut_out else self.pixels[self.region.slices]

    @property
    def span(self) -> float:
        """From black to white, in stored units."""
        if self.intensity_range is not None:
            return self.intensity_range.span
        return float(np.iinfo(self.pixels.dtype).max) if self.pixels.dtype.kind in "ui" else 1.0

    @property
    def title(self) -> str:
        """The name, with the plane that was taken of a stack."""
        return f"{self.name}[{','.join(map(str, self.plane))}]" if self.plane else self.name

    def within(self, region: Region) -> InputImage:
        """The same image, of which only a part is to be super-resolved."""
        return replace(self, region=region, geometry=self.geometry.cropped(region))

    def cut_out(self) -> InputImage:
        """The same part without the image around it: enough to show results, when the engine has read the whole."""
        return self if self.region is None else replace(self, pixels=self.lr.copy(), is_cut_out=True)


def read_input(layer: Image, point: Sequence[float] | None = None) -> InputImage:
    """Copy what is to be super-resolved: an image, or the plane of a stack that is shown.

    Parameters
    ----------
    layer
        Of a pyramid the full resolution is taken.
    point
        The viewer's position in the world, ``viewer.dims.point``, which says what plane is shown; by default the first.

    Raises
    ------
    InvalidInputError
        If the layer is a stack whose transform mixes the last two axes with the others.
    """
    look = {"gamma": layer.gamma, "contrast_limits": tuple(layer.contrast_limits)}
    if not layer.rgb:
        look["colormap"] = layer.colormap
    plane = shown_plane(layer, point)
    return InputImage(
        name=layer.name,
        pixels=_pixels(layer, plane),
        intensity_range=_intensity_range(layer),
        geometry=Geometry.of(layer),
        look=look,
        plane=plane,
        stack=StackPlace.of(layer, plane),
        blending=layer.blending,
    )


def read_reference(layer: Image, point: Sequence[float] | None = None) -> ImageReference:
    """Copy a layer that is to be the reference; a grey one as its contrast limits show it.

    Raises
    ------
    InvalidInputError
        If its values cannot be used.
    """
    pixels = _pixels(layer, shown_plane(layer, point))
    return ImageReference(as_reference(pixels, _intensity_range(layer)), layer.name)


def read_truth(layer: Image, origin: InputImage, factor: int, point: Sequence[float] | None = None) -> NDArray[Any]:
    """Copy the ground truth of an input, as a sample of it would be: same size, kind and dtype.

    Parameters
    ----------
    layer
        ``factor`` times the size of the whole input; up to ``factor - 1`` rows and columns more at the end, which the
        literature crops before it down-samples, are left out. Or of the region's size exactly.
    origin
        The input.
    factor
        Sample pixels per input pixel and axis.

    Raises
    ------
    InvalidInputError
        If size, kind or dtype do not fit.
    """
    truth = _pixels(layer, shown_plane(layer, point))
    if truth.dtype != origin.pixels.dtype or truth.shape[2:] != origin.pixels.shape[2:]:
        raise InvalidInputError(
            f"expected a ground truth stored as the image is, {_kind(origin.pixels)}; got {layer.name!r}, "
            f"{_kind(truth)}: convert it"
        )
    height, width = origin.lr.shape[0] * factor, origin.lr.shape[1] * factor
    if truth.shape[:2] == (height, width):
        return truth
    whole = origin.pixels.shape[0] * factor, origin.pixels.shape[1] * factor
    if not all(0 <= got - wanted < factor for got, wanted in zip(truth.shape, whole, strict=False)):
        raise InvalidInputError(
            f"expected a ground truth of {whole[1]} x {whole[0]}, {factor} times the image; "
            f"got {layer.name!r} of {truth.shape[1]} x {truth.shape[0]}"
        )
    region = origin.region or Region(0, 0, *origin.pixels.shape[:2])
    return np.ascontiguousarray(truth[region.scaled(factor).slices])


def is_result(layer: Any) -> bool:
    """Whether a run of ours made the layer."""
    return METADATA_KEY in layer.metadata


def shown_plane(layer: Image | Labels, point: Sequence[float] | None = None) -> tuple[int, ...]:
    """Index of the plane that is shown at a point of the world; empty for a single image."""
    if layer.ndim == 2:
        return ()
    shape = _full(layer).shape[: layer.ndim - 2]
    if point is None:
        return (0,) * len(shape)
    position = np.array(layer.world_to_data(tuple(point)))[: len(shape)]
    return tuple(int(index) for index in np.clip(np.rint(position), 0, np.array(shape) - 1))


def _full(layer: Image | Labels) -> Any:
    return layer.data[0] if layer.multiscale else layer.data


def _pixels(layer: Image, plane: tuple[int, ...]) -> NDArray[Any]:
    """A copy of a plane's pixels, at full resolution."""
    return np.array(_full(layer)[plane])


def _intensity_range(layer: Image) -> IntensityRange | None:
    return None if layer.rgb else IntensityRange(*(float(limit) for limit in layer.contrast_limits))


def _kind(pixels: NDArray[Any]) -> str:
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    return f"{ {1: 'grey', 3: 'RGB', 4: 'RGBA'}.get(channels, f'{channels} channels') } {pixels.dtype}"
