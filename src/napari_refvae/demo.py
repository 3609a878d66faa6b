"""The demonstration: photographs made small, and made large again in several ways, with all figures.

It needs no files and no network: the photographs and textures are those that scikit-image brings along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage import data

from napari_refvae.api import LoadedModel, load_model, upscale
from napari_refvae.figures import residual_picture, result_sheet, spread_limit, spread_picture
from napari_refvae.imageio.writing import output_errors, write_image, write_text
from napari_refvae.metrics import diversity, low_resolution, lr_psnr, modulo_crop, mse_maps, psnr_y, ssim_y
from napari_refvae.spec import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_refvae.engine.result import SuperResolutionResult

__all__ = ["PHOTOGRAPHS", "Photograph", "run_demo"]


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph of scikit-image, the texture that serves as its first reference, and what a sheet shows.

    ``name`` and ``texture`` are functions of ``skimage.data``; ``focus`` is in HR pixels.
    """

    name: str
    title: str
    texture: str
    credit: str
    focus: Region | None = None


PHOTOGRAPHS = (
    Photograph("chelsea", "Chelsea the cat", "grass", "Stefan van der Walt, CC0"),
    Photograph(
        "coffee",
        "A cup of coffee",
        "brick",
        "Rachel Michetti, courtesy of Pikolo Espresso Bar, CC0",
        focus=Region(0, 80, 336, 448),
    ),
    Photograph(
        "immunohistochemistry",
        "Stained tissue",
        "gravel",
        "Center for Microscopy And Molecular Imaging, no known copyright restrictions",
        focus=Region(96, 64, 336, 448),
    ),
)

TEXTURES = {
    "brick": "CC0Textures, CC0",
    "grass": "linolafett (DeviantArt), CC0",
    "gravel": "CC0Textures, CC0",
}
"""Where the textures come from."""

HEADINGS = ("photograph", "output", "Y-PSNR, dB", "SSIM", "LR-PSNR, dB", "S (MSE)")

EXPLANATION = """\
The input of each is the photograph, down-sampled by 8 (antialiased bicubic) and rounded to 8 bits. Y-PSNR and
SSIM compare with the photograph (averages over the samples); LR-PSNR compares the output, down-sampled again,
with the input (the worst sample; "exact": the input comes back bit by bit). S is the diversity score on squared
errors in boxes of 16 x 16 pixels: by how many per cent choosing the best sample in each box beats the best
sample. "Faithful" is the output with vividness 0 and temperature 0, made to be close to the photograph; the
samples are made to look like photographs, and each invents its detail differently."""


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """What was made of one photograph."""

    photograph: Photograph
    original: NDArray[np.uint8]
    result: SuperResolutionResult
    faithful: NDArray[np.uint8]


def run_demo(
    output: Path,
    say: Callable[[str], None] = lambda line: None,
    *,
    photographs: Sequence[Photograph] = PHOTOGRAPHS,
    samples: int = 4,
    model: str | Path | LoadedModel = "compact",
) -> None:
    """Down-sample photographs by 8, up-scale them with three references, and write pictures and a table.

    Parameters
    ----------
    output
        Folder to write to; made if it is not there. Files of an earlier run are replaced.
    say
        Called with each line that a user should see.
    photographs
        Which of them.
    samples
        Samples a reference; the references are a texture, the input itself and none.
    model
        Name, file, or a loaded model.

    Raises
    ------
    OutputError
        If the folder or a file cannot be written.
    ModelError
        If the model cannot be had.
    """
    loaded = model if isinstance(model, LoadedModel) else load_model(model)
    outcomes = []
    for photograph in photographs:
        outcome = _upscaled(photograph, output / photograph.name, samples, loaded)
        lr, sr = outcome.result.lr, outcome.result.sr
        say(f"{photograph.title}: {_size(lr)} to {_size(sr[0])} pixels, {len(sr)} samples")
        _write_pictures(outcome, output / photograph.name)
        _write_sheet(outcome, output / f"{photograph.name}.png")
        outcomes.append(outcome)
    table = _table(outcomes)
    write_text(output / "results.md", _report(photographs, table))
    say(f"\n{table}\n")
    say(f"Pictures: {', '.join(f'{photograph.name}.png' for photograph in photographs)}; table: results.md")


def _upscaled(photograph: Photograph, folder: Path, samples: int, model: LoadedModel) -> _Outcome:
    """Make the input and the references, write them, and run the model on the files."""
    original = modulo_crop(getattr(data, photograph.name)(), model.network.scale)
    lr_path, texture_path = folder / "lr.png", folder / f"{photograph.texture}.png"
    for part in (folder / "samples", folder / "residuals"):
        with output_errors(part):
            part.mkdir(parents=True, exist_ok=True)
    write_image(lr_path, low_resolution(original, model.network.scale))
    write_image(texture_path, getattr(data, photograph.texture)())
    result = upscale(lr_path, [texture_path, "self", "none"], samples=samples, model=model)
    faithful = upscale(lr_path, samples=1, temperature=0, vividness=0, model=model)
    return _Outcome(photograph, original, result, faithful.sr[0])


def _write_pictures(outcome: _Outcome, folder: Path) -> None:
    """Each picture in a file of its own, at full size."""
    result = outcome.result
    for name, image in {
        "original": outcome.original,
        "bicubic": result.bicubic,
        "faithful": outcome.faithful,
        "mean": _rounded(result.mean),
        "spread": spread_picture(result.std, spread_limit(result.std)),
    }.items():
        write_image(folder / f"{name}.png", image)
    against = {"original": result.residual(outcome.original), "bicubic": result.residual("bicubic")}
    for index, (reference, seed) in enumerate(zip(result.references, result.seeds, strict=True)):
        name = f"{reference}_s{seed}"
        write_image(folder / "samples" / f"{name}.png", result.sr[index])
        for base, residuals in against.items():
            picture = residual_picture(residuals[index], gain=5)
            write_image(folder / "residuals" / f"{name}_minus_{base}_x5.png", picture)


def _write_sheet(outcome: _Outcome, path: Path) -> None:
    photograph, result = outcome.photograph, outcome.result
    sheet = result_sheet(
        result,
        photograph.title,
        original=outcome.original,
        faithful=outcome.faithful,
        insets={photograph.texture: getattr(data, photograph.texture)(), "self": result.lr},
        focus=photograph.focus,
        footer=f"Photograph: {photograph.credit}. {photograph.texture.title()}: {TEXTURES[photograph.texture]}.",
    )
    write_image(path, np.asarray(sheet))


def _table(outcomes: Sequence[_Outcome]) -> str:
    """All figures as a Markdown table whose columns line up in a terminal too."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for outcome in outcomes:
        named = outcome.photograph.title
        for label, images in _groups(outcome).items():
            rows.append((named, label, *_figures(images, outcome.original, outcome.result)))
            named = ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        [_aligned(cell, width, i) for i, (cell, width) in enumerate(zip(row, widths, strict=True))] for row in rows
    ]
    ruler = ["-" * width if column < 2 else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (lines[0], ruler, *lines[1:]))


def _groups(outcome: _Outcome) -> dict[str, NDArray[np.uint8]]:
    """Label of a line of the table to the images that it is about, ``(K, H, W, 3)``."""
    result = outcome.result
    names = np.array(result.references)
    each = {f"samples, {name}": result.sr[names == name] for name in dict.fromkeys(result.references)}
    one = {"bicubic": result.bicubic, "faithful": outcome.faithful, "mean of samples": _rounded(result.mean)}
    return {label: image[None] for label, image in one.items()} | each | {"all samples": result.sr}


def _figures(
    images: NDArray[np.uint8], original: NDArray[np.uint8], result: SuperResolutionResult
) -> tuple[str, str, str, str]:
    """Mean Y-PSNR and SSIM, the worst LR-PSNR, and S where there are several."""
    psnr = np.mean([psnr_y(image, original) for image in images])
    ssim = np.mean([ssim_y(image, original) for image in images])
    consistency = min(lr_psnr(image, result.lr, result.scale) for image in images)
    spread = f"{diversity(mse_maps(images, original)):.1f}" if len(images) > 1 else ""
    return f"{psnr:.2f}", f"{ssim:.3f}", "exact" if math.isinf(consistency) else f"{consistency:.1f}", spread


def _report(photographs: Sequence[Photograph], table: str) -> str:
    credits = [f"- {photograph.title}: {photograph.credit}." for photograph in photographs]
    credits += [f"- {name.title()}: {TEXTURES[name]}." for name in sorted({p.texture for p in photographs})]
    return f"# Results of the demonstration\n\n{table}\n\n{EXPLANATION}\n\n## Photographs\n\n" + "\n".join(
        [*credits, "", "All come with scikit-image, which scaled or cropped some of them.", ""]
    )


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)


def _rounded(image: NDArray[Any]) -> NDArray[np.uint8]:
    return np.rint(image).clip(0, 255).astype(np.uint8)


def _size(image: NDArray[Any]) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
