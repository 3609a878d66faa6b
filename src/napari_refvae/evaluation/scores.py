"""Score samples of one original: figures of each output, and of a set of samples together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.metrics import diversity, lr_psnr, mse_maps, psnr_y, ssim_y

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


__all__ = ["Scores", "Spread", "score_output", "score_spread"]


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures of one output image.

    ``output`` is bicubic, faithful, sample (of the model, or a picture of another method) or mean. ``distance`` is
    the VGG-19 feature distance, None without the feature network; ``relative_distance`` divides it by the bicubic
    output's.
    """

    image: str
    output: str
    reference: str
    seed: int | None
    psnr_y: float
    ssim_y: float
    lr_psnr: float
    distance: float | None = None
    relative_distance: float | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """Diversity scores S in per cent of one image's samples; ``feature`` is None without the feature network."""

    image: str
    samples: int
    mse: float
    feature: float | None


def score_output(
    image: str,
    output: str,
    sr: NDArray[np.uint8],
    hr: NDArray[np.uint8],
    lr: NDArray[np.uint8],
    *,
    scale: int = 8,
    reference: str = "",
    seed: int | None = None,
    error_map: NDArray[np.float32] | None = None,
    bicubic_distance: float | None = None,
) -> Scores:
    """Score one output ``(scale*h, scale*w, 3)`` uint8 against its original, and its consistency with the input."""
    distance = None if error_map is None else float(error_map.mean())
    relative = distance / bicubic_distance if distance is not None and bicubic_distance else None
    return Scores(
        image=image,
        output=output,
        reference=reference,
        seed=seed,
        psnr_y=psnr_y(sr, hr),
        ssim_y=ssim_y(sr, hr),
        lr_psnr=lr_psnr(sr, lr, scale),
        distance=distance,
        relative_distance=relative,
    )


def score_spread(
    image: str, samples: NDArray[np.uint8], hr: NDArray[np.uint8], error_maps: Sequence[NDArray[np.float32]] | None
) -> Spread:
    """Diversity of samples ``(N, H, W, 3)`` uint8, from squared errors and from feature distances."""
    feature = None if error_maps is None else diversity(np.stack(error_maps))
    return Spread(image, len(samples), diversity(mse_maps(samples, hr)), feature)
