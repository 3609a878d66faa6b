"""Table 1 of the paper: fidelity and perceptual quality on standard sets, with bicubic and published figures beside.

    python benchmarks/table1.py Set5 Set14 BSD100 --references references --external SRFlow=pictures

Each positional argument is a folder of originals, recognised by its name. Another method's pictures lie in one folder a
set, of the same name.
"""

from __future__ import annotations

from pathlib import Path

import published
import tables

from napari_refvae.evaluation.report import figures_of
from napari_refvae.evaluation.run import Evaluation, evaluate

COLUMNS = {
    "psnr_y": 2,
    "ssim_y": 3,
    "lpips": 3,
    "distance": 3,
    "relative_distance": 3,
    "lr_psnr": 1,
    "worst_lr_psnr": 1,
}
SPREADS = {"s_lpips": 1, "s_feature": 1, "s_mse": 1}
HEADINGS = ("set", "method", "Y-PSNR", "SSIM", "LPIPS", "VGG distance", "/ bicubic", "LR-PSNR", "worst",
            "S (LPIPS)", "S (VGG)", "S (MSE)")  # fmt: skip
KINDS = {
    "bicubic": "Bicubic",
    "faithful": "faithful (vividness 0)",
    "sample": "samples (vividness 1)",
    "mean": "mean of samples",
}


def main(arguments: list[str] | None = None) -> None:
    """Evaluate every set and print one table."""
    parser = tables.measuring(__doc__)
    parser.add_argument("sets", type=Path, nargs="+", help="folders of originals, named after their sets")
    parser.add_argument("--model", default="compact")
    parser.add_argument(
        "--external", action="append", default=[], metavar="METHOD=DIR", help="DIR holds a folder a set"
    )
    parser.add_argument("--output", type=Path, help="file for the Markdown")
    options = parser.parse_args(arguments)
    others = [entry.partition("=") for entry in options.external]
    if any(not name or not folder for name, _, folder in others):
        parser.error("--external takes METHOD=DIR")
    rows = []
    for folder in options.sets:
        name = folder.resolve().name
        print(f"# {name}", flush=True)
        rows += published_rows(name)
        own = evaluate(folder, options.references, model=options.model, **tables.settings(options))
        rows += [row(name, title, own, kind) for kind, title in KINDS.items()]
        for method, _, pictures in others:
            told = evaluate(folder, external=Path(pictures) / name, **tables.settings(options))
            rows.append(row(name, method, told, "sample"))
    tables.publish(f"{tables.markdown(HEADINGS, rows, words=2)}\n\n{tables.NOTE}", options.output)


def published_rows(name: str) -> list[list[str]]:
    """The paper's figures for a set."""
    empty = [""] * (len(COLUMNS) + len(SPREADS) - 3)
    return [
        [name, f"{method}, *published*", f"{q.psnr:.2f}", f"{q.ssim:.3f}", f"{q.lpips:.3f}", *empty]
        for method, q in published.table_1(name).items()
    ]


def row(name: str, title: str, evaluation: Evaluation, kind: str) -> list[str]:
    """Measured figures of one kind of output."""
    return [name, title, *tables.figures(figures_of(evaluation, kind), COLUMNS | SPREADS)]


if __name__ == "__main__":
    tables.run(main)
