"""The commands, and how they end.

Whatever the package refuses is one sentence on stderr and exit code 2; Ctrl-C is exit code 130. torch
and the engine are imported inside the commands, so that ``--help`` is there at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from napari_refvae.cli import STOPPED
from napari_refvae.cli.checks import check_output
from napari_refvae.cli.evaluating import evaluate
from napari_refvae.cli.mistakes import MISTAKE, explain
from napari_refvae.cli.replaying import replay
from napari_refvae.cli.terminal import print_table
from napari_refvae.cli.training import train
from napari_refvae.cli.upscaling import upscale
from napari_refvae.errors import RefVAEError
from napari_refvae.version import installed_version

__all__ = ["app"]


class _Commands(TyperGroup):
    """Says in one sentence what the package raises on purpose, and what is wrong with the words."""

    def make_context(self, *words: Any, **extra: Any) -> Any:
        try:
            return super().make_context(*words, **extra)
        except MISTAKE as error:
            if not hasattr(error, "option_name"):  # it is the help, for no words at all
                raise
            typer.echo(f"refvae: {explain(error)}", err=True)
            raise typer.Exit(2) from error

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MISTAKE as error:
            typer.echo(f"refvae: {explain(error, ctx)}", err=True)
            raise typer.Exit(2) from error
        except RefVAEError as error:
            typer.echo(f"refvae: {error}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as error:
            typer.echo("refvae: stopped; what was finished is written, and nothing of what was under way", err=True)
            raise typer.Exit(STOPPED) from error


app = typer.Typer(
    cls=_Commands,
    help="Reference-guided, diverse 8x super-resolution: several sharp versions, each consistent with the input.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"refvae {installed_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and stop.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command()(upscale)
app.command()(replay)


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the pictures.")] = Path("demo-output"),
) -> None:
    """Upscale photographs that come with scikit-image, and write pictures and a table of figures."""
    from napari_refvae.demo import run_demo

    check_output(output)
    run_demo(output, typer.echo)


@app.command()
def models() -> None:
    """List the models and say which are here."""
    from napari_refvae.model.zoo import cache_dir, list_models

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
    typer.echo(f"Downloads and models of your own lie in {cache_dir()}")


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


app.command()(train)
app.command()(evaluate)
