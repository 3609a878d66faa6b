"""How often does the truth fall inside the interval of a trust map? Prints the table that makes it hold; plots.

    python benchmarks/calibration.py ORIGINALS --plot docs/images/calibration.png

Every original is made small, and several samples are drawn without a reference. The table says which part of all values
errs by less than so many spreads. What is printed was not fitted to: the coverage of each original is measured with
the table of all others. Needs matplotlib for the plot.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.errors import RefVAEError
from napari_refvae.evaluation.subjects import Subject, find_originals
from napari_refvae.explore import Draw, Session
from napari_refvae.explore.trust import half_width, least_spread, trust_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.explore.trust import Calibration

NOMINAL = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
POINTS = 2001
"""Quantiles that an original is told by, so that each counts the same."""

LARGEST = 512
"""Pixels a side of what is read of an original: its middle."""


def errors(path: Path, count: int, model: str) -> NDArray[np.float32]:
    """|truth - mean| over the spread, of every value of one original."""
    subject = Subject.of(_middle(Subject.read(path, 8).hr), path.name, 8)
    session = Session(subject.lr, model=model)
    found = trust_map([session.decode(Draw(seed=seed)).sr for seed in range(count)])
    ratio = np.abs(subject.hr - found.mean) / np.maximum(found.spread, least_spread(np.dtype(np.uint8)))
    print(
        f"{path.name}: mean spread {found.spread.mean():.2f}, mean error {np.abs(subject.hr - found.mean).mean():.2f}"
    )
    return ratio.ravel()


def _middle(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    top, left = (max(0, (side - LARGEST) // 16 * 8) for side in image.shape[:2])
    return np.ascontiguousarray(image[top : top + LARGEST, left : left + LARGEST])


def calibration(ratios: list[NDArray[np.float32]]) -> Calibration:
    """Errors in spreads, by the part of all values that errs less; each original counts the same."""
    values = np.concatenate([np.quantile(ratio, np.linspace(0, 1, POINTS)) for ratio in ratios])
    return tuple((nominal, round(float(np.quantile(values, nominal)), 2)) for nominal in NOMINAL)


def coverage(ratio: NDArray[np.float32], table: Calibration) -> list[float]:
    """Measured, for each nominal one."""
    return [float(np.mean(ratio <= half_width(nominal, table))) for nominal in NOMINAL]


def draw_plot(path: Path, raw: NDArray[np.float64], calibrated: NDArray[np.float64]) -> None:
    """Nominal against measured coverage, before and after."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0.5, 1], [0.5, 1], color="0.6", linestyle=":", label="exact", zorder=3)
    axes.plot(NOMINAL, calibrated.mean(axis=0), marker="o", color="C0", label="calibrated, on originals left out")
    axes.fill_between(
        NOMINAL, calibrated.min(axis=0), calibrated.max(axis=0), alpha=0.2, color="C0", label="single originals"
    )
    axes.plot(NOMINAL, raw.mean(axis=0), marker="o", color="C1", label="as if errors were normal")
    axes.set(xlabel="interval says", ylabel="truth inside", xlim=(0.5, 1), ylim=(0, 1))
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    print(f"Wrote {path}")


def main() -> None:
    """Measure, print, plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("originals", type=Path, help="folder of photographs")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--model", default="compact")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--most", type=int, default=100, help="originals to read")
    options = parser.parse_args()
    count = options.samples
    ratios = [errors(path, count, options.model) for path in find_originals(options.originals)[: options.most]]
    if len(ratios) < 2:
        raise SystemExit("expected at least two originals, since one is left out")
    left_out = [calibration(ratios[:one] + ratios[one + 1 :]) for one in range(len(ratios))]
    normal = tuple((nominal, NormalDist().inv_cdf(0.5 + nominal / 2)) for nominal in NOMINAL)
    raw = np.array([coverage(ratio, normal) for ratio in ratios])
    calibrated = np.array([coverage(ratio, table) for ratio, table in zip(ratios, left_out, strict=True)])
    print(f"\nCALIBRATION = {calibration(ratios)}\n\n{len(ratios)} originals, {count} samples each\n")
    print("| interval says | as if normal | calibrated | least | most |\n|---:|---:|---:|---:|---:|")
    for place, nominal in enumerate(NOMINAL):
        shown = (
            raw[:, place].mean(),
            calibrated[:, place].mean(),
            calibrated[:, place].min(),
            calibrated[:, place].max(),
        )
        print(f"| {nominal:.0%} | " + " | ".join(f"{value:.1%}" for value in shown) + " |")
    if options.plot is not None:
        draw_plot(options.plot, raw, calibrated)


if __name__ == "__main__":
    try:
        main()
    except RefVAEError as error:
        raise SystemExit(str(error)) from error
