"""Figures of an evaluated image: the comparison and the residuals, as PNG for screens and PDF for papers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.figures.canvas import need_matplotlib
from napari_refvae.figures.comparison import Panel, comparison_figure
from napari_refvae.figures.residuals import residual_figure
from napari_refvae.figures.views import enlarged
from napari_refvae.imageio.writing import output_errors
from napari_refvae.spec import ImageReference, SelfReference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_refvae.evaluation.scores import Scored, Scores
    from napari_refvae.evaluation.subjects import Output
    from napari_refvae.spec import Region

__all__ = ["FigureWriter", "output_panels"]

SUFFIXES = (".png", ".pdf")
TITLES = {"bicubic": "bicubic", "faithful": "faithful", "mean": "mean of samples"}


class FigureWriter:
    """Writes both figures of each image that it is called with.

    Parameters
    ----------
    folder
        Where to; made if it is not there.
    box
        The HR region to enlarge; by default the one with the most detail.
    say
        Called with each path written.

    Raises
    ------
    OutputError
        If matplotlib is not installed.
    """

    def __init__(self, folder: Path, box: Region | None = None, say: Callable[[str], None] = lambda line: None) -> None:
        need_matplotlib()
        self.folder, self.box, self.say = folder, box, say
        self._owners: dict[str, str] = {}

    def __call__(self, scored: Scored) -> None:
        """Write ``NAME_comparison`` and ``NAME_residuals``, in the folders that the originals have.

        Raises
        ------
        OutputError
            If a file cannot be written.
        InvalidInputError
            If the box is not inside the image.
        """
        hr, name = scored.subject.hr, self._name(scored.subject.name)
        stem = Path(name).name
        panels, measured = output_panels(scored), _measured(scored.scores)
        with output_errors(self.folder / name):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        small = Panel(enlarged(scored.subject.lr, scored.subject.scale), "low resolution")
        others = sum(output.kind != "sample" for output in scored.outputs)
        all_panels = [small, *panels[:others], Panel(hr, "original"), *panels[others:]]
        pages = {
            "comparison": comparison_figure(hr, all_panels, stem, f"Y-PSNR in dB{measured}", self.box),
            "residuals": residual_figure(hr, panels, stem, f"dB{measured}"),
        }
        for kind, page in pages.items():
            for suffix in SUFFIXES:
                page.save(self.folder / f"{name}_{kind}{suffix}")
        self.say(f"Wrote {self.folder / name}_comparison and _residuals, .png and .pdf")

    def _name(self, subject: str) -> str:
        """What the files of a subject begin with: its name without its suffix, unless another one has it already."""
        plain = Path(subject).with_suffix("").as_posix()
        return plain if self._owners.setdefault(plain, subject) == subject else subject


def output_panels(scored: Scored) -> list[Panel]:
    """Bicubic, faithful, mean, and then the samples, each with its figures and its reference."""
    pairs = sorted(zip(scored.outputs, scored.scores, strict=True), key=lambda pair: pair[0].kind == "sample")
    first = len(pairs) - sum(output.kind == "sample" for output, _ in pairs)
    return [
        Panel(output.sr, _title(output, scored, index - first + 1), _figures(scores), _thumbnail(output, scored))
        for index, (output, scores) in enumerate(pairs)
    ]


def _title(output: Output, scored: Scored, number: int) -> str:
    if output.kind != "sample":
        return TITLES[output.kind]
    if output.source is not None:
        return f"sample {number}"
    stem = Path(scored.subject.name).stem  # another method's picture: what its name has beyond the original's
    return output.reference.removeprefix(stem).strip("_- .") or f"picture {number}"


def _figures(scores: Scores) -> str:
    distance = scores.lpips if scores.lpips is not None else scores.distance
    return f"{scores.psnr_y:.2f}" + ("" if distance is None else f" / {distance:.3f}")


def _measured(scores: Sequence[Scores]) -> str:
    """Which distance `_figures` tells."""
    if scores[0].lpips is not None:
        return " / LPIPS"
    return " / VGG distance" if scores[0].distance is not None else ""


def _thumbnail(output: Output, scored: Scored) -> NDArray[np.uint8] | None:
    """The reference, or None without an image of it."""
    if isinstance(output.source, SelfReference):
        return scored.subject.lr
    if isinstance(output.source, ImageReference):
        return np.rint(output.source.image * 255).astype(np.uint8)
    return None
