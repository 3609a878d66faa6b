"""A sample at any smaller size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

from napari_refvae.engine.device import exactly
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.errors import InvalidSpecError
from napari_refvae.imageio.pixels import denormalize, normalize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.spec import IntensityRange

__all__ = ["reduced", "resized"]


@exactly()
def resized(image: NDArray[Any], size: tuple[int, int], intensity_range: IntensityRange | None = None) -> NDArray[Any]:
    """Down-sample by antialiased bicubic interpolation (a = -0.5), to any size.

    From the input's size on `Session.decode` does better: with a ``size`` it projects anew, so samples stay consistent.

    Parameters
    ----------
    image
        A sample, of any kind and dtype.
    size
        Height and width of what comes out, at least one pixel and at most the sample's.
    intensity_range
        The session's, if it was declared one.

    Raises
    ------
    InvalidSpecError
        If the size is larger than the sample, which holds no more detail, or has no pixel.
    """
    height, width = image.shape[:2]
    if not (0 < size[0] <= height and 0 < size[1] <= width):
        raise InvalidSpecError(
            f"expected a size from 1 x 1 to the sample's {height} x {width}; got {size[0]} x {size[1]}: enlarge "
            "elsewhere, there is no more detail"
        )
    seen, cpu = normalize(image, intensity_range), torch.device("cpu")
    alpha = None if seen.alpha is None else image_from_tensor(reduced(image_to_tensor(seen.alpha, cpu), size))[..., 0]
    rgb = image_from_tensor(reduced(image_to_tensor(seen.rgb, cpu), size))
    return denormalize(rgb, alpha, seen.pixels, seen.bounds)


def reduced(planes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """``(1, C, H, W)`` to ``(1, C, *size)`` by antialiased bicubic interpolation."""
    return F.interpolate(planes, size=size, mode="bicubic", antialias=True, align_corners=False)
