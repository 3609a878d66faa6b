"""Where pixels lie in the world, on any grid over the same field of view."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms import Affine

from napari_refvae.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_refvae.spec import Region

__all__ = ["Geometry", "StackPlace"]


@dataclass(frozen=True, slots=True, eq=False)
class _Axes:
    """Where pixels lie along some axes: what a napari layer calls by these names."""

    scale: NDArray[np.float64]
    translate: NDArray[np.float64]
    rotate: NDArray[np.float64]
    shear: NDArray[np.float64]
    affine: NDArray[np.float64]
    units: tuple[Any, ...]
    axis_labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Geometry(_Axes):
    """Where the pixels of a plane lie in the world: the last two axes of a napari layer."""

    @classmethod
    def of(cls, layer: Image) -> Geometry:
        """Copy the geometry of a layer's last two axes.

        Raises
        ------
        InvalidInputError
            If the layer is a stack whose transform mixes the last two axes with the others.
        """
        rotate, shear, affine = _matrices(layer)
        if layer.ndim > 2 and any(_mixes(matrix) for matrix in (rotate, shear, affine[:-1, :-1])):
            raise InvalidInputError(
                f"expected a stack whose planes are parallel to the last two axes; got {layer.name!r}, which is "
                "rotated or sheared out of them: reset its rotation, or copy the plane into a layer of its own"
            )
        return cls(
            scale=np.array(layer.scale, float)[-2:],
            translate=np.array(layer.translate, float)[-2:],
            rotate=rotate[-2:, -2:],
            shear=shear[-2:, -2:],
            affine=affine[-3:, -3:],
            units=tuple(layer.units)[-2:],
            axis_labels=tuple(layer.axis_labels)[-2:],
        )

    def cropped(self, region: Region) -> Geometry:
        """The geometry of a part of the plane, whose first pixel is the region's."""
        return replace(self, translate=self.translate + self._linear @ (region.y, region.x))

    def refined(self, factor: int) -> Geometry:
        """The geometry of the same field of view on a grid ``factor`` times as fine.

        Pixel centres move: the first HR centre lies ``(1/factor - 1)/2`` LR pixels from the first LR centre.
        """
        shift = self._linear @ np.full(2, (1 / factor - 1) / 2)
        return replace(self, scale=self.scale / factor, translate=self.translate + shift)

    @property
    def to_world(self) -> NDArray[np.float64]:
        """From ``(row, column, 1)`` of a pixel to the world: ``(3, 3)``."""
        inner = Affine(scale=self.scale, translate=self.translate, rotate=self.rotate, shear=self.shear)
        return np.asarray(self.affine @ inner.affine_matrix, np.float64)

    def as_keywords(self) -> dict[str, Any]:
        """Keywords of ``viewer.add_image``."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def _linear(self) -> NDArray[np.float64]:
        """From data to the space that ``translate`` shifts."""
        return Affine(scale=self.scale, rotate=self.rotate, shear=self.shear).linear_matrix


@dataclass(frozen=True, slots=True, eq=False)
class StackPlace(_Axes):
    """Where one plane of a stack lies on the axes before the last two: what is made of it lies there, and there only.

    The fields are those of a stack of this one plane; ``affine`` is ``(k + 1, k + 1)`` for ``k`` axes.
    """

    @classmethod
    def of(cls, layer: Image, plane: Sequence[int]) -> StackPlace | None:
        """The place of a plane of a layer for which there is a `Geometry`; None for a single image."""
        count = layer.ndim - 2
        if count == 0:
            return None
        rotate, shear, affine = _matrices(layer)
        linear = Affine(scale=layer.scale, rotate=rotate, shear=shear).linear_matrix[:count, :count]
        leading = [*range(count), layer.ndim]  # and the affine's last row and column
        return cls(
            scale=np.array(layer.scale, float)[:count],
            translate=np.array(layer.translate, float)[:count] + linear @ np.array(plane, float),
            rotate=rotate[:count, :count],
            shear=shear[:count, :count],
            affine=affine[np.ix_(leading, leading)],
            units=tuple(layer.units)[:count],
            axis_labels=tuple(layer.axis_labels)[:count],
        )

    @property
    def point(self) -> NDArray[np.float64]:
        """World coordinates of the plane, one an axis."""
        world: NDArray[np.float64] = self.affine[:-1, :-1] @ self.translate + self.affine[:-1, -1]
        return world

    def lifted(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """The same pixels as a stack of one plane: a view."""
        return pixels[(None,) * len(self.scale)]

    def around(self, geometry: Geometry) -> dict[str, Any]:
        """Keywords of ``viewer.add_image`` for `lifted` pixels that lie within the plane as ``geometry`` says."""
        count, inner = len(self.scale), geometry
        affine = np.eye(count + 3)
        affine[:count, :count], affine[:count, -1] = self.affine[:-1, :-1], self.affine[:-1, -1]
        affine[count:, count:] = inner.affine
        return {
            "scale": np.concatenate([self.scale, inner.scale]),
            "translate": np.concatenate([self.translate, inner.translate]),
            "rotate": _side_by_side(self.rotate, inner.rotate),
            "shear": _side_by_side(self.shear, inner.shear),
            "affine": affine,
            "units": self.units + inner.units,
            "axis_labels": self.axis_labels + inner.axis_labels,
        }


def _matrices(layer: Image) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Rotation and shear of a layer, ``(n, n)``, and its affine, ``(n + 1, n + 1)``."""
    shear = Affine(shear=layer.shear, ndim=layer.ndim).linear_matrix
    return np.array(layer.rotate, float), shear, np.array(layer.affine.affine_matrix, float)


def _side_by_side(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """A matrix that does the one to the first axes and the other to the last, and mixes nothing."""
    count = len(first)
    both = np.eye(count + len(second))
    both[:count, :count], both[count:, count:] = first, second
    return both


def _mixes(matrix: NDArray[np.float64]) -> bool:
    """Whether a linear map takes the last two axes out of their plane, or others into it."""
    return bool(np.abs(matrix[:-2, -2:]).max(initial=0) > 1e-9 or np.abs(matrix[-2:, :-2]).max(initial=0) > 1e-9)
