"""What a run returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.tags import NO_TAGS, ImageTags

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FinishedSample", "SuperResolutionResult"]


@dataclass(frozen=True, slots=True, eq=False)
class FinishedSample:
    """One sample of a run that goes on.

    Attributes
    ----------
    index
        From 0, over all references.
    sr
        The sample in the input's dtype and kind: a view of what the run's result will hold.
    reference
        Name of its reference.
    seed
        Its seed.
    lr_psnr
        How well it gives the input back, in dB; see `SuperResolutionResult`.
    """

    index: int
    sr: NDArray[Any]
    reference: str
    seed: int
    lr_psnr: float


@dataclass(frozen=True, slots=True, eq=False)
class SuperResolutionResult:
    """The samples of one run, in the input's dtype and kind.

    Attributes
    ----------
    sr
        ``(N, s*h, s*w)`` for a grey input, ``(N, s*h, s*w, C)`` for RGB and RGBA, s being the scale.
    lr
        The input, or the region of it that was asked for, as it came.
    bicubic
        The input up-sampled bicubically, like one sample.
    references
        Name of each sample's reference, N long.
    seeds
        Seed of each sample, N long: with the same reference it makes that sample again alone.
    lr_psnr
        How well each sample, down-sampled and rounded to 8 bits, gives the input back, in dB over
        all colour values; infinite if exactly. A region's sample is down-sampled with the pixels around it.
    provenance
        A JSON-ready record that makes the run again (`napari_refvae.replay`).
    scale
        HR pixels per LR pixel and axis.
    faithful
        The image nearest to the truth that the model can make, like one sample: without a reference, nothing
        random, vividness 0. None unless asked for.
    tags
        What the input's file said of it besides the pixels: `save` writes colour profile, resolution and pixel size.
    """

    sr: NDArray[Any]
    lr: NDArray[Any]
    bicubic: NDArray[Any]
    references: tuple[str, ...]
    seeds: tuple[int, ...]
    lr_psnr: tuple[float, ...]
    provenance: Mapping[str, Any]
    scale: int = 8
    faithful: NDArray[Any] | None = None
    tags: ImageTags = NO_TAGS

    def __repr__(self) -> str:
        """Sizes and names; the arrays would fill pages."""
        kind = f"{self.sr.dtype} sample{'s' * (len(self) != 1)} of {' x '.join(map(str, self.sr.shape[1:]))}"
        names = ", ".join(dict.fromkeys(self.references))
        return f"<{len(self)} {kind}; references: {names}; LR-PSNR {_least(self.lr_psnr)}>"

    def __len__(self) -> int:
        return len(self.sr)

    @property
    def mean(self) -> NDArray[np.float32]:
        """Mean of the samples, float32, in stored units."""
        with _holes():
            return self.sr.mean(axis=0, dtype=np.float64).astype(np.float32)

    @property
    def std(self) -> NDArray[np.float32]:
        """Standard deviation over the samples, float32, in stored units: where the detail is invention."""
        with _holes():
            return self.sr.std(axis=0, dtype=np.float64).astype(np.float32)

    def residual(self, against: Literal["bicubic", "mean"] | NDArray[Any] = "bicubic") -> NDArray[np.float32]:
        """Each sample minus one image, float32, in stored units: ``(N, s*h, s*w[, C])``.

        ``against`` is ``"bicubic"``, ``"mean"`` (of the samples) or an image of a sample's shape, such as
        the ground truth.

        Raises
        ------
        InvalidInputError
            If ``against`` is no such word, or its shape is not that of a sample.
        """
        if isinstance(against, str):
            if against not in ("bicubic", "mean"):
                raise InvalidInputError(f"expected 'bicubic', 'mean' or an image to subtract; got {against!r}")
            base = self.bicubic if against == "bicubic" else self.mean
        else:
            base = np.asarray(against)
            if base.shape != self.sr.shape[1:]:
                raise InvalidInputError(f"expected an image of shape {self.sr.shape[1:]} to subtract; got {base.shape}")
        with _holes():
            return self.sr.astype(np.float32) - base.astype(np.float32)

    def save(self, folder: Path | str, stem: str = "image", suffix: str = ".png") -> list[Path]:
        """Write each sample and one JSON side-car that replays the run; never overwrites a file.

        Returns the paths written, the side-car last.

        Raises
        ------
        OutputError
            If something cannot be written; nothing is left half-written.
        """
        from napari_refvae.imageio.files import save_samples

        return save_samples(self, folder, stem, suffix)


def _least(lr_psnr: tuple[float, ...]) -> str:
    """How well the worst sample gives the input back, for people."""
    least = min(lr_psnr)
    return f"at least {least:.1f} dB" if math.isfinite(least) else "exact"


def _holes() -> np.errstate:
    """Differences of infinite values, which the input may hold, are NaN: no reason for a warning."""
    return np.errstate(invalid="ignore")
