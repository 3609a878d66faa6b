"""Layers to the engine's inputs. No viewer, no state: values in, values out.

What a run needs of its layers is fixed before it starts, on the main thread, so layers may change or go meanwhile. Of
arrays in memory the pixels are copied then; others, which may compute or fetch them, are read later, on any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.pixels import as_reference, dtype_range
from napari_refvae.inputs import layer_range
from napari_refvae.spec import ImageReference
from napari_refvae.widget.results.geometry import Geometry, StackPlace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from napari_refvae.spec import IntensityRange, Region

__all__ = [
    "METADATA_KEY",
    "InputImage",
    "InputPlane",
    "LayerPlane",
    "is_result",
    "read_input",
    "read_reference",
    "shown_plane",
    "unreadable",
]

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
        Black and white: the layer's contrast limits; None for colours where they are the dtype's own.
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
        return dtype_range(self.pixels.dtype).span

    @property
    def title(self) -> str:
        """The name, with the plane that was taken of a stack."""
        return f"{self.name}[{','.join(map(str, self.plane))}]" if self.plane else self.name

    @property
    def subject(self) -> str:
        """The title, and whether only a part of the image is super-resolved."""
        return self.title if self.region is None else f"{self.title} part"

    def within(self, region: Region) -> InputImage:
        """The same image, of which only a part is to be super-resolved."""
        return replace(self, region=region, geometry=self.geometry.cropped(region))

    def cut_out(self) -> InputImage:
        """The same part without the image around it: enough to show results, when the engine has read the whole."""
        return self if self.region is None else replace(self, pixels=self.lr.copy(), is_cut_out=True)


@dataclass(frozen=True, slots=True, eq=False)
class LayerPlane:
    """The pixels of one plane of an image layer, perhaps still to be read, and what they mean now.

    Attributes
    ----------
    name
        The layer's.
    data
        What `index` is taken of: the layer's data, of a pyramid the full resolution; or a copy of the pixels.
    index
        The pixels' place in it.
    shape, dtype
        Theirs: ``(h, w)``, ``(h, w, 3)`` or ``(h, w, 4)``.
    intensity_range
        Black and white, as `InputImage` has it.
    plane
        Of a stack, the index of the plane on the axes before the last two; empty for a single image.
    is_copy
        Whether ``data`` are this plane's own.
    """

    name: str
    data: Any
    index: tuple[Any, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    intensity_range: IntensityRange | None
    plane: tuple[int, ...] = ()
    is_copy: bool = False

    @classmethod
    def of(cls, layer: Image, point: Sequence[float] | None = None) -> LayerPlane:
        """What a layer shows at a point of the world, ``viewer.dims.point``; by default its first plane.

        Reads no pixels. Main thread only.
        """
        data, plane = _full(layer), shown_plane(layer, point)
        limits = layer_range(layer.contrast_limits, np.dtype(layer.dtype), coloured=layer.rgb)
        shape = tuple(int(length) for length in data.shape[len(plane) :])
        return cls(layer.name, data, plane, shape, np.dtype(layer.dtype), limits, plane)

    def held(self) -> LayerPlane:
        """The same with the pixels copied, where they are in memory; nothing else of the layer is kept then."""
        if self.is_copy or not isinstance(self.data, np.ndarray) or isinstance(self.data, np.memmap):
            return self
        return replace(self, data=self.data[self.index].copy(), index=(), is_copy=True)

    def cropped(self, region: Region) -> LayerPlane:
        """A part of it."""
        index = (*self.index, *region.slices)
        return replace(self, index=index, shape=(region.height, region.width, *self.shape[2:]), is_copy=False)

    def pixels(self) -> NDArray[Any]:
        """The pixels, which nobody else changes. On any thread; may take long.

        Raises
        ------
        InvalidInputError
            If the file or the store that they lie in does not give them.
        """
        if self.is_copy:
            return np.asarray(self.data)
        try:
            return np.array(self.data[self.index])
        except OSError as error:
            raise unreadable(self.name, error) from error

    def reference(self) -> ImageReference:
        """The pixels as a reference, as the contrast limits show them. On any thread.

        Raises
        ------
        InvalidInputError
            If they cannot be read, or their values cannot be used.
        """
        return ImageReference(as_reference(self.pixels(), self.intensity_range), self.name)


@dataclass(frozen=True, slots=True, eq=False)
class InputPlane:
    """What becomes an `InputImage` once its pixels are read; the attributes are as there."""

    source: LayerPlane
    geometry: Geometry
    look: dict[str, Any]
    stack: StackPlace | None
    blending: str

    @classmethod
    def of(cls, layer: Image, point: Sequence[float] | None = None) -> InputPlane:
        """Fix what is to be super-resolved: an image, or the plane of a stack that is shown. Main thread only.

        Raises
        ------
        InvalidInputError
            If the layer is a stack whose transform mixes the last two axes with the others.
        """
        look = {"gamma": layer.gamma, "contrast_limits": tuple(layer.contrast_limits)}
        if not layer.rgb:
            look["colormap"] = layer.colormap
        source = LayerPlane.of(layer, point)
        return cls(source, Geometry.of(layer), look, StackPlace.of(layer, source.plane), layer.blending)

    def held(self) -> InputPlane:
        """As `LayerPlane.held`."""
        return replace(self, source=self.source.held())

    def read(self) -> InputImage:
        """With its pixels. On any thread; may take long.

        Raises
        ------
        InvalidInputError
            If they cannot be read.
        """
        source = self.source
        return InputImage(
            name=source.name,
            pixels=source.pixels(),
            intensity_range=source.intensity_range,
            geometry=self.geometry,
            look=self.look,
            plane=source.plane,
            stack=self.stack,
            blending=self.blending,
        )


def read_input(layer: Image, point: Sequence[float] | None = None) -> InputImage:
    """Copy what is to be super-resolved: an image, or the plane of a stack that is shown. Main thread only.

    Parameters
    ----------
    layer
        Of a pyramid the full resolution is taken.
    point
        The viewer's position in the world, ``viewer.dims.point``, which says what plane is shown; by default the first.

    Raises
    ------
    InvalidInputError
        If the layer is a stack whose transform mixes the last two axes with the others, or cannot be read.
    """
    return InputPlane.of(layer, point).read()


def read_reference(layer: Image, point: Sequence[float] | None = None) -> ImageReference:
    """Copy a layer that is to be the reference, as its contrast limits show it. Main thread only.

    Raises
    ------
    InvalidInputError
        If its values cannot be used, or cannot be read.
    """
    return LayerPlane.of(layer, point).reference()


def unreadable(name: str, error: OSError) -> InvalidInputError:
    """What to raise where the file or the store of a layer does not give its pixels."""
    return InvalidInputError(
        f"expected to read the pixels of {name!r}; got {type(error).__name__}: {error}: check that its file or server "
        "can be reached, then try again"
    )


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
