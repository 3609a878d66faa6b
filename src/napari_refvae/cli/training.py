"""``refvae train``: a model's weights."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (typer reads the annotations at run time)
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from napari_refvae.training.trainer import Report

__all__ = ["train"]


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


def _print_report(report: Report) -> None:
    terms = "  ".join(f"{name} {value:.4g}" for name, value in report.terms.items())
    typer.echo(
        f"{report.stage} {report.step}/{report.steps}  {report.seconds_a_step:.2f} s a step  "
        f"learning rate {report.learning_rate:.2g}  {terms}"
    )
