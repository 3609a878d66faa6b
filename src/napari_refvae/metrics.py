"""How good, how consistent and how diverse samples are: the exact protocols of the literature.

A figure can be set beside a published one only if the protocol is the same. Here: the original is
cropped to multiples of the scale and down-sampled by D (`napari_refvae.resampling`), rounded to 8 bits;
Y is BT.601 studio swing, rounded; PSNR and SSIM leave out a border of 8 pixels; the consistency with
the input (LR-PSNR) is measured on RGB, after rounding to 8 bits, with the border.

Images are ``(H, W, 3)`` uint8, 0..255, unless said otherwise; figures are plain floats.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from napari_refvae.errors import InvalidInputError
from napari_refvae.resampling import downsample

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = [
    "diversity",
    "low_resolution",
    "lr_psnr",
    "lr_psnr_normalized",
    "luma",
    "modulo_crop",
    "mse_maps",
    "psnr_y",
    "ssim_y",
]

PEAK = 255.0
SSIM_WINDOW = 11
LUMA_WEIGHTS = np.array([65.481, 128.553, 24.966])
"""ITU-R BT.601, studio swing: Y of 8-bit R, G, B is 16 plus these over 255, from 16 to 235."""


def modulo_crop(image: NDArray[Any], scale: int = 8) -> NDArray[Any]:
    """Crop ``(H, W, ...)`` at the bottom and the right to multiples of ``scale``.

    Raises
    ------
    InvalidInputError
        If a side is shorter than ``scale``.
    """
    height, width = (side - side % scale for side in image.shape[:2])
    if not height or not width:
        raise InvalidInputError(f"expected sides of at least {scale} pixels; got {image.shape[0]} x {image.shape[1]}")
    return image[:height, :width]


def low_resolution(hr: NDArray[np.uint8], scale: int = 8) -> NDArray[np.uint8]:
    """The input that belongs to an original: ``D(hr)``, rounded to 8 bits.

    Parameters
    ----------
    hr
        ``(scale*h, scale*w, 3)`` uint8; see `modulo_crop`.
    scale
        HR pixels per LR pixel and axis.

    Raises
    ------
    InvalidInputError
        If the shape or dtype is not this.
    """
    _check_image("hr", hr)
    return _to_8_bit(_downsampled(hr.astype(np.float32), scale)).astype(np.uint8)


def luma(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Y of BT.601 in studio swing, rounded: ``(..., 3)`` uint8 to ``(...)`` whole numbers from 16 to 235.

    ``round(16 + (65.481 R + 128.553 G + 24.966 B) / 255)``, as MATLAB's ``rgb2ycbcr`` gives on 8-bit
    images. Full-range luma has 1.3 dB less PSNR and cannot be compared.
    """
    _check_image("image", image)
    return cast("NDArray[np.float64]", np.rint(16 + image.astype(np.float64) @ LUMA_WEIGHTS / PEAK))


def psnr_y(sr: NDArray[np.uint8], hr: NDArray[np.uint8], shave: int = 8) -> float:
    """PSNR of Y in dB (peak 255) without a border of ``shave`` pixels; infinite if equal there.

    Raises
    ------
    InvalidInputError
        If the images are not ``(H, W, 3)`` uint8 of one size, or nothing is left inside the border.
    """
    a, b = _shaved_lumas(sr, hr, shave, smallest=1)
    return _psnr(a, b)


def ssim_y(sr: NDArray[np.uint8], hr: NDArray[np.uint8], shave: int = 8) -> float:
    """SSIM of Y without a border of ``shave`` pixels, averaged where the window fits.

    Gaussian window of 11 x 11 with sigma 1.5, population covariance, K1 = 0.01, K2 = 0.03 (Wang et
    al., 2004).

    Raises
    ------
    InvalidInputError
        If the images are not ``(H, W, 3)`` uint8 of one size, or under 11 pixels are left a side.
    """
    from skimage.metrics import structural_similarity  # heavy (SciPy), and consistency alone does not need it

    similarity: Callable[..., float] = structural_similarity  # it has no types of its own
    a, b = _shaved_lumas(sr, hr, shave, smallest=SSIM_WINDOW)
    return float(similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=PEAK))


def lr_psnr(sr: NDArray[np.uint8], lr: NDArray[np.uint8], scale: int = 8) -> float:
    """Consistency of a sample with its input: PSNR in dB of ``D(sr)``, rounded to 8 bits, against ``lr``.

    Over all RGB values and with the border; infinite if the input comes back exactly.

    Parameters
    ----------
    sr
        ``(scale*h, scale*w, 3)`` uint8.
    lr
        ``(h, w, 3)`` uint8.
    scale
        HR pixels per LR pixel and axis.

    Raises
    ------
    InvalidInputError
        If the shapes or dtypes are not these.
    """
    _check_image("sr", sr)
    _check_image("lr", lr)
    return _consistency(sr.astype(np.float32), lr.astype(np.float32), scale)


def lr_psnr_normalized(sr: NDArray[Any], lr: NDArray[Any], scale: int = 8) -> float:
    """`lr_psnr` for images of any stored format, normalised so that 0 is black and 1 white.

    Both sides are rounded to 8 bits, so values beyond 0..1 count as black or white.

    Parameters
    ----------
    sr
        ``(scale*h, scale*w, 3)`` floating point.
    lr
        ``(h, w, 3)`` floating point.
    scale
        HR pixels per LR pixel and axis.

    Raises
    ------
    InvalidInputError
        If the shapes are not these.
    """
    return _consistency(np.asarray(sr, np.float32) * PEAK, np.asarray(lr, np.float32) * PEAK, scale)


def diversity(error_maps: NDArray[Any]) -> float:
    """Diversity score S in percent: how much is gained by choosing the best sample anew at every pixel.

    With ``G = min_k mean(m_k)`` the error of the best sample and ``L = mean_p min_k m_k(p)`` that of the
    best choice everywhere, ``S = 100 (G - L) / G`` (NTIRE 2021, Learning the Super-Resolution Space).
    S lies from 0 (all samples alike) to 100 and grows with mere noise too: report it beside a
    perceptual distance and the LR-PSNR. If a sample is perfect, S is 0.

    Parameters
    ----------
    error_maps
        ``(K, H, W)``, not negative: one map of local errors a sample.

    Raises
    ------
    InvalidInputError
        If there are no maps, or an error is negative or not a number.
    """
    maps = np.asarray(error_maps, np.float64)
    if maps.ndim != 3 or not maps.size:
        raise InvalidInputError(f"expected error maps of shape (K, H, W), none of them 0; got {maps.shape}")
    if not (maps >= 0).all():
        raise InvalidInputError("expected error maps without negative values or NaN")
    best_sample = float(maps.mean(axis=(1, 2)).min())
    best_choice = float(maps.min(axis=0).mean())
    return max(0.0, 100 * (best_sample - best_choice) / best_sample) if best_sample else 0.0


def mse_maps(samples: NDArray[np.uint8], hr: NDArray[np.uint8], box: int = 16) -> NDArray[np.float64]:
    """Error maps for the MSE variant of `diversity`: squared RGB error averaged over boxes.

    The boxes of ``box`` x ``box`` pixels do not overlap; what does not fill one at the bottom and the
    right is left out.

    Parameters
    ----------
    samples
        ``(K, H, W, 3)`` uint8.
    hr
        ``(H, W, 3)`` uint8.
    box
        Side of a box in pixels.

    Returns
    -------
    ndarray
        ``(K, H // box, W // box)``.

    Raises
    ------
    InvalidInputError
        If a sample's shape is not that of ``hr``, or not one box fits.
    """
    _check_image("hr", hr)
    if samples.ndim != 4 or samples.dtype != np.uint8 or samples.shape[1:] != hr.shape:
        raise InvalidInputError(f"expected K uint8 samples, each of {hr.shape}; got {samples.dtype} {samples.shape}")
    rows, columns = hr.shape[0] // box, hr.shape[1] // box
    if not rows or not columns:
        raise InvalidInputError(f"expected sides of at least {box} pixels; got {hr.shape[0]} x {hr.shape[1]}")
    window = np.s_[: rows * box, : columns * box]
    target = hr[window].astype(np.float64)
    errors = [(sample[window] - target) ** 2 for sample in samples]  # one sample at a time: large images are large
    blocks = [error.reshape(rows, box, columns, box, 3).mean(axis=(1, 3, 4)) for error in errors]
    return np.stack(blocks)


def _consistency(sr: NDArray[np.float32], lr: NDArray[np.float32], scale: int) -> float:
    """LR-PSNR of images in units of 8-bit steps."""
    expected = (lr.shape[0] * scale, lr.shape[1] * scale, 3) if lr.ndim == 3 else None
    if expected is None or lr.shape[2] != 3 or sr.shape != expected or not lr.size:
        raise InvalidInputError(f"expected LR (h, w, 3) and SR {scale} times that size; got {lr.shape} and {sr.shape}")
    return _psnr(_to_8_bit(_downsampled(sr, scale)), _to_8_bit(lr))


def _to_8_bit(image: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.rint(image.astype(np.float64)).clip(0, PEAK)


def _downsampled(image: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """D on a numpy image.

    The one place here that crosses from numpy to torch and back: D exists once, for tensors, and a metric
    that had its own would measure the difference between the two.
    """
    tensor = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        return cast("NDArray[np.float32]", downsample(tensor, scale)[0].permute(1, 2, 0).numpy())


def _psnr(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    mse = float(np.mean((a - b) ** 2))
    return 10 * math.log10(PEAK**2 / mse) if mse else math.inf


def _shaved_lumas(
    sr: NDArray[np.uint8], hr: NDArray[np.uint8], shave: int, smallest: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    _check_image("sr", sr)
    _check_image("hr", hr)
    if sr.shape != hr.shape:
        raise InvalidInputError(f"expected images of one size; got {sr.shape} and {hr.shape}")
    if min(hr.shape[:2]) < 2 * shave + smallest:
        raise InvalidInputError(
            f"expected sides of at least {2 * shave + smallest} pixels with a border of {shave}; got {hr.shape[:2]}"
        )
    inside = slice(shave, -shave or None)
    return luma(sr)[inside, inside], luma(hr)[inside, inside]


def _check_image(name: str, image: NDArray[Any]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or not image.size or image.dtype != np.uint8:
        raise InvalidInputError(f"expected {name} of shape (H, W, 3), uint8; got {image.dtype} {image.shape}")
