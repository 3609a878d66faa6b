"""Table 3 of the paper, the ablation: the same network trained for the same steps without one component each.

    python benchmarks/table3.py --images photographs --test DIV2K_valid_HR --references references --steps 4000

Trains the configs ``ablation-all``, ``ablation-no-cvae``, ``ablation-no-style`` and ``ablation-no-discriminator``, each
in a folder of its own below ``--runs``, and evaluates them alike. A run that was stopped goes on, one that is complete
is not repeated. The paper adds components in turn; here each is left out of the whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import published
import tables

from napari_refvae.evaluation.report import figures_of
from napari_refvae.evaluation.run import evaluate
from napari_refvae.training.run import train

if TYPE_CHECKING:
    import argparse

CONFIGS = {
    "ablation-no-cvae": (False, True, True),
    "ablation-no-style": (True, False, True),
    "ablation-no-discriminator": (True, True, False),
    "ablation-all": (True, True, True),
}
"""Config to whether it has the CVAE, the style and content losses, the discriminator."""

COLUMNS = {"psnr_y": 2, "ssim_y": 3, "lpips": 3, "distance": 3, "relative_distance": 3, "lr_psnr": 1,
           "s_lpips": 2, "s_feature": 2, "s_mse": 2}  # fmt: skip
HEADINGS = ("model", "CVAE", "style, content", "discriminator", "Y-PSNR", "SSIM", "LPIPS", "VGG distance", "/ bicubic",
            "LR-PSNR", "S (LPIPS)", "S (VGG)", "S (MSE)")  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Train and evaluate every variant, and print one table."""
    parser = tables.measuring(__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of photographs to train on")
    parser.add_argument("--test", type=Path, required=True, help="folder of originals to evaluate on")
    parser.add_argument("--steps", type=int, default=4000, help="of each variant")
    parser.add_argument("--runs", type=Path, default=Path("runs/ablation"), help="folder for the four runs")
    parser.add_argument("--training-weights", type=Path, help="feature network to train with; else --feature-weights")
    parser.add_argument("--output", type=Path, help="file for the Markdown")
    options = parser.parse_args(arguments)
    rows = []
    for config, parts in CONFIGS.items():
        model = trained(config, options)
        told = evaluate(options.test, options.references, model=model, **tables.settings(options))
        if not rows:
            rows.append(["bicubic", "", "", "", *tables.figures(figures_of(told, "bicubic"), COLUMNS)])
        rows.append(
            [config.removeprefix("ablation-"), *marks(parts), *tables.figures(figures_of(told, "sample"), COLUMNS)]
        )
    text = tables.markdown(HEADINGS, [*rows, *published_rows()], words=4)
    about = f"{options.steps} steps each, {options.test.resolve().name}, {options.samples} samples."
    tables.publish(f"{text}\n\n{about} {tables.NOTE} Published rows: DIV2K.", options.output)


def trained(config: str, options: argparse.Namespace) -> Path:
    """The model file of one variant."""
    print(f"# {config}", flush=True)
    return train(
        config,
        options.images,
        options.runs / config,
        references=options.references,
        steps=options.steps,
        feature_weights=options.training_weights or options.feature_weights,
        report=lambda report: print(f"{report.stage} {report.step}/{report.steps}", flush=True),
    )


def marks(parts: tuple[bool, bool, bool]) -> list[str]:
    """One cell a component."""
    return ["yes" if part else "no" for part in parts]


def published_rows() -> list[list[str]]:
    """The paper's figures."""
    return [
        [
            "RefVAE, *published*",
            *marks(parts),
            f"{psnr:.2f}",
            f"{ssim:.3f}",
            f"{lpips:.3f}",
            "",
            "",
            "",
            f"{s:.2f}",
            "",
            "",
        ]
        for parts, (psnr, ssim, lpips, s) in published.TABLE_3.items()
    ]


if __name__ == "__main__":
    tables.run(main)
