"""``refvae replay``: a run made again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_refvae.cli.checks import check_output
from napari_refvae.cli.terminal import follow_run, print_outputs
from napari_refvae.errors import InvalidInputError, InvalidSpecError

__all__ = ["replay"]


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
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Make the pieces of zarr in so many processes (dask.distributed).")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="tcp://HOST:PORT", help="The same on a cluster of dask that is yours.")
    ] = None,
) -> None:
    """Make a run again and say whether its pixels are the same; exit code 1 if they are not."""
    from napari_refvae.provenance import is_stack_record

    if output is not None:
        check_output(output)
    if is_stack_record(file):
        from napari_refvae.replaying import check_workers
        from napari_refvae.stacks.pools import open_pool

        if workers is not None or scheduler is not None:
            check_workers(file)
        with open_pool(workers, scheduler) as pool:
            _replay_stack(file, image, references, device, output, pool)
        return
    if workers is not None or scheduler is not None:
        raise InvalidSpecError("workers make the pieces of zarr; this side-car is of a single run: leave them out")
    _replay_run(file, image, references, device, output)


def _replay_stack(
    file: Path, image: Path | None, references: list[str] | None, device: str | None, output: Path | None, pool: Any
) -> None:
    from napari_refvae.replaying import replay_stack

    with follow_run(file.name) as on_progress:
        done = replay_stack(
            file,
            image=image,
            references=references or None,
            device=device,
            output=output,
            pool=pool,
            on_progress=on_progress,
        )
    for path in done.files:
        typer.echo(str(path))
    if done.changed:
        typer.echo(
            f"refvae: {len(done.changed)} of {len(done.names)} images differ from the recorded pixels "
            f"({', '.join(done.changed)})",
            err=True,
        )
        raise typer.Exit(1)
    typer.echo(_identical(len(done.names), "image"))


def _replay_run(
    file: Path, image: Path | None, references: list[str] | None, device: str | None, output: Path | None
) -> None:
    from napari_refvae.batch.report import list_outputs
    from napari_refvae.provenance import read_record
    from napari_refvae.replaying import replay as run

    told = read_record(file)
    with follow_run(file.name) as on_progress:
        result = run(file, image=image, references=references or None, device=device, on_progress=on_progress)
    if output is not None:
        files = told.get("files") or [{"name": ".png"}]
        stem = file.stem.removesuffix(f"_x{result.scale}")
        written = result.save(output, stem, Path("x" + files[0]["name"]).suffix)
        print_outputs(list_outputs(result, written), written[-1])
    changed = _changed(told, result.provenance)
    if changed:
        made = len(result) + (result.faithful is not None)
        typer.echo(
            f"refvae: {len(changed)} of {made} images differ from the recorded pixels ({', '.join(changed)}): "
            f"recorded with {_software(told)}, made now with {_software(result.provenance)}",
            err=True,
        )
        raise typer.Exit(1)
    typer.echo(_identical(len(result), "sample"))


def _identical(count: int, kind: str) -> str:
    if count == 1:
        return f"The {kind} is identical to the recorded pixels."
    return f"All {count} {kind}s are identical to the recorded pixels."


def _changed(told: Any, made: Any) -> list[str]:
    """The images whose pixels are not the recorded ones."""
    if len(told["samples"]) != len(made["samples"]):
        raise InvalidInputError(
            f"expected a side-car that lists the {len(made['samples'])} samples of its run; it lists "
            f"{len(told['samples'])}: use an unedited one"
        )
    pairs = zip(told["samples"], made["samples"], strict=True)
    changed = [f"seed {now['seed']}" for before, now in pairs if before["sha256"] != now["sha256"]]
    return changed + ["faithful"] * (told.get("faithful") != made.get("faithful"))


def _software(record: Any) -> str:
    return ", ".join(f"{name} {version}" for name, version in record["software"].items())
