"""What the three tables share: options, Markdown, and which figures stand for an evaluation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import RefVAEError
from napari_refvae.evaluation.report import cell
from napari_refvae.imageio.writing import output_errors, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NOTE = (
    "Protocol: originals cropped to multiples of 8, down-sampled by the antialiased bicubic kernel and rounded to 8 "
    "bits; Y-PSNR and SSIM on luma of BT.601 without a border of 8 pixels; LR-PSNR over RGB with it, infinities "
    "counted as 80 dB. The VGG distance is one of VGG-19 features (relu1_2, 2_2, 3_4), not LPIPS; S (VGG) is the "
    "diversity score on its maps and not comparable with S on LPIPS. Rows marked *published* were not measured here."
)


def measuring(description: str) -> argparse.ArgumentParser:
    """A parser with the options that all three tables have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=Path, required=True, help="folder of reference images, one a sample")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--feature-weights", type=Path, help="file of VGG-19; else it is downloaded")
    parser.add_argument("--no-features", action="store_true", help="leave the VGG distance out")
    parser.add_argument("--lpips", action="store_true", help="measure LPIPS, too")
    parser.add_argument("--lpips-weights", type=Path, help="file of AlexNet; else it is downloaded")
    parser.add_argument("--device", default="auto")
    return parser


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """The shared options as arguments of `napari_refvae.evaluation.run.evaluate`."""
    return {
        "samples": options.samples,
        "seed": options.seed,
        "features": not options.no_features,
        "feature_weights": options.feature_weights,
        "lpips": options.lpips or options.lpips_weights is not None,
        "lpips_weights": options.lpips_weights,
        "device": options.device,
        "say": lambda line: print(line, flush=True),
    }


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A table whose first ``words`` columns are text; columns without a single figure are left out."""
    body = [list(row) for row in rows]
    kept = [i for i in range(len(headings)) if i < words or any(row[i] for row in body)]
    lines = [[headings[i] for i in kept], ["---" if i < words else "---:" for i in kept]]
    return "\n".join(f"| {' | '.join(line)} |" for line in [*lines, *([row[i] for i in kept] for row in body)])


def figures(values: dict[str, float | None], columns: dict[str, int]) -> list[str]:
    """Cells of a summary: key to decimals."""
    return [cell(values.get(key), places) for key, places in columns.items()]


def run(main: Callable[[], None]) -> None:
    """Run a script; what the package refuses is one sentence."""
    try:
        main()
    except RefVAEError as error:
        raise SystemExit(f"{error}") from error


def publish(text: str, path: Path | None) -> None:
    """Print Markdown, and write it where asked."""
    print(f"\n{text}")
    if path is not None:
        with output_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text + "\n")
        print(f"\nWrote {path}")
