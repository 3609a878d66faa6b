"""A sample at any size between the input's and the model's, which still gives the input back.

D of a ratio r >= 1 that need not be whole is the same antialiased bicubic kernel (a = -0.5) laid r times as wide around
each input pixel's centre, its weights summing to 1, borders mirrored; for a whole r it is the D of
`napari_refvae.resampling`. Its rows are far from dependent (least singular values above 0.24 of an axis at all ratios,
measured from 1 to 8), so U = D'(DD')^-1 exists and the projection is the same: x + U(lr - D x).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_refvae.engine.device import exactly
from napari_refvae.engine.tensors import image_to_tensor
from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore.scales import reduced
from napari_refvae.imageio.pixels import denormalize, normalize
from napari_refvae.metrics import lr_psnr_normalized
from napari_refvae.resampling import RELAXATION, cubic, settled, symmetric_indices

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.imageio.missing import Missing
    from napari_refvae.spec import NormalizedImage

__all__ = ["check_size_between", "down_weights", "fitted", "put_back_missing"]

ROUNDS = 8
"""How often projection and clamping alternate at most, as in `napari_refvae.resampling.project`."""

Axis = tuple["Tensor", "Tensor"]
"""D and U along one axis: ``(h, H)`` and ``(H, h)`` float32."""


def check_size_between(size: tuple[int, int], least: tuple[int, int], most: tuple[int, int]) -> None:
    """Refuse a size that is not between two others on both axes with an InvalidSpecError."""
    whole = all(isinstance(side, int | np.integer) and not isinstance(side, bool) for side in size)
    if len(size) != 2 or not whole or not all(a <= b <= c for a, b, c in zip(least, size, most, strict=True)):
        raise InvalidSpecError(
            f"expected a size (height, width) from the input's {least[0]} x {least[1]} to {most[0]} x {most[1]}; "
            f"got {size!r}: enlarge or reduce the sample elsewhere, it holds no more detail, and a smaller one cannot "
            "give the input back"
        )


@exactly()
def fitted(
    sample: NDArray[Any], image: NormalizedImage, size: tuple[int, int], *, consistent: bool = True
) -> tuple[NDArray[Any], float]:
    """Reduce a sample to a size, and project it so that it gives the input back.

    Parameters
    ----------
    sample
        Of the whole image at the model's scale, finite, in the image's format.
    image
        The input.
    size
        Height and width of what comes out, checked by `check_size_between`.
    consistent
        Whether to project.

    Returns
    -------
    sample, lr_psnr
        ``(H, W[, C])`` in the image's format, and how well its stored values give the input back, in dB.
    """
    axes = (_axis(size[0], image.size[0]), _axis(size[1], image.size[1]))
    seen, limits = normalize(sample, image.pixels.range), image.bounds
    planes = [
        _fit(plane, lr, size, axes, limits, consistent=consistent)
        for plane, lr in zip(_planes(seen.rgb), _planes(image.rgb), strict=True)
    ]
    alpha = None
    if image.alpha is not None and seen.alpha is not None:
        [plane], [small] = _planes(seen.alpha), _planes(image.alpha)
        alpha = _fit(plane, small, size, axes, (0.0, 1.0), consistent=True).numpy()
    stored = denormalize(torch.stack(planes, dim=-1).numpy(), alpha, image.pixels, limits)
    return stored, _lr_psnr(stored, image, axes)


def put_back_missing(result: NDArray[Any], missing: Missing) -> None:
    """Write NaN and infinite values of the input where most of a result's pixel lies in theirs, in place."""
    holes = np.zeros(missing.shape, bool)
    holes[missing.index] = True
    values = np.zeros(missing.shape, result.dtype)
    values[missing.index] = missing.values
    centres = [
        ((np.arange(fine) + 0.5) * coarse / fine).astype(int)
        for fine, coarse in zip(result.shape[:2], missing.shape[:2], strict=True)
    ]
    where = holes[np.ix_(*centres)]
    result[where] = values[np.ix_(*centres)][where]


def down_weights(fine: int, coarse: int) -> Tensor:
    """D along one axis: ``(coarse, fine)`` float64, for ``fine >= coarse``; see the module."""
    ratio = fine / coarse
    centre = (torch.arange(coarse, dtype=torch.float64) + 0.5) * ratio - 0.5
    reach = math.ceil(2 * ratio) + 1
    place = centre.floor().long()[:, None] + torch.arange(-reach, reach + 1)[None]
    weights = cubic((place - centre[:, None]) / ratio)
    weights /= weights.sum(dim=1, keepdim=True)
    folded = symmetric_indices(0, 2 * fine, fine)[place % (2 * fine)]
    return torch.zeros(coarse, fine, dtype=torch.float64).scatter_add_(1, folded, weights)


def _axis(fine: int, coarse: int) -> Axis:
    down = down_weights(fine, coarse)
    return down.float(), torch.linalg.solve(down @ down.T, down).T.float()


def _fit(
    plane: Tensor,
    lr: Tensor,
    size: tuple[int, int],
    axes: tuple[Axis, Axis],
    bounds: tuple[float, float],
    *,
    consistent: bool,
) -> Tensor:
    """One plane, reduced and projected within bounds; clamping comes last, so it can be stored as it is."""
    small = reduced(plane[None, None], size)[0, 0]
    if not consistent:
        return small.clamp(*bounds)
    exact = small + _up(lr - _down(small, axes), axes)
    for left in reversed(range(ROUNDS)):
        clamped = exact.clamp(*bounds)
        off = lr - _down(clamped, axes)
        if float(off.abs().max()) < settled(off.dtype):
            return clamped
        exact = clamped + (RELAXATION if left else 1.0) * _up(off, axes)
    return exact.clamp(*bounds)


def _down(plane: Tensor, axes: tuple[Axis, Axis]) -> Tensor:
    return axes[0][0] @ plane @ axes[1][0].T


def _up(plane: Tensor, axes: tuple[Axis, Axis]) -> Tensor:
    return axes[0][1] @ plane @ axes[1][1].T


def _planes(image: NDArray[np.float32]) -> list[Tensor]:
    return list(image_to_tensor(image, torch.device("cpu"))[0])


def _lr_psnr(stored: NDArray[Any], image: NormalizedImage, axes: tuple[Axis, Axis]) -> float:
    again = [_down(plane, axes) for plane in _planes(normalize(stored, image.pixels.range).rgb)]
    return lr_psnr_normalized(torch.stack(again, dim=-1).numpy(), image.rgb, scale=1)
