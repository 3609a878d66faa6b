"""``refvae evaluate``: a model's figures over folders of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_refvae.cli.checks import check_output
from napari_refvae.errors import InvalidInputError

if TYPE_CHECKING:
    from napari_refvae.evaluation.pictures import FigureWriter

__all__ = ["evaluate"]


MODES = {
    "listen": ("references", "feature_weights", "model", "device"),
    "related": ("references", "feature_weights", "model", "device", "seed"),
    "external": ("feature_weights", "features", "lpips", "lpips_weights", "figures", "box", "device"),
}
"""What asks for another kind of evaluation, and the options that it heeds beside --images and --output."""


def evaluate(
    context: typer.Context,
    images: Annotated[Path, typer.Option(help="Folder of originals.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the report.")] = Path("evaluation"),
    references: Annotated[Path | None, typer.Option(help="Folder of references: sample k takes the k-th.")] = None,
    samples: Annotated[int, typer.Option("--samples", "-n", help="Samples an image.")] = 10,
    seed: Annotated[int, typer.Option(help="Sample k has this seed plus k.")] = 0,
    model: Annotated[str, typer.Option(help="Name of a model, or a file.")] = "compact",
    external: Annotated[
        Path | None, typer.Option(help="Score another method's pictures (name.png, name_1.png ...) instead.")
    ] = None,
    feature_weights: Annotated[Path | None, typer.Option(help="File of VGG-19; else it is downloaded.")] = None,
    features: Annotated[bool, typer.Option(help="Measure the VGG-19 feature distance.")] = True,
    lpips: Annotated[bool, typer.Option("--lpips", help="Measure LPIPS, too.")] = False,
    lpips_weights: Annotated[
        Path | None, typer.Option(help="File of AlexNet for LPIPS; else it is downloaded.")
    ] = None,
    figures: Annotated[
        bool, typer.Option("--figures", help="Write a comparison and residuals of each image, as PNG and PDF.")
    ] = False,
    box: Annotated[
        tuple[int, int, int, int] | None,
        typer.Option(metavar="Y X HEIGHT WIDTH", help="What comparisons enlarge, in pixels of the original."),
    ] = None,
    listen: Annotated[
        bool, typer.Option("--listen", help="Only check whether the model listens to references.")
    ] = False,
    related: Annotated[bool, typer.Option("--related", help="Only compare related with unrelated references.")] = False,
    self_ensemble: Annotated[
        bool, typer.Option(help="Make the faithful output the mean over the image's eight flips and turns.")
    ] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:N or mps.")] = "auto",
) -> None:
    """Score samples against originals: PSNR, SSIM, LPIPS, VGG distance, consistency and diversity.

    Originals that cannot be used are named and left out; the exit code is 1 then.
    """
    from napari_refvae.evaluation.report import overall_table, write_report
    from napari_refvae.evaluation.run import evaluate as run

    check_output(output)
    _refuse_unheeded(context)
    if listen:
        _listen(images, references, feature_weights, model, device, output)
        return
    if related:
        _compare_related(images, references, feature_weights, model, device, output, seed)
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
        lpips=lpips or lpips_weights is not None,
        lpips_weights=lpips_weights,
        device=device,
        self_ensemble=self_ensemble,
        say=typer.echo,
        each=_figure_writer(output / "figures", box) if figures or box else lambda scored: None,
    )
    typer.echo(f"\n{overall_table(evaluation)}\n")
    typer.echo(f"Wrote {', '.join(str(path) for path in write_report(evaluation, output))}")
    if "left_out" in evaluation.about:
        raise typer.Exit(1)


def _refuse_unheeded(context: typer.Context) -> None:
    """Refuse options that the kind of evaluation asked for would not look at."""
    given = [name for name in context.params if _is_given(context, name)]
    for mode, heeded in MODES.items():
        if mode in given and context.params[mode]:
            unheeded = [name for name in given if name not in (mode, "images", "output", *heeded)]
            if unheeded:
                words = ", ".join(_as_typed(context, name) for name in unheeded)
                raise InvalidInputError(f"--{mode} has no use for {words}: leave that out")


def _as_typed(context: typer.Context, name: str) -> str:
    """The option's name as the user wrote it: ``--no-...`` where a switch was turned off."""
    off = context.params[name] is False
    return f"--{'no-' if off else ''}{name.replace('_', '-')}"


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _figure_writer(folder: Path, box: tuple[int, int, int, int] | None) -> FigureWriter:
    from napari_refvae.evaluation.pictures import FigureWriter
    from napari_refvae.spec import Region

    return FigureWriter(folder, Region(*box) if box else None, typer.echo)


def _listen(
    images: Path, references: Path | None, feature_weights: Path | None, model: str, device: str, output: Path
) -> None:
    """Run the checks, write them, and end with 1 if one failed."""
    from napari_refvae.evaluation.distance import FeatureDistance
    from napari_refvae.evaluation.listen import listen_to_folders, to_markdown

    pool = _needed(references, "to listen to")
    distance = FeatureDistance(feature_weights, device)
    checks = listen_to_folders(images, pool, distance, model=model, device=device, say=typer.echo)
    _write(output, "listening.md", to_markdown(checks))
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def _compare_related(
    images: Path,
    references: Path | None,
    feature_weights: Path | None,
    model: str,
    device: str,
    output: Path,
    seed: int,
) -> None:
    """Run the comparison, print it and write it, and end with 1 if an original could not be used."""
    from napari_refvae.evaluation.distance import FeatureDistance
    from napari_refvae.evaluation.left_out import LeftOut
    from napari_refvae.evaluation.related import compare_related, to_markdown

    pool = _needed(references, "that are unrelated")
    distance = FeatureDistance(feature_weights, device)
    left_out = LeftOut(typer.echo)
    scores = compare_related(
        images, pool, distance, model=model, device=device, seed=seed, say=typer.echo, left_out=left_out
    )
    text = to_markdown(scores)
    typer.echo(f"\n{text}")
    _write(output, "related.md", text)
    if left_out.reasons:
        raise typer.Exit(1)


def _needed(references: Path | None, purpose: str) -> Path:
    if references is None:
        raise InvalidInputError(f"expected a folder of references {purpose}; got none: pass --references DIR")
    return references


def _write(folder: Path, name: str, text: str) -> None:
    from napari_refvae.imageio.writing import output_errors, write_text

    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / name, text)
    typer.echo(f"Wrote {folder / name}")
