"""A stack, or a large plane that was made in pieces, made again."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.imageio.arrays import ArraySource, describe_array
from napari_refvae.inputs import as_range, as_region
from napari_refvae.planning import RunSettings
from napari_refvae.provenance import STACK_FORMAT, read_record
from napari_refvae.replaying.sources import (
    check_source,
    recall_file,
    recall_model,
    recall_references,
    recorded_tile,
    recorded_word,
)
from napari_refvae.spec import SampleSpec
from napari_refvae.stacks.pieces import PIECE
from napari_refvae.stacks.planning import plan_stack
from napari_refvae.stacks.saving import save_stack, trace_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_refvae.inputs import ReferenceLike
    from napari_refvae.spec import Progress
    from napari_refvae.stacks.planning import PlannedStack
    from napari_refvae.stacks.pools import Pool

__all__ = ["ReplayedStack", "check_workers", "replay_stack"]


@dataclass(frozen=True, slots=True)
class ReplayedStack:
    """What became of a stack that was made again.

    Attributes
    ----------
    names
        The images of the side-car.
    changed
        Those whose pixels are not the recorded ones.
    files
        What was written now, the side-car last; empty if nothing was to be written.
    """

    names: tuple[str, ...]
    changed: tuple[str, ...]
    files: tuple[Path, ...] = ()


def replay_stack(
    record: Path | str,
    *,
    image: Path | str | np.ndarray[Any, Any] | ArraySource | None = None,
    references: Sequence[ReferenceLike] | None = None,
    device: str | None = None,
    output: Path | None = None,
    pool: Pool | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> ReplayedStack:
    """Make the stack of a side-car again, with the same choices, and compare it with what is recorded.

    Parameters
    ----------
    record
        Path of the JSON file beside the results.
    image, references
        To be given if they were no files, or have moved.
    device
        By default the recorded one.
    output
        Folder to write to; None: nothing is kept.
    pool
        Where the pieces of zarr are made; see `napari_refvae.stacks.pools.open_pool`.
    on_progress
        Called after each plane or piece.

    Raises
    ------
    InvalidInputError
        If the input, a reference or the model is not the one that was used; it is named.
    InvalidSpecError
        If workers are to make what is not made in pieces.
    """
    told = read_record(record, STACK_FORMAT)
    _check_recorded(told)
    plan = _plan_again(told, Path(record).parent, image, references, device)
    suffix = _suffix(told)
    if pool is not None:
        _check_pieces(suffix)
    if output is None:
        with tempfile.TemporaryDirectory() as folder:
            hashes = trace_stack(plan, suffix, Path(folder), pool=pool, on_progress=on_progress)
        return _compared(told, hashes)
    stem = Path(record).stem.removesuffix(f"_x{plan.scale}")
    made, side_car = save_stack(plan, output, stem, suffix, pool=pool, on_progress=on_progress)
    hashes = [entry["pixels"] for entry in json.loads(side_car.read_text("utf-8"))["files"]]
    return replace(_compared(told, hashes), files=(*(path for path, *_ in made), side_car))


def _check_recorded(told: dict[str, Any]) -> None:
    files = told["files"]
    if not files or not all(isinstance(entry, dict) and "pixels" in entry for entry in files):
        raise InvalidInputError(
            "the side-car does not record the pixels of its images: it is older than the replay of stacks; "
            "upscale the stack anew"
        )
    if told["resolved"].get("piece", PIECE) != PIECE:
        raise InvalidInputError(
            f"expected pieces of {PIECE} pixels; the side-car's were of {told['resolved']['piece']}: install the "
            "version of the package that it names"
        )


def check_workers(record: Path | str) -> None:
    """Refuse workers for a stack that is not made in pieces, before they are started.

    Raises
    ------
    InvalidSpecError, InvalidInputError
        If it is such a one, or its side-car is damaged.
    """
    told = read_record(record, STACK_FORMAT)
    _check_recorded(told)
    _check_pieces(_suffix(told))


def _check_pieces(suffix: str) -> None:
    if suffix != ".zarr":
        raise InvalidSpecError(
            f"workers make the pieces of zarr; this side-car is of {suffix or 'other'} files, which are made plane by "
            "plane: leave them out"
        )


def _suffix(told: dict[str, Any]) -> str:
    """Of the files that a side-car lists."""
    found = "".join(Path("x" + str(told["files"][0].get("name")).lower()).suffixes[-2:])
    return next(known for known in (".zarr", ".ome.tif", ".tif", "") if found.endswith(known))


def _plan_again(
    told: dict[str, Any], beside: Path, image: Any, references: Sequence[ReferenceLike] | None, device: str | None
) -> PlannedStack:
    settings, resolved = told["settings"], told["resolved"]
    source = recall_file(told["input"], beside) if image is None else image
    if isinstance(source, np.ndarray):
        source = describe_array(source, told["input"].get("axes"))
    plan = plan_stack(
        source,
        recall_references(told["references"], references, beside),
        RunSettings(
            samples=SampleSpec(
                **{name: settings[name] for name in ("count", "seed", "temperature", "strength", "vividness")}
            ),
            scale=settings["scale"],
            region=as_region(settings["region"]),
            faithful=settings["faithful"],
            self_ensemble=settings.get("self_ensemble", False),
            model=recall_model(told, beside),
            consistency=settings["consistency"],
            precision=recorded_word(resolved, "precision"),
            device=device or recorded_word(resolved, "device"),
            tile=recorded_tile(resolved["tile"]),
            intensity_range=as_range(settings["intensity_range"]),
        ),
        latent=settings["latent"],
    )
    if len(plan.images) != len(told["files"]):
        raise InvalidInputError(
            f"the side-car lists {len(told['files'])} images, but its settings make {len(plan.images)}: "
            "use an unedited one"
        )
    check_source(told["input"], plan.record["input"])
    for before, now in zip(told["references"], plan.record["references"], strict=True):
        check_source(before, now)
    return plan


def _compared(told: dict[str, Any], hashes: Sequence[str]) -> ReplayedStack:
    names = tuple(str(entry["name"]) for entry in told["files"])
    pairs = zip(told["files"], hashes, strict=True)
    return ReplayedStack(names, tuple(str(entry["name"]) for entry, now in pairs if entry["pixels"] != now))
