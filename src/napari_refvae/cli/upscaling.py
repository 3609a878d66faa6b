"""The commands that make images: ``refvae upscale`` and ``refvae replay``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_refvae.cli.checks import check_images, check_output
from napari_refvae.cli.terminal import follow_run, print_samples

__all__ = ["Consistency", "Format", "replay", "upscale"]


class Consistency(StrEnum):
    """Choices of ``--consistency``."""

    BICUBIC = "bicubic"
    NONE = "none"


class Format(StrEnum):
    """Choices of ``--format``."""

    PNG = "png"
    TIFF = "tiff"
    SAME = "same"


def upscale(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG, WebP, BMP or TIFF.")],
    references: Annotated[
        list[str] | None,
        typer.Option("--reference", "-r", metavar="PATH|self|none", help="Guides the detail; give it again for more."),
    ] = None,
    samples: Annotated[int, typer.Option("--samples", "-n", help="Samples a reference.")] = 4,
    seed: Annotated[int, typer.Option(help="Sample n of an image uses seed + n.")] = 0,
    temperature: Annotated[float, typer.Option(help="Scale of the random part; 0 takes the mean.")] = 1.0,
    strength: Annotated[float, typer.Option(help="Of the reference, from 0 (none of it) to 1.")] = 1.0,
    vividness: Annotated[float, typer.Option(help="From 0 (faithful) to 1 (vivid).")] = 1.0,
    scale: Annotated[
        int | None, typer.Option(metavar="2|4|8", help="How much larger; less than the model's is its result reduced.")
    ] = None,
    region: Annotated[
        tuple[int, int, int, int] | None,
        typer.Option(metavar="Y X HEIGHT WIDTH", help="Only this part of each image, in its pixels."),
    ] = None,
    faithful: Annotated[
        bool, typer.Option("--faithful", help="Also write the image nearest to the truth: no reference, no chance.")
    ] = False,
    model: Annotated[str, typer.Option(help="Name or file; see `refvae models`.")] = "compact",
    consistency: Annotated[
        Consistency, typer.Option(help="bicubic: every sample, made small again, is the input.")
    ] = Consistency.BICUBIC,
    precision: Annotated[str, typer.Option(metavar="auto|float32|bfloat16", help="Of the network.")] = "auto",
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda:N|mps", help="Where it runs.")] = "auto",
    tile: Annotated[str, typer.Option(metavar="auto|N|none", help="Side of a tile in LR pixels.")] = "auto",
    intensity_range: Annotated[
        tuple[float, float] | None,
        typer.Option("--range", metavar="LOW HIGH", help="Stored values of black and white."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder; made if it is not there.")] = Path(),
    file_format: Annotated[
        Format, typer.Option("--format", help="same: TIFF for TIFF, PNG for all others. What PNG cannot hold is TIFF.")
    ] = Format.SAME,
) -> None:
    """Make several 8x versions (or 4x, 2x) of each image, and a JSON file beside them that replays the run."""
    check_output(output)
    check_images(images, intensity_range, region)
    from napari_refvae.api import upscale as run

    for path in images:
        with follow_run(path.name) as on_progress:
            result = run(
                path,
                references or (),
                samples=samples,
                seed=seed,
                temperature=temperature,
                strength=strength,
                vividness=vividness,
                scale=scale,
                region=region,
                faithful=faithful,
                model=model,
                consistency="bicubic" if consistency is Consistency.BICUBIC else None,
                precision=precision,
                device=device,
                tile=_tile(tile),
                intensity_range=intensity_range,
                on_progress=on_progress,
            )
        print_samples(result, result.save(output, path.stem, _suffix(file_format, path)))


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .json beside the samples.")],
    image: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The input, if it has moved or was no file.")
    ] = None,
    references: Annotated[
        list[str] | None,
        typer.Option(
            "--reference", "-r", metavar="PATH|self|none", help="In place of the recorded ones: all, in order."
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="auto|cpu|cuda:N|mps", help="Where it runs; else as recorded.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder to write the samples to.")] = None,
) -> None:
    """Make a run again and say whether its pixels are the same; exit code 1 if they are not."""
    from napari_refvae.provenance import read_record
    from napari_refvae.replaying import replay as run

    if output is not None:
        check_output(output)
    told = read_record(file)
    with follow_run(file.name) as on_progress:
        result = run(file, image=image, references=references or None, device=device, on_progress=on_progress)
    if output is not None:
        files = told.get("files") or [{"name": ".png"}]
        stem = file.stem.removesuffix(f"_x{result.scale}")
        print_samples(result, result.save(output, stem, Path("x" + files[0]["name"]).suffix))
    changed = _changed(told, result.provenance)
    if changed:
        typer.echo(
            f"refvae: {len(changed)} of {len(result) + (result.faithful is not None)} images differ from the recorded pixels ({', '.join(changed)}): "
            f"recorded with {_software(told)}, made now with {_software(result.provenance)}",
            err=True,
        )
        raise typer.Exit(1)
    typer.echo(f"All {len(result)} samples are identical to the recorded pixels.")


def _changed(told: Any, made: Any) -> list[str]:
    """The images whose pixels are not the recorded ones."""
    pairs = zip(told["samples"], made["samples"], strict=True)
    changed = [f"seed {now['seed']}" for before, now in pairs if before["sha256"] != now["sha256"]]
    return changed + ["faithful"] * (told.get("faithful") != made.get("faithful"))


def _tile(value: str) -> Any:
    """A number of LR pixels, None, or the word as it is: the engine knows which are allowed."""
    try:
        return int(value)
    except ValueError:
        return None if value == "none" else value


def _suffix(file_format: Format, path: Path) -> str:
    tiff = file_format is Format.TIFF or (file_format is Format.SAME and path.suffix.lower() in (".tif", ".tiff"))
    return ".tiff" if tiff else ".png"


def _software(record: Any) -> str:
    return ", ".join(f"{name} {version}" for name, version in record["software"].items())
