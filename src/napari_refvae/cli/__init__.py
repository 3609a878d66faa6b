"""The command line: ``refvae upscale | replay | demo | models | convert | train | evaluate``.

Whatever the package refuses is one sentence on stderr and exit code 2; Ctrl-C is exit code 130. torch
and the engine are imported inside the commands, so that ``--help`` is there at once.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from napari_refvae import __version__
from napari_refvae.cli.terminal import follow_run, print_samples, print_table
from napari_refvae.errors import InvalidInputError, OutputError, RefVAEError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_refvae.training.trainer import Report

__all__ = ["app", "main"]

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


class Consistency(StrEnum):
    """Choices of ``--consistency``."""

    BICUBIC = "bicubic"
    NONE = "none"


class Format(StrEnum):
    """Choices of ``--format``."""

    PNG = "png"
    TIFF = "tiff"
    SAME = "same"


class _Commands(TyperGroup):
    """Says what the package raises on purpose in one sentence."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except RefVAEError as error:
            typer.echo(f"refvae: {error}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as error:
            typer.echo("refvae: stopped; what is written is whole", err=True)
            raise typer.Exit(STOPPED) from error


app = typer.Typer(
    cls=_Commands,
    help="Reference-guided, diverse 8x super-resolution: several sharp versions, each consistent with the input.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    app(prog_name="refvae")


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"refvae {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and stop.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
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
    """Make several 8x versions of each image, and a JSON file beside them that replays the run."""
    _check_output(output)
    _check_images(images, intensity_range)
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
                model=model,
                consistency="bicubic" if consistency is Consistency.BICUBIC else None,
                precision=precision,
                device=device,
                tile=_tile(tile),
                intensity_range=intensity_range,
                on_progress=on_progress,
            )
        print_samples(result, result.save(output, path.stem, _suffix(file_format, path)))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .json beside the samples.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder to write the samples to.")] = None,
) -> None:
    """Make a run again and say whether its pixels are the same; exit code 1 if they are not."""
    from napari_refvae.api import replay as run
    from napari_refvae.provenance import read_record

    if output is not None:
        _check_output(output)
    told = read_record(file)
    with follow_run(file.name) as on_progress:
        result = run(file, on_progress=on_progress)
    if output is not None:
        files = told.get("files") or [{"name": ".png"}]
        stem = file.stem.removesuffix(f"_x{result.scale}")
        print_samples(result, result.save(output, stem, Path("x" + files[0]["name"]).suffix))
    pairs = zip(told["samples"], result.provenance["samples"], strict=True)
    changed = [now["seed"] for before, now in pairs if before["sha256"] != now["sha256"]]
    if changed:
        seeds = ", ".join(map(str, changed))
        typer.echo(
            f"refvae: {len(changed)} of {len(result)} samples differ from the recorded pixels (seeds {seeds}): "
            f"recorded with {_software(told)}, made now with {_software(result.provenance)}",
            err=True,
        )
        raise typer.Exit(1)
    typer.echo(f"All {len(result)} samples are identical to the recorded pixels.")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the pictures.")] = Path("demo-output"),
) -> None:
    """Upscale photographs that come with scikit-image, and write pictures and a table of figures."""
    from napari_refvae.demo import run_demo

    _check_output(output)
    run_demo(output, typer.echo)


@app.command()
def models() -> None:
    """List the models and say which are here."""
    from napari_refvae.model.zoo import list_models

    rows = [
        (
            model.name,
            model.preset,
            f"{model.parameters / 1e6:.2f} M",
            (model.sha256 or "")[:12] if model.available else "not here",
            str(model.location) if model.available else model.description,
        )
        for model in list_models()
    ]
    print_table(("model", "preset", "parameters", "sha256", "file"), rows)


@app.command()
def convert(
    conv_vae: Annotated[Path, typer.Argument(metavar="CONVAE.pth", help="The authors' ConVAE_8x.pth or _4x.pth.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the model file goes.")],
    vgg: Annotated[
        Path | None, typer.Option(help="The authors' vgg_r41.pth; without it, torchvision's VGG-19 is downloaded.")
    ] = None,
    scale: Annotated[int, typer.Option(help="8 or 4.")] = 8,
) -> None:
    """Turn the paper's published weights into a model file, without running any code in them."""
    from napari_refvae.model.convert import convert as run

    info = run(conv_vae, vgg, output, scale)
    typer.echo(f"Wrote {output}: preset {info.preset}, sha256 {info.identity}")


@app.command()
def train(
    images: Annotated[Path, typer.Option(help="Folder of photographs.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The run's folder; a run found there goes on.")],
    config: Annotated[str, typer.Option(help="Name of a bundled config, or a TOML file.")] = "compact",
    references: Annotated[Path | None, typer.Option(help="Folder of unrelated references.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after so many.")] = None,
    steps: Annotated[int | None, typer.Option(help="Replace the config's number.")] = None,
    start: Annotated[str | None, typer.Option(help="Model to start from: a name or a file.")] = None,
    feature_weights: Annotated[Path | None, typer.Option(help="File of the feature network.")] = None,
    validate: Annotated[Path | None, typer.Option(help="Folder of originals to score on meanwhile.")] = None,
) -> None:
    """Train a model, or go on training it."""
    from napari_refvae.training.run import train as run

    path = run(
        config,
        images,
        output,
        references=references,
        minutes=minutes,
        steps=steps,
        start=start,
        feature_weights=feature_weights,
        validate=validate,
        report=_print_report,
    )
    typer.echo(f"Wrote {path}")


@app.command()
def evaluate(
    images: Annotated[Path, typer.Option(help="Folder of originals.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the report.")] = Path("evaluation"),
    references: Annotated[Path | None, typer.Option(help="Folder of references: sample k takes the k-th.")] = None,
    samples: Annotated[int, typer.Option("--samples", "-n", help="Samples an image.")] = 10,
    seed: Annotated[int, typer.Option(help="Sample k has this seed plus k.")] = 0,
    model: Annotated[str, typer.Option(help="Name of a model, or a file.")] = "compact",
    external: Annotated[Path | None, typer.Option(help="Score another method's pictures instead.")] = None,
    feature_weights: Annotated[Path | None, typer.Option(help="File of VGG-19; else it is downloaded.")] = None,
    features: Annotated[bool, typer.Option(help="Measure the VGG-19 feature distance.")] = True,
    listen: Annotated[
        bool, typer.Option("--listen", help="Only check whether the model listens to references.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:N or mps.")] = "auto",
) -> None:
    """Score samples against originals: Y-PSNR, SSIM, VGG distance, LR-PSNR, diversity; as Markdown, CSV and JSON."""
    from napari_refvae.evaluation.report import overall_table, write_report
    from napari_refvae.evaluation.run import evaluate as run

    _check_output(output)
    if listen:
        _listen(images, references, feature_weights, model, output)
        return
    evaluation = run(
        images,
        references,
        model=model,
        samples=samples,
        seed=seed,
        external=external,
        feature_weights=feature_weights,
        features=features,
        device=device,
        say=typer.echo,
    )
    typer.echo(f"\n{overall_table(evaluation)}\n")
    typer.echo(f"Wrote {', '.join(str(path) for path in write_report(evaluation, output))}")


def _listen(images: Path, references: Path | None, feature_weights: Path | None, model: str, output: Path) -> None:
    """Run the checks, write them, and end with 1 if one failed."""
    from napari_refvae.evaluation.distance import FeatureDistance
    from napari_refvae.evaluation.listen import listen_to_folders, to_markdown
    from napari_refvae.imageio.writing import write_text

    if references is None:
        raise InvalidInputError("expected a folder of references to listen to; got none: pass --references DIR")
    checks = listen_to_folders(images, references, FeatureDistance(feature_weights), model=model, say=typer.echo)
    output.mkdir(parents=True, exist_ok=True)
    write_text(output / "listening.md", to_markdown(checks))
    typer.echo(f"Wrote {output / 'listening.md'}")
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def _tile(value: str) -> Any:
    """A number of LR pixels, None, or the word as it is: the engine knows which are allowed."""
    try:
        return int(value)
    except ValueError:
        return None if value == "none" else value


def _suffix(file_format: Format, path: Path) -> str:
    tiff = file_format is Format.TIFF or (file_format is Format.SAME and path.suffix.lower() in (".tif", ".tiff"))
    return ".tiff" if tiff else ".png"


def _check_output(folder: Path) -> None:
    """Refuse a folder that cannot be written to before work goes into what it should hold."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise OutputError(f"expected a folder for the output; {existing} is a file: choose another with --output")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {existing} may not be written to; choose another with --output")


def _check_images(paths: Iterable[Path], intensity_range: tuple[float, float] | None) -> None:
    """Read every image once before any work, so that a bad one among many leaves nothing behind."""
    from napari_refvae.imageio.files import read_image
    from napari_refvae.imageio.pixels import normalize
    from napari_refvae.spec import IntensityRange

    declared = IntensityRange(*intensity_range) if intensity_range else None
    for path in paths:
        array = read_image(path)
        try:
            normalize(array, declared)
        except InvalidInputError as error:
            raise InvalidInputError(f"{path}: {error}") from error


def _print_report(report: Report) -> None:
    terms = "  ".join(f"{name} {value:.4g}" for name, value in report.terms.items())
    typer.echo(
        f"{report.stage} {report.step}/{report.steps}  {report.seconds_a_step:.2f} s a step  "
        f"learning rate {report.learning_rate:.2g}  {terms}"
    )


def _software(record: Any) -> str:
    return ", ".join(f"{name} {version}" for name, version in record["software"].items())
