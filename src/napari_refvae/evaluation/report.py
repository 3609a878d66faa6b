"""An evaluation as tables: Markdown for people, CSV and JSON for machines."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.evaluation.scores import Scores
from napari_refvae.evaluation.subjects import named
from napari_refvae.imageio.writing import output_errors, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_refvae.evaluation.run import Evaluation
    from napari_refvae.evaluation.scores import Spread

__all__ = ["CAP", "cell", "figures_of", "overall_table", "summarise", "to_csv", "to_markdown", "write_report"]

CAP = 80.0
"""LR-PSNR beyond this, infinity included, counts as this many dB in averages."""

COLUMNS = {
    "psnr_y": ("Y-PSNR", 2),
    "ssim_y": ("SSIM", 3),
    "lpips": ("LPIPS", 3),
    "distance": ("VGG distance", 4),
    "relative_distance": ("/ bicubic", 3),
    "lr_psnr": ("LR-PSNR mean", 1),
    "worst_lr_psnr": ("LR-PSNR worst", 1),
    "lr_ssim": ("LR-SSIM", 3),
    "s_lpips": ("S (LPIPS)", 1),
    "s_feature": ("S (VGG)", 1),
    "s_mse": ("S (MSE)", 1),
}
"""Key in `summarise` to heading and decimals. A column that has no figure in a table is left out of it."""

MEASURES = frozenset(field.name for field in fields(Scores))


def summarise(scores: Iterable[Scores], spreads: Iterable[Spread] = ()) -> dict[str, float | None]:
    """Mean figures: first over the outputs of each image, then over images; the worst LR-PSNR of all."""
    rows, drawn = list(scores), list(spreads)
    means = {name: _mean(rows, name) for name in COLUMNS if name in MEASURES}
    return means | {
        "worst_lr_psnr": min((min(row.lr_psnr, CAP) for row in rows), default=None),
        "s_lpips": _plain_mean([s.lpips for s in drawn if s.lpips is not None]),
        "s_feature": _plain_mean([s.feature for s in drawn if s.feature is not None]),
        "s_mse": _plain_mean([s.mse for s in drawn]),
    }


def to_markdown(evaluation: Evaluation) -> str:
    """Tables over all images, a reference and an image."""
    about = evaluation.about
    model = about["model"]
    title = f"{model['name']} ({model['sha256'][:12]})" if isinstance(model, dict) else str(model)
    parts = [
        f"# {title} on {about['images']}",
        f"{_drawn(about)} LR-PSNR is capped at {CAP:g} dB.{_deep(about)}",
        *_left_out(about),
        "## Overall",
        overall_table(evaluation),
    ]
    references = list(dict.fromkeys(s.reference for s in evaluation.scores if s.output == "sample"))
    if len(references) > 1:
        rows = [(name, summarise(s for s in evaluation.scores if s.reference == name)) for name in references]
        parts += ["## Samples, by reference", _table("reference", rows)]
    images = list(dict.fromkeys(s.image for s in evaluation.scores))
    rows = [(f"{name}, {kind}", figures_of(evaluation, kind, name)) for name in images for kind in _kinds(evaluation)]
    return "\n\n".join([*parts, "## By image", _table("image, output", rows)]) + "\n"


def _drawn(about: dict[str, Any]) -> str:
    """How the outputs came to be; of another method's pictures this is not known."""
    if "samples" not in about:
        return "Pictures of another method, as they were found."
    references = ", ".join(about["references"]) or "none"
    return f"{about['samples']} samples an image, seeds from {about['seed']}; references: {references}."


def _deep(about: dict[str, Any]) -> str:
    deep = [Path(name) for name in about.get("ranges", ())]
    return f" Of more than 8 bits, each used from its darkest to its brightest value: {named(deep)}." if deep else ""


def _left_out(about: dict[str, Any]) -> list[str]:
    names = [Path(name) for name in about.get("left_out", ())]
    return [f"Left out, since they could not be used: {named(names)}."] if names else []


def overall_table(evaluation: Evaluation) -> str:
    """Markdown table with one line a kind of output, over all images."""
    return _table("output", [(kind, figures_of(evaluation, kind)) for kind in _kinds(evaluation)])


def to_csv(evaluation: Evaluation) -> str:
    """One line an output."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [field.name for field in fields(Scores)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(score) for score in evaluation.scores)
    return stream.getvalue()


def write_report(evaluation: Evaluation, folder: Path, stem: str = "evaluation") -> list[Path]:
    """Write ``stem.md``, ``stem.csv`` and ``stem.json``.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    record = {
        "about": evaluation.about,
        "overall": {kind: _finite(figures_of(evaluation, kind)) for kind in _kinds(evaluation)},
        "scores": [_finite(asdict(score)) for score in evaluation.scores],
        "spreads": [asdict(spread) for spread in evaluation.spreads],
    }
    texts = {".md": to_markdown(evaluation), ".csv": to_csv(evaluation), ".json": json.dumps(record, indent=1)}
    for suffix, text in texts.items():
        write_text(folder / f"{stem}{suffix}", text)
    return [folder / f"{stem}{suffix}" for suffix in texts]


def figures_of(evaluation: Evaluation, kind: str, image: str | None = None) -> dict[str, float | None]:
    """`summarise` for one kind of output, of one image or of all."""
    scores = [s for s in evaluation.scores if s.output == kind and image in (None, s.image)]
    spreads = [s for s in evaluation.spreads if kind == "sample" and image in (None, s.image)]
    return summarise(scores, spreads)


def _kinds(evaluation: Evaluation) -> list[str]:
    return list(dict.fromkeys(score.output for score in evaluation.scores))


def _mean(rows: Sequence[Scores], name: str) -> float | None:
    images: dict[str, list[float]] = {}
    for row in rows:
        value = getattr(row, name)
        if value is not None:
            images.setdefault(row.image, []).append(min(value, CAP) if name == "lr_psnr" else value)
    return _plain_mean([float(np.mean(values)) for values in images.values()])


def _plain_mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _table(first: str, rows: Sequence[tuple[str, dict[str, float | None]]]) -> str:
    shown = [key for key in COLUMNS if any(figures[key] is not None for _, figures in rows)]
    lines = [f"| {' | '.join([first, *(COLUMNS[key][0] for key in shown)])} |", f"|---|{'---:|' * len(shown)}"]
    for name, figures in rows:
        cells = [cell(figures[key], COLUMNS[key][1]) for key in shown]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


def cell(value: float | None, places: int) -> str:
    """A figure with so many decimals, or nothing."""
    return "" if value is None else f"{value:.{places}f}"


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity: the PSNR of equal images is written as None."""
    return {key: None if isinstance(value, float) and math.isinf(value) else value for key, value in values.items()}
