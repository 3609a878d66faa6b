"""Arrays of any number of axes as what a run needs: planes that can be read one by one, or in part.

An `ArraySource` is a layout with pixels behind it: numpy, a memory map, dask, zarr, or a file that is read as it
is asked for. Nothing here loads more than the plane, or the part of it, that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_refvae.errors import InvalidInputError, UnreadableFileError
from napari_refvae.imageio.layout import COLOURS, Axis, Layout
from napari_refvae.imageio.raster import check_size
from napari_refvae.imageio.reading import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_refvae.regions import Region

__all__ = ["ArraySource", "describe_array"]

DEFAULT_NAMES = {2: "yx", 3: "zyx", 4: "tzyx", 5: "tczyx"}
"""What the axes of an array mean that says nothing of them, by their number without colours."""


class Pixels(Protocol):
    """What numpy, zarr and dask arrays have in common."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...
    def __getitem__(self, key: Any) -> Any: ...


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """An array's layout and its pixels.

    Attributes
    ----------
    data
        The array; only ever indexed with integers and slices.
    layout
        Which axis is which.
    name
        For messages.
    """

    data: Pixels
    layout: Layout
    name: str = "array"

    def __post_init__(self) -> None:
        if tuple(self.data.shape) != self.layout.shape:
            raise InvalidInputError(f"expected axes for an array of shape {self.data.shape}; got {self.layout.shape}")

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels, in native byte order."""
        return np.dtype(self.data.dtype).newbyteorder("=")

    def read(self, index: tuple[int, ...] = (), region: Region | None = None) -> NDArray[Any]:
        """Load one plane, or a region of it.

        Parameters
        ----------
        index
            Its place along the leading axes; see `Layout.planes`.
        region
            In pixels of the plane; None for all of it.

        Returns
        -------
        NDArray
            ``(H, W)`` or, with colours, ``(H, W, C)``; contiguous, in native byte order.

        Raises
        ------
        InvalidInputError
            If it has too many pixels to be loaded at once.
        UnreadableFileError
            If what lies behind the array is damaged, or gone.
        """
        if region is not None:
            region.check_within(self.layout.size)
        height, width = self.layout.size if region is None else (region.height, region.width)
        try:
            check_size(width, height)
            values = np.asarray(self.data[self.layout.key(index, region)])
        except InvalidInputError:
            raise
        except (*DAMAGE, MemoryError) as error:
            raise UnreadableFileError(
                f"expected a whole image; plane {index} of {self.name} cannot be read "
                f"({str(error) or type(error).__name__}): check what it was made from"
            ) from error
        return np.ascontiguousarray(self.layout.to_image(values), self.dtype)

    def planes(self) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
        """Each plane's index and pixels, loaded one after the other."""
        return ((index, self.read(index)) for index in self.layout.planes())


def describe_array(
    data: Pixels, axes: str | None = None, *, rgb: bool | None = None, name: str = "array"
) -> ArraySource:
    """Take an array as planes.

    Parameters
    ----------
    data
        numpy, memory map, dask or zarr; of 2 to 5 axes without colours.
    axes
        A letter an axis, such as ``"tzyx"``. None: rows and columns last, before them depth, then time, with five
        axes ``tczyx``.
    rgb
        Whether colours come last. None: if the axes say so (``s``); without axes, if there are three or more and the
        last has 3 or 4 entries, as for a single image.

    Raises
    ------
    InvalidInputError
        If the axes do not fit the array.
    """
    shape = tuple(data.shape)
    if axes is None:
        coloured = len(shape) > 2 and shape[-1] in COLOURS if rgb is None else rgb
        plain = DEFAULT_NAMES.get(len(shape) - coloured)
        if plain is None:
            raise InvalidInputError(
                f"expected an array of 2 to 5 axes besides colours; got shape {shape}: name them, for example "
                "axes='tzyx'"
            )
        axes = plain + "s" * coloured
    if len(axes) != len(shape):
        raise InvalidInputError(f"expected a letter for each axis of shape {shape}; got {axes!r}")
    colour = "s" if "s" in axes else "c" if rgb and "c" in axes else None
    found = tuple(Axis(letter, int(length)) for letter, length in zip(axes, shape, strict=True))
    return ArraySource(data, Layout(found, colour), name)
