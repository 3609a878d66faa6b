"""Score outputs of one original: figures of each, and of a set of samples together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.metrics import SSIM_WINDOW, diversity, low_resolution, lr_psnr, mse_maps, psnr_y, ssim_y

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_refvae.evaluation.distance import Error, PerceptualDistance
    from napari_refvae.evaluation.subjects import Output, Subject

__all__ = ["Scored", "Scores", "Spread", "score"]


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures of one output image.

    ``output`` is bicubic, faithful, sample (of the model, or a picture of another method) or mean. ``distance`` is
    the VGG-19 feature distance and ``relative_distance`` divides it by the bicubic output's; they and ``lpips`` are
    None where they were not measured, and ``lr_ssim`` where the input is smaller than SSIM's window.
    """

    image: str
    output: str
    reference: str
    seed: int | None
    psnr_y: float
    ssim_y: float
    lr_psnr: float
    lr_ssim: float | None = None
    lpips: float | None = None
    distance: float | None = None
    relative_distance: float | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """Diversity scores S of one image's samples, in per cent.

    ``mse`` is on squared errors in boxes of 16 pixels, ``feature`` on maps of the VGG-19 distance and ``lpips`` on
    those of LPIPS; None where that was not measured.
    """

    image: str
    samples: int
    mse: float
    feature: float | None = None
    lpips: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One subject with all its outputs, a `Scores` for each in their order, and the samples' `Spread`, if several."""

    subject: Subject
    outputs: tuple[Output, ...]
    scores: tuple[Scores, ...]
    spread: Spread | None


class _Ruler:
    """A distance to one original, whose features are computed once."""

    def __init__(self, distance: PerceptualDistance | None, subject: Subject) -> None:
        self._distance = distance
        self._target: list[Tensor] = distance.features(subject.hr) if distance else []

    def measure(self, output: Output) -> Error | None:
        return self._distance.measure(output.sr, self._target) if self._distance else None


def score(
    subject: Subject,
    outputs: Sequence[Output],
    *,
    vgg: PerceptualDistance | None = None,
    lpips: PerceptualDistance | None = None,
) -> Scored:
    """Score all outputs of a subject against the original, and their consistency with the input."""
    by_vgg, by_lpips = (
        [ruler.measure(output) for output in outputs] for ruler in (_Ruler(vgg, subject), _Ruler(lpips, subject))
    )
    base = next((e.value for output, e in zip(outputs, by_vgg, strict=True) if e and output.kind == "bicubic"), None)
    triples = zip(outputs, by_vgg, by_lpips, strict=True)
    scores = tuple(_score_output(subject, output, seen, other, base) for output, seen, other in triples)
    return Scored(subject, tuple(outputs), scores, _spread(subject, outputs, by_vgg, by_lpips))


def _score_output(
    subject: Subject, output: Output, vgg: Error | None, lpips: Error | None, base: float | None
) -> Scores:
    return Scores(
        image=subject.name,
        output=output.kind,
        reference=output.reference,
        seed=output.seed,
        psnr_y=psnr_y(output.sr, subject.hr),
        ssim_y=ssim_y(output.sr, subject.hr),
        lr_psnr=lr_psnr(output.sr, subject.lr, subject.scale),
        lr_ssim=_lr_ssim(output, subject),
        lpips=lpips.value if lpips else None,
        distance=vgg.value if vgg else None,
        relative_distance=vgg.value / base if vgg and base else None,
    )


def _lr_ssim(output: Output, subject: Subject) -> float | None:
    """SSIM of the output, made small again and rounded, to the input; without a border cut off."""
    if min(subject.lr.shape[:2]) < SSIM_WINDOW:
        return None
    return ssim_y(low_resolution(output.sr, subject.scale), subject.lr, shave=0)


def _spread(
    subject: Subject, outputs: Sequence[Output], vgg: Sequence[Error | None], lpips: Sequence[Error | None]
) -> Spread | None:
    """Diversity of the samples among the outputs; None of a single one."""
    drawn = [index for index, output in enumerate(outputs) if output.kind == "sample"]
    if len(drawn) < 2:
        return None
    samples = np.stack([outputs[index].sr for index in drawn])
    feature, perceptual = (_map_diversity([errors[index] for index in drawn]) for errors in (vgg, lpips))
    return Spread(subject.name, len(drawn), diversity(mse_maps(samples, subject.hr)), feature, perceptual)


def _map_diversity(errors: Sequence[Error | None]) -> float | None:
    maps = [error.map for error in errors if error]
    return diversity(np.stack(maps)) if maps else None
