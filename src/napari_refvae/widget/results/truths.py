"""Which part of a ground truth a sample is to equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_refvae.errors import InvalidInputError
from napari_refvae.regions import Region

if TYPE_CHECKING:
    from napari_refvae.widget.results.layers import LayerPlane

__all__ = ["truth_plane"]


def truth_plane(truth: LayerPlane, image: LayerPlane, region: Region | None, factor: int) -> LayerPlane:
    """The part of a ground truth that a sample is to equal: same size, kind and dtype. Reads no pixels.

    Parameters
    ----------
    truth
        ``factor`` times the size of the whole input; up to ``factor - 1`` rows and columns more at the end, which the
        literature crops before it down-samples, are left out. Or of the region's size exactly.
    image, region
        The input, and the part of it that is super-resolved; None for all.
    factor
        Sample pixels per input pixel and axis.

    Raises
    ------
    InvalidInputError
        If size, kind or dtype do not fit.
    """
    if truth.dtype != image.dtype or truth.shape[2:] != image.shape[2:]:
        raise InvalidInputError(
            f"expected a ground truth stored as the image is, {_kind(image)}; got {truth.name!r}, {_kind(truth)}: "
            "convert it"
        )
    part = region or Region(0, 0, *image.shape[:2])
    if truth.shape[:2] == (part.height * factor, part.width * factor):
        return truth
    whole = image.shape[0] * factor, image.shape[1] * factor
    if not all(0 <= got - wanted < factor for got, wanted in zip(truth.shape, whole, strict=False)):
        raise InvalidInputError(
            f"expected a ground truth of {whole[1]} x {whole[0]}, {factor} times the image; "
            f"got {truth.name!r} of {truth.shape[1]} x {truth.shape[0]}"
        )
    return truth.cropped(part.scaled(factor))


def _kind(plane: LayerPlane) -> str:
    channels = plane.shape[2] if len(plane.shape) == 3 else 1
    return f"{ {1: 'grey', 3: 'RGB', 4: 'RGBA'}.get(channels, f'{channels} channels') } {plane.dtype}"
