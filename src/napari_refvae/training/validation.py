"""Scores of a model on a few originals while it trains, and a sheet to look at.

The first of the scores, ``score``, picks the best model. It is the Y-PSNR of the faithful answers in dB, less ten
times the feature distance of the samples as a share of bicubic interpolation's, where a feature network is at hand:
a tenth of that share counts as much as a decibel. Without one it is the Y-PSNR alone.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from napari_refvae.metrics import diversity, lr_psnr, psnr_y
from napari_refvae.training.losses import distance_maps
from napari_refvae.training.rehearsal import Rehearsal, as_pixels, as_tensor, middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.model.features import FeatureNetwork

__all__ = ["Validator", "sheet"]

LARGEST_SIDE = 768
"""The faithful answer is scored on the middle of larger originals."""

SAMPLED_SIDE = 256
"""Samples are scored on the middle of originals, to keep validation short."""

SAMPLED, SAMPLES = 8, 4
"""So many originals are sampled, so many times each."""

SHOWN, SHOWN_SIDE, SHOWN_SAMPLES = 4, 192, 2
"""Rows of a sheet, pixels a side of each picture, samples in a row."""

LARGEST_PSNR = 100.0
"""Decibels that a perfect answer counts as: infinity in a mean would make all models alike."""

BICUBIC = "bicubic_distance"
"""Name of what feature distances are divided by."""

DISTANCE_WEIGHT = 10.0
"""Decibels that the feature distance of bicubic interpolation is worth."""


class Validator:
    """Scores models on originals.

    Parameters
    ----------
    originals
        ``(H, W, 3)`` uint8, at least 40 pixels a side.
    references
        Sample k takes the k-th; without any, samples come from the prior.
    features
        Measures the feature distance and, on its maps, the diversity S; both are left out without it.
    """

    def __init__(
        self,
        originals: Sequence[NDArray[np.uint8]],
        references: Sequence[NDArray[np.uint8]] = (),
        features: FeatureNetwork | None = None,
    ) -> None:
        self.originals, self.features = originals, features
        self.references = [middle(reference, SAMPLED_SIDE) for reference in references[:SAMPLES]]

    @torch.inference_mode()
    def __call__(self, model: ReferenceVAE) -> dict[str, float]:
        """The mean of each score over the originals; ``lr_psnr`` is the worst sample's. No PSNR counts as over 100 dB.

        The feature distance is divided by bicubic interpolation's after taking means, since that is 0 of what is flat;
        if it is of all originals, the feature distance is left out.
        """
        whole = (middle(original, LARGEST_SIDE) for original in self.originals)
        faithful = [_psnr_y(answer.faithful(), answer) for answer in (Rehearsal(model, hr) for hr in whole)]
        each = [self._sampled(model, middle(original, SAMPLED_SIDE)) for original in islice(self.originals, SAMPLED)]
        scores = {name: float(np.mean([entry[name] for entry in each])) for name in each[0]}
        scores["lr_psnr"] = min(LARGEST_PSNR, *(entry["lr_psnr"] for entry in each))
        scores = {"faithful_psnr_y": float(np.mean(faithful)), **_relative(scores)}
        share = scores.get("feature_distance", 0.0)
        return {"score": scores["faithful_psnr_y"] - DISTANCE_WEIGHT * share, **scores}

    def _sampled(self, model: ReferenceVAE, original: NDArray[np.uint8]) -> dict[str, float]:
        rehearsal = Rehearsal(model, original)
        samples = rehearsal.samples(SAMPLES, self.references)
        scores = {
            "sample_psnr_y": float(np.mean([_psnr_y(sample, rehearsal) for sample in samples])),
            "lr_psnr": min(lr_psnr(sample, rehearsal.small, model.scale) for sample in samples),
        }
        if self.features is not None:
            scores |= self._perceived(rehearsal, samples)
        return scores

    def _perceived(self, rehearsal: Rehearsal, samples: list[NDArray[np.uint8]]) -> dict[str, float]:
        """Feature distances of the samples and of bicubic interpolation, and S over the samples' maps."""
        base = self._error_maps([as_pixels(rehearsal.base)], rehearsal.original)
        maps = self._error_maps(samples, rehearsal.original)
        return {
            "feature_distance": float(maps.mean()),
            BICUBIC: float(base.mean()),
            "diversity": diversity(maps.numpy()),
        }

    def _error_maps(self, images: list[NDArray[np.uint8]], original: NDArray[np.uint8]) -> Tensor:
        """Sum over layers of the squared distance of unit-length features: ``(K, H, W)`` on the CPU."""
        assert self.features is not None
        device = next(self.features.parameters()).device
        target = self.features(as_tensor(original, device))
        total = torch.zeros(len(images), *original.shape[:2])
        for row, image in zip(total, images, strict=True):
            for layer in distance_maps(self.features(as_tensor(image, device)), target):
                row += F.interpolate(layer, size=row.shape, mode="bilinear")[0, 0].cpu()
        return total


def _psnr_y(answer: NDArray[np.uint8], rehearsal: Rehearsal) -> float:
    return min(LARGEST_PSNR, psnr_y(answer, rehearsal.original))


def _relative(scores: dict[str, float]) -> dict[str, float]:
    """With the feature distance as a share of bicubic interpolation's, where that is not 0."""
    base = scores.pop(BICUBIC, 0.0)
    if base:
        return scores | {"feature_distance": scores["feature_distance"] / base}
    scores.pop("feature_distance", None)
    return scores


@torch.inference_mode()
def sheet(
    model: ReferenceVAE, originals: Sequence[NDArray[np.uint8]], references: Sequence[NDArray[np.uint8]] = ()
) -> NDArray[np.uint8]:
    """The same few examples each time, to see a model come along.

    A row shows the input, bicubic interpolation, the faithful answer, two samples and the original: ``(H, W, 3)``
    uint8.
    """
    cut = [middle(reference, SAMPLED_SIDE) for reference in references[:SHOWN_SAMPLES]]
    return np.concatenate([_row(Rehearsal(model, middle(image, SHOWN_SIDE)), cut) for image in originals[:SHOWN]])


def _row(rehearsal: Rehearsal, references: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    height, width = rehearsal.original.shape[:2]
    enlarged = Image.fromarray(rehearsal.small).resize((width, height), Image.Resampling.NEAREST)
    samples = rehearsal.samples(SHOWN_SAMPLES, references)
    pictures = [np.asarray(enlarged), as_pixels(rehearsal.base), rehearsal.faithful(), *samples, rehearsal.original]
    return np.concatenate([_framed(picture) for picture in pictures], axis=1)


def _framed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """On white, of the same size for every picture."""
    side = SHOWN_SIDE + 4
    frame = np.full((side, side, 3), 255, np.uint8)
    height, width = picture.shape[:2]
    y, x = math.ceil((side - height) / 2), math.ceil((side - width) / 2)
    frame[y : y + height, x : x + width] = picture
    return frame
