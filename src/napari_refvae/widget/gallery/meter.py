"""What a picture measures against the ground truth: PSNR, SSIM and, where its weights are at hand, a VGG distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import CheckpointError, InvalidInputError
from napari_refvae.imageio.pixels import dtype_range

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.evaluation.distance import FeatureDistance
    from napari_refvae.spec import IntensityRange

__all__ = ["Measured", "Meter", "Scoring"]

LARGEST = 1_000_000
"""Pixels of the largest picture whose features are taken: one takes about 1.5 kB."""

SMALLEST = 8
"""Pixels a side of the smallest one."""


@dataclass(frozen=True, slots=True, eq=False)
class Scoring:
    """What to measure.

    Attributes
    ----------
    image, truth
        Of one shape and dtype: ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)``.
    intensity_range
        Their black and white; None for the dtype's own.
    shave
        Border that is left out, in pixels.
    perceptual
        Whether to measure the VGG distance, which takes seconds, or else PSNR and SSIM.
    """

    image: NDArray[Any]
    truth: NDArray[Any]
    intensity_range: IntensityRange | None
    shave: int = 8
    perceptual: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of it.

    Attributes
    ----------
    scores
        ``psnr`` in dB and ``ssim``, both of Y as the literature has it, or ``vgg``; none that the image is too small
        for.
    reason
        Why there is no VGG distance, if that was asked for.
    """

    scores: dict[str, float]
    reason: str = ""


class Meter:
    """Measures one picture at a time, in any thread; loads what it needs when it first needs it."""

    def __init__(self) -> None:
        self._distance: FeatureDistance | None = None
        self._damage = ""  # of the weights
        self._features: tuple[Scoring, list[Tensor]] | None = None  # of the truth of the last one

    def measure(self, scoring: Scoring) -> Measured:
        """Measure a picture."""
        image, truth = (_eight_bit_colours(each, scoring.intensity_range) for each in (scoring.image, scoring.truth))
        if scoring.perceptual:
            return self._perceptual(scoring, image, truth)
        return Measured(_pixelwise(image, truth, scoring.shave))

    def rest(self) -> None:
        """Let go of the last truth's features, which are hundreds of bytes a pixel."""
        self._features = None

    def _perceptual(self, scoring: Scoring, image: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Measured:
        image, truth = (_shaved(each, scoring.shave) for each in (image, truth))
        if min(image.shape[:2]) < SMALLEST:
            return Measured({})
        if image.shape[0] * image.shape[1] > LARGEST:
            return Measured({}, "VGG distance: measured up to one megapixel, as it takes 1.5 kB of memory a pixel")
        try:
            distance, reason = self._loaded()
        except CheckpointError as error:
            self._damage = reason = f"VGG distance: {error}"
            distance = None
        if distance is None:
            return Measured({}, reason)
        if self._features is None or not _same_truth(self._features[0], scoring):
            self._features = scoring, distance.features(truth)
        return Measured({"vgg": distance.measure(image, self._features[1]).value})

    def _loaded(self) -> tuple[FeatureDistance | None, str]:
        """The network, or why there is none; it is looked for until it is found or damaged, and never fetched."""
        if self._distance is not None or self._damage:
            return self._distance, self._damage
        from napari_refvae.evaluation.distance import FeatureDistance  # with torch: off the window's thread
        from napari_refvae.model import vgg
        from napari_refvae.model.cache import cache_dir

        path = vgg.cached_vgg19()
        if path is None:
            return None, (
                f"VGG distance: needs VGG-19's weights (548 MiB), which are not in {cache_dir()}: put {vgg.VGG19_FILE} "
                "there, or run `refvae evaluate`, which fetches them"
            )
        self._distance = FeatureDistance(path, "cpu", digest=vgg.TORCHVISION_SHA256)
        return self._distance, ""


def _pixelwise(image: NDArray[np.uint8], truth: NDArray[np.uint8], shave: int) -> dict[str, float]:
    from napari_refvae.metrics import psnr_y, ssim_y  # loads torch: here, so that the window does not wait for it

    scores = {}
    for name, metric in (("psnr", psnr_y), ("ssim", ssim_y)):
        try:
            scores[name] = metric(image, truth, shave)
        except InvalidInputError:  # too small for it
            continue
    return scores


def _same_truth(one: Scoring, other: Scoring) -> bool:
    first, second = ((scoring.intensity_range, scoring.shave) for scoring in (one, other))
    return one.truth is other.truth and first == second


def _shaved(image: NDArray[np.uint8], border: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image[border : image.shape[0] - border, border : image.shape[1] - border])


def _eight_bit_colours(image: NDArray[Any], limits: IntensityRange | None) -> NDArray[np.uint8]:
    """``(H, W, 3)`` uint8, black 0 and white 255; alpha is left out."""
    limits = limits or dtype_range(image.dtype)
    colours = image[..., :3] if image.ndim == 3 else image[..., None].repeat(3, axis=2)
    if colours.dtype == np.uint8 and (limits.low, limits.high) == (0, 255):
        return np.ascontiguousarray(colours)
    scaled = (colours.astype(np.float32) - limits.low) * (255 / limits.span)
    return np.rint(np.nan_to_num(scaled).clip(0, 255)).astype(np.uint8)
