"""Whether a related reference is worth more than an unrelated one.

Each original is cut in two across its longer side. The first half is made small and super-resolved three ways, with
one seed: with the second half as its reference (related), with images that have nothing to do with it (unrelated), and
with none. A model that uses what a reference shows does better with the related one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.api import load_model, upscale
from napari_refvae.evaluation.left_out import LeftOut
from napari_refvae.evaluation.references import read_references
from napari_refvae.evaluation.subjects import Subject, find_originals, name_below, read_levels
from napari_refvae.metrics import psnr_y
from napari_refvae.spec import ImageReference, PriorReference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_refvae.api import LoadedModel
    from napari_refvae.evaluation.distance import PerceptualDistance
    from napari_refvae.spec import Reference

__all__ = ["RelatedScores", "compare_related", "halves", "to_markdown"]

KINDS = {"related": "the photograph's other half", "unrelated": "unrelated images", "none": "none"}


@dataclass(frozen=True, slots=True)
class RelatedScores:
    """Figures of one image with one kind of reference; of unrelated ones the mean."""

    image: str
    kind: str
    psnr_y: float
    distance: float


def compare_related(
    images: Path,
    references: Path,
    distance: PerceptualDistance,
    *,
    model: str | Path | LoadedModel = "compact",
    device: str = "auto",
    seed: int = 0,
    unrelated: int = 4,
    say: Callable[[str], None] = lambda line: None,
    left_out: LeftOut | None = None,
) -> list[RelatedScores]:
    """Score the first half of every original with each kind of reference.

    Parameters
    ----------
    images
        Folder of originals (or one file).
    references
        Folder of unrelated references; the first ``unrelated`` are used.
    distance
        A perceptual distance.
    model
        Name, file or loaded model.
    device
        As in `napari_refvae.upscale`.
    seed
        Of every sample.
    unrelated
        How many unrelated references an image is scored with.
    say
        Called with one line an image.
    left_out
        Takes the originals that cannot be used, such as those whose halves are too small to be scored.

    Raises
    ------
    InvalidInputError
        If a folder holds no image, or none can be used.
    """
    loaded = load_model(model) if isinstance(model, str | Path) else model
    pool = read_references(references, unrelated, say)
    scores: list[RelatedScores] = []
    left_out = left_out or LeftOut(say)
    originals = find_originals(images)
    for path in originals:
        with left_out.naming(name_below(images, path)):
            original, levels = read_levels(path)
            first, second = halves(original)
            subject = Subject.of(first, name_below(images, path), loaded.network.scale, levels)
            related = ImageReference(second.astype(np.float32) / np.float32(255), "other half")
            kinds: dict[str, list[Reference]] = {"related": [related], "unrelated": [*pool], "none": [PriorReference()]}
            target = distance.features(subject.hr)
            fresh = []
            for kind, chosen in kinds.items():
                made = [
                    upscale(subject.lr, one, samples=1, seed=seed, model=loaded, device=device).sr[0] for one in chosen
                ]
                psnr = float(np.mean([psnr_y(sr, subject.hr) for sr in made]))
                apart = float(np.mean([distance.measure(sr, target).value for sr in made]))
                fresh.append(RelatedScores(subject.name, kind, psnr, apart))
            scores += fresh
            say(f"{subject.title}: " + ", ".join(f"{s.kind} {s.psnr_y:.2f} dB / {s.distance:.4f}" for s in fresh))
    left_out.refuse_if_all(len(originals))
    return scores


def halves(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Left and right, or upper and lower half of ``(H, W, 3)``, whichever cut is across the longer side."""
    height, width = image.shape[:2]
    if height > width:
        return image[: height // 2], image[height // 2 :]
    return image[:, : width // 2], image[:, width // 2 :]


def to_markdown(scores: Sequence[RelatedScores]) -> str:
    """A table of means, and how often and by how much the related reference did better."""
    lines = ["| reference | Y-PSNR | VGG distance |", "|---|---:|---:|"]
    for kind, name in KINDS.items():
        psnr, distance = (_values(scores, kind, measure).mean() for measure in ("psnr_y", "distance"))
        lines.append(f"| {name} | {psnr:.2f} | {distance:.4f} |")
    comparisons = [_comparison(scores, other) for other in ("unrelated", "none")]
    return "\n".join([*lines, "", *comparisons]) + "\n"


def _comparison(scores: Sequence[RelatedScores], other: str) -> str:
    psnr, distance = (
        _values(scores, "related", measure) - _values(scores, other, measure) for measure in ("psnr_y", "distance")
    )
    return (
        f"- Related against {other}: nearer in VGG distance on {int((distance < 0).sum())} of {len(distance)} images "
        f"(difference {distance.mean():+.4f}{_error(distance, 4)}), better in Y-PSNR on {int((psnr > 0).sum())} "
        f"({psnr.mean():+.2f}{_error(psnr, 2)} dB)."
    )


def _error(values: NDArray[np.float64], places: int) -> str:
    """Standard error of a mean, where there is one."""
    return f" ± {values.std(ddof=1) / np.sqrt(len(values)):.{places}f}" if len(values) > 1 else ""


def _values(scores: Sequence[RelatedScores], kind: str, measure: str) -> NDArray[np.float64]:
    return np.array([getattr(one, measure) for one in scores if one.kind == kind])
