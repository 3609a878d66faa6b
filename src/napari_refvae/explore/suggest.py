"""References that fit: how alike their texture is to the input's, and how much they would change.

Texture is compared at the input's scale: a reference is made small by the degradation first, as the input was. Its
statistics are, of luma, the logarithm of the mean gradient magnitude along each axis at three octaves, and of the
colours, mean and standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from napari_refvae.engine.device import exactly
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.imageio.files import IMAGE_SUFFIXES
from napari_refvae.inputs import as_range, read_references
from napari_refvae.resampling import downsample
from napari_refvae.spec import ImageReference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_refvae.explore.session import Session
    from napari_refvae.inputs import ReferenceLike
    from napari_refvae.provenance import Source

__all__ = ["Suggestion", "suggest", "texture_statistics"]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
OCTAVES = 3
FLAT = 1e-3
"""Added to gradients of a range of 1 before the logarithm."""

COLOUR_WEIGHT = 2.0
"""Of colours against logarithms of gradients: half the range counts as much as a factor of e."""


@dataclass(frozen=True, slots=True, eq=False)
class Suggestion:
    """How a reference would do.

    Attributes
    ----------
    reference, source
        As read, and where from.
    similarity
        Of its texture statistics to the input's, from 0 to 1 (equal).
    effect
        How far it moves the code from "no reference", in standard deviations of the prior (root mean square).
    """

    reference: ImageReference
    source: Source
    similarity: float
    effect: float


def suggest(
    session: Session,
    candidates: Path | str | Sequence[ReferenceLike],
    *,
    by: Literal["similarity", "effect"] = "similarity",
) -> list[Suggestion]:
    """Rank references, the best first.

    Parameters
    ----------
    session
        Of the input.
    candidates
        A folder, or images in any form that `napari_refvae.upscale` takes.
    by
        What counts.

    Raises
    ------
    InvalidInputError
        If there is no image, or one cannot be read.
    InvalidSpecError
        If ``by`` is no such word.
    """
    if by not in ("similarity", "effect"):
        raise InvalidSpecError(f"by must be 'similarity' or 'effect'; got {by!r}")
    items = list(_in_folder(Path(candidates)) if isinstance(candidates, str | Path) else candidates)
    wanted = texture_statistics(session.rgb)
    found = []
    for reference, source in read_references(items, as_range(None), session.dtype) if items else []:
        if isinstance(reference, ImageReference):
            statistics = texture_statistics(_made_small(reference.image, session.scale))
            similarity = float(np.exp(-np.sqrt(np.mean((statistics - wanted) ** 2))))
            found.append(Suggestion(reference, source, similarity, session.effect(reference)))
    if not found:
        raise InvalidInputError("expected images to choose references from; got none: pass a folder of images")
    return sorted(found, key=lambda one: -getattr(one, by))


def texture_statistics(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Statistics of ``(h, w, 3)`` in 0..1, one number each; see the module."""
    luma, found = rgb @ LUMA, []
    for _ in range(OCTAVES):
        for axis in (0, 1):
            steps = np.abs(np.diff(luma, axis=axis))
            found.append(np.log((steps.mean() if steps.size else 0.0) + FLAT))
        luma = _halved(luma)
    colours = rgb.reshape(-1, 3)
    return np.concatenate([found, COLOUR_WEIGHT * colours.mean(axis=0), COLOUR_WEIGHT * colours.std(axis=0)]).astype(
        np.float32
    )


def _halved(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = (length // 2 for length in luma.shape)
    if not height or not width:
        return luma
    return np.asarray(luma[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean(axis=(1, 3)))


@exactly()
def _made_small(image: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """D, where there is a pixel to make; a smaller reference is taken as it is."""
    height, width = (length - length % scale for length in image.shape[:2])
    if not height or not width:
        return image
    return image_from_tensor(downsample(image_to_tensor(image[:height, :width], torch.device("cpu")), scale))


def _in_folder(folder: Path) -> Sequence[ReferenceLike]:
    if not folder.is_dir():
        raise InvalidInputError(f"expected a folder of images; {folder} is none")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
