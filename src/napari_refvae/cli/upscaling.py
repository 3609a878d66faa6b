"""``refvae upscale``: images, one or many."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_refvae.cli import STOPPED
from napari_refvae.cli.checks import check_output, check_report, check_single
from napari_refvae.cli.terminal import follow_run, print_failures, print_outputs
from napari_refvae.errors import InvalidSpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.batch.finding import Found
    from napari_refvae.batch.report import Outcome
    from napari_refvae.batch.running import Batch

__all__ = ["Consistency", "Format", "Latent", "upscale"]


class Consistency(StrEnum):
    """Choices of ``--consistency``."""

    BICUBIC = "bicubic"
    NONE = "none"


class Format(StrEnum):
    """Choices of ``--format``."""

    PNG = "png"
    TIFF = "tiff"
    ZARR = "zarr"
    SAME = "same"


class Latent(StrEnum):
    """Choices of ``--latent``."""

    SAME = "same"
    FRESH = "fresh"


def upscale(
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...",
            help="PNG, JPEG, WebP, BMP, TIFF, OME-Zarr; folders; 'patterns/**/*.png'; - for a list on stdin.",
        ),
    ],
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
    self_ensemble: Annotated[
        bool | None,
        typer.Option(
            "--self-ensemble/--no-self-ensemble",
            help="Mean over the image's eight flips and turns; else of what is faithful or of vividness 0 only.",
        ),
    ] = None,
    matching: Annotated[
        bool, typer.Option("--matching", help="Copy detail from references where they show the same thing.")
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
    measured_range: Annotated[
        bool, typer.Option("--measured-range", help="They are the least and the greatest value of each image.")
    ] = False,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder; made if it is not there. Or, for one image, NAME.zarr.")
    ] = Path(),
    file_format: Annotated[
        Format,
        typer.Option(
            "--format", help="same: TIFF for TIFF, zarr for zarr, PNG for all others. What PNG cannot hold is TIFF."
        ),
    ] = Format.SAME,
    latent: Annotated[
        Latent, typer.Option(help="Of a stack's planes: same for all, so that nothing flickers, or fresh for each.")
    ] = Latent.SAME,
    recursive: Annotated[bool, typer.Option("--recursive", help="Search folders in folders, and mirror them.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip what an earlier run of this command finished.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Read all images first; make none if one is bad.")] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Write what became of each image there.")
    ] = None,
    space_check: Annotated[
        bool, typer.Option("--space-check/--no-space-check", help="Refuse what the disk has no room for, uncompressed.")
    ] = True,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Make the pieces of zarr in so many processes (dask.distributed).")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="tcp://HOST:PORT", help="The same on a cluster of dask that is yours.")
    ] = None,
) -> None:
    """Make several 8x versions (or 4x, 2x) of each image, and a JSON file beside them that replays the run.

    A bad image does not stop the others. Exit code 0: all are made; 1: some failed; 2: refused, or all failed.
    """
    from napari_refvae.batch.finding import find_images, split_list
    from napari_refvae.batch.leftovers import at_work, remove_leftovers

    if measured_range and intensity_range is not None:
        raise InvalidSpecError("--range and --measured-range exclude each other: leave one out")
    check_output(output)
    check_report(report)
    folder = output.parent if output.suffix.lower() == ".zarr" else output
    listed = split_list(os.fsdecode(sys.stdin.buffer.read())) if "-" in images else []
    words = [word for word in images if word != "-"]
    found = find_images(words, listed=listed, recursive=recursive)
    if resume and (left := remove_leftovers(folder, {image.folder for image in found})):
        typer.echo(f"refvae: removed what a killed run had left in {folder} ({len(left)} files)", err=True)
        found = find_images(words, listed=listed, recursive=recursive)  # none of that is an input
    name = None
    if output.suffix.lower() == ".zarr":
        check_single(output, found)
        name, file_format = output.stem, Format.ZARR

    from napari_refvae.batch.running import Batch
    from napari_refvae.inputs import as_range, as_region
    from napari_refvae.planning import RunSettings
    from napari_refvae.spec import SampleSpec
    from napari_refvae.stacks.pools import open_pool

    settings = RunSettings(
        samples=SampleSpec(samples, seed, temperature, strength, vividness),
        scale=scale,
        region=as_region(region),
        faithful=faithful,
        self_ensemble="auto" if self_ensemble is None else self_ensemble,
        matching=matching,
        model=model,
        consistency="bicubic" if consistency is Consistency.BICUBIC else None,
        precision=precision,
        device=device,
        tile=_tile(tile),
        intensity_range=as_range(intensity_range),
        measured=measured_range,
    )
    suffix = None if file_format is Format.SAME else f".{file_format.value}"
    batch = Batch(settings, references or (), folder, suffix, latent.value, name, resume, space_check)
    batch.check(found)
    if strict:
        batch.check_all(found)
    if workers is not None or scheduler is not None:
        batch.check_workers(found)
    with open_pool(workers, scheduler) as batch.pool, at_work(folder):
        code = _make_all(batch, found, report)
    raise typer.Exit(code)


def _make_all(batch: Batch, found: Sequence[Found], report: Path | None) -> int:
    """Make each image and tell what became of it; the exit code."""
    from napari_refvae.batch.report import Outcome, summarize, write_report

    outcomes: list[Outcome] = []
    try:
        for image in found:
            outcomes.append(_make(batch, image, alone=len(found) == 1))
    except KeyboardInterrupt:
        begun = len(outcomes)
        outcomes += [
            Outcome(image.path, "waiting" if number else "stopped") for number, image in enumerate(found[begun:])
        ]
        typer.echo(f"refvae: stopped; {summarize(outcomes)}. The same command with --resume goes on.", err=True)
        return STOPPED
    finally:
        if report is not None:
            write_report(report, outcomes)
    if len(found) > 1:
        print_failures(outcomes)
        typer.echo(summarize(outcomes))
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    return 0 if not failed else 2 if failed == len(found) else 1


def _make(batch: Batch, image: Found, *, alone: bool) -> Outcome:
    name = image.path.name
    with follow_run(name) as on_progress:
        outcome = batch.make(
            image, on_note=lambda note: typer.echo(f"refvae: {name}: {note}", err=True), on_progress=on_progress
        )
    if outcome.status == "failed":
        named = "" if str(image.path) in outcome.reason else f"{image.path}: "
        typer.echo(f"refvae: {named}{outcome.reason}", err=True)
    elif outcome.status == "skipped":
        typer.echo(f"{image.path} was finished before: {outcome.side_car}")
    else:
        print_outputs(outcome.outputs, outcome.side_car)
    return outcome


def _tile(value: str) -> Any:
    """A number of LR pixels, None, or the word as it is: the engine knows which are allowed."""
    try:
        return int(value)
    except ValueError:
        return None if value == "none" else value
