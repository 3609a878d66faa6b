"""Table 2 of the paper: the space of samples, by the protocol of the challenge "Learning the Super-Resolution Space".

    python benchmarks/table2.py DIV2K_valid_HR --references references

One row a reference; the input and the original as references; then all references together and samples without a
reference, with their diversity scores, and the published figures.
"""

from __future__ import annotations

from pathlib import Path

import published
import tables

from napari_refvae.evaluation.references import no_reference, the_input, the_original
from napari_refvae.evaluation.report import figures_of, summarise
from napari_refvae.evaluation.run import evaluate

QUALITY = {"psnr_y": 2, "ssim_y": 3, "lpips": 3, "distance": 3, "lr_psnr": 2, "worst_lr_psnr": 2, "lr_ssim": 3}
SPREADS = {"s_lpips": 2, "s_feature": 2, "s_mse": 2}
HEADINGS = ("reference", "Y-PSNR", "SSIM", "LPIPS", "VGG distance", "LR-PSNR", "worst", "LR-SSIM",
            "S (LPIPS)", "S (VGG)", "S (MSE)")  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Evaluate with each kind of reference and print one table."""
    parser = tables.measuring(__doc__)
    parser.add_argument("images", type=Path, help="folder of originals")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--output", type=Path, help="file for the Markdown")
    options = parser.parse_args(arguments)
    shared = tables.settings(options) | {"model": options.model, "baselines": False}
    print("# references", flush=True)
    referred = evaluate(options.images, options.references, **shared)
    print("# no reference", flush=True)
    random = evaluate(options.images, no_reference, **shared)
    rows = [
        [name, *tables.figures(summarise(s for s in referred.scores if s.reference == name), QUALITY | SPREADS)]
        for name in referred.about["references"]
    ]
    for title, choice in (("the input (LR)", the_input), ("the original (HR)", the_original)):
        print(f"# {title}", flush=True)
        told = evaluate(options.images, choice, **shared | {"samples": 1})
        rows.append([title, *tables.figures(figures_of(told, "sample"), QUALITY | SPREADS)])
    for title, told in ((f"**all {options.samples} samples**", referred), ("**without a reference**", random)):
        rows.append([title, *tables.figures(figures_of(told, "sample"), QUALITY | SPREADS)])
    text = tables.markdown(HEADINGS, [*rows, *published_rows()])
    tables.publish(f"{text}\n\n{options.images.resolve().name}. {tables.NOTE} Published rows: DIV2K.", options.output)


def published_rows() -> list[list[str]]:
    """The paper's figures, and the challenge's."""
    paper = [
        [f"{name}, *published*", f"{psnr:.2f}", f"{ssim:.3f}", f"{lpips:.3f}", "", f"{lr:.2f}", "", f"{lr_ssim:.3f}",
         f"{s:.2f}", "", ""]
        for name, (psnr, ssim, lpips, lr, lr_ssim, s) in published.TABLE_2.items()
    ]  # fmt: skip
    challenge = [
        [f"{name}, *published*", "", "", f"{lpips:.3f}", "", f"{lr:.1f}", "", "", f"{s:.1f}", "", ""]
        for name, (lpips, lr, s) in published.CHALLENGE.items()
    ]
    return paper + challenge


if __name__ == "__main__":
    tables.run(main)
