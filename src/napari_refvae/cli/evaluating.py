"""``refvae evaluate``: a model's figures over folders of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_refvae.cli.checks import check_output
from napari_refvae.errors import InvalidInputError

__all__ = ["evaluate"]


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

    check_output(output)
    if listen:
        _listen(images, references, feature_weights, model, device, output)
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


def _listen(
    images: Path, references: Path | None, feature_weights: Path | None, model: str, device: str, output: Path
) -> None:
    """Run the checks, write them, and end with 1 if one failed."""
    from napari_refvae.evaluation.distance import FeatureDistance
    from napari_refvae.evaluation.listen import listen_to_folders, to_markdown
    from napari_refvae.imageio.writing import write_text

    if references is None:
        raise InvalidInputError("expected a folder of references to listen to; got none: pass --references DIR")
    distance = FeatureDistance(feature_weights)
    checks = listen_to_folders(images, references, distance, model=model, device=device, say=typer.echo)
    output.mkdir(parents=True, exist_ok=True)
    write_text(output / "listening.md", to_markdown(checks))
    typer.echo(f"Wrote {output / 'listening.md'}")
    if not all(check.passed for check in checks):
        raise typer.Exit(1)
