"""A stack's results as files: written plane by plane, all of them or none, under names that are free."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from typing import TYPE_CHECKING, Any

from napari_refvae.imageio.locks import at_work
from napari_refvae.imageio.placing import removed_on_failure, reserve
from napari_refvae.imageio.stackwriting import write_stack
from napari_refvae.imageio.writing import OME_DTYPES, output_errors, write_text
from napari_refvae.spec import Progress
from napari_refvae.stacks.planning import Account
from napari_refvae.stacks.publishing import publish as move_all
from napari_refvae.stacks.streaming import StreamedRun
from napari_refvae.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_refvae.stacks.planning import PlannedStack, StackImage
    from napari_refvae.stacks.pools import Pool

    Output = tuple[Path, StackImage, float]

__all__ = ["save_stack", "trace_stack"]

STAGED = "side-car.json"
"""What the side-car is called until all is published."""


def save_stack(
    plan: PlannedStack,
    folder: Path,
    stem: str,
    suffix: str = ".ome.tif",
    *,
    plainly: bool = False,
    pool: Pool | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[list[Output], Path]:
    """Upscale a stack into ``<stem>_x8_<reference>_s<seed><suffix>`` for each sample, and a side-car.

    Each file is there whole or not at all. TIFF is written plane by plane, and if anything fails, nothing is left. Zarr
    is made piece by piece, and what is finished of it stays in a hidden folder for a run that resumes. No file is
    overwritten.

    Parameters
    ----------
    plan
        From `plan_stack`.
    folder
        Made if it is not there.
    stem
        Start of all names.
    suffix
        ``.ome.tif``, ``.tif`` or ``.zarr``. What OME-TIFF cannot hold goes to ``.tif``.
    plainly
        Whether the image is called ``<stem><suffix>`` if there is one alone.
    pool
        Where the pieces of zarr are made; None: here. See `napari_refvae.stacks.pools.open_pool`.
    resume
        Whether to go on with zarr that the same run has left half-made.
    on_progress
        Called after each plane or piece.

    Returns
    -------
    images
        Each file, what it is, and the least LR-PSNR of its planes in dB.
    side_car
        The JSON file beside them.

    Raises
    ------
    RefVAEError
        If the disk is full, a plane damaged, and so on.
    """
    if suffix == ".zarr":
        with at_work(folder, folder / stem):
            return _stream(plan, folder, stem, _endings(plan, suffix, plainly), pool, resume, on_progress)
    plan = plan.with_tiles()
    suffix = ".tif" if suffix == ".ome.tif" and plan.source.dtype.name not in OME_DTYPES else suffix
    token = uuid.uuid4().hex[:12]
    staged = [folder / f".{token}-{number}{suffix}" for number in range(len(plan.images))]
    with output_errors(folder / stem), at_work(folder, folder / stem), removed_on_failure(staged):
        accounts = []
        for number, (image, path) in enumerate(zip(plan.images, staged, strict=True)):
            account = Account()
            planes = plan.planes(image, account, _counter(plan, number, on_progress))
            write_stack(path, plan.layout, plan.source.dtype, planes)
            accounts.append(account)
        targets, side_car = _publish(plan, staged, accounts, folder, stem, _endings(plan, suffix, plainly))
    return _outputs(plan, targets, accounts), side_car


def trace_stack(
    plan: PlannedStack,
    suffix: str,
    folder: Path,
    *,
    pool: Pool | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[str]:
    """Make what `save_stack` would, and keep the hashes of each image's pixels alone.

    ``folder`` takes what does not fit into memory meanwhile.
    """
    if suffix == ".zarr":
        return [account.sha256 for account in StreamedRun(plan, pool, on_progress).trace(folder)]
    hashes, plan = [], plan.with_tiles()
    for number, image in enumerate(plan.images):
        account = Account()
        for _ in plan.planes(image, account, _counter(plan, number, on_progress)):
            pass
        hashes.append(account.sha256)
    return hashes


def _publish(
    plan: PlannedStack,
    staged: Sequence[Path],
    accounts: Sequence[Account],
    folder: Path,
    stem: str,
    ends: Sequence[str],
) -> tuple[list[Path], Path]:
    """Move finished files to names that are free now, after hours perhaps, then write the side-car."""
    placed: list[Path] = []
    with removed_on_failure(placed):
        *targets, side_car = reserve(folder, stem, ends, placed)
        told = _told(plan, staged, targets, accounts)
        for source, target in zip(staged, targets, strict=True):
            placed.append(target)
            os.replace(source, target)
        write_text(side_car, told)
    return targets, side_car


def _stream(
    plan: PlannedStack,
    folder: Path,
    stem: str,
    endings: Sequence[str],
    pool: Pool | None,
    resume: bool,
    on_progress: Callable[[Progress], None] | None,
) -> tuple[list[Output], Path]:
    """Make zarr folders piece by piece, and move them to names that are free once all are whole."""
    placed: list[Path] = []

    def publish(made: Sequence[Path], accounts: Sequence[Account]) -> None:
        reserved: list[Path] = []
        with output_errors(folder / stem), removed_on_failure(reserved):
            *targets, side_car = reserve(folder, stem, endings, reserved)
            told = made[0].with_name(STAGED)
            write_text(told, _told(plan, made, targets, accounts))
            move_all(told.parent, [*zip(made, targets, strict=True), (told, side_car)])
            placed.extend((side_car, *targets))

    accounts = StreamedRun(plan, pool, on_progress).into(folder, stem, publish, resume=resume)
    side_car, *targets = placed
    return _outputs(plan, targets, accounts), side_car


def _outputs(plan: PlannedStack, targets: Sequence[Path], accounts: Sequence[Account]) -> list[Output]:
    made = zip(targets, plan.images, accounts, strict=True)
    return [(target, image, account.lr_psnr) for target, image, account in made]


def _counter(plan: PlannedStack, number: int, on_progress: Callable[[Progress], None] | None) -> Callable[[], None]:
    """What says, once called, that one more plane of an image is done."""
    count, images = plan.source.layout.count, len(plan.images)
    done = number * count

    def count_one() -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(Progress(done, images * count, "project", number, images))

    return count_one


def _endings(plan: PlannedStack, suffix: str, plainly: bool) -> list[str]:
    """How the names end, the side-car's last; the seeds tell the images apart."""
    side_car = f"_x{plan.scale}.json"
    if plainly and len(plan.images) == 1:
        return [suffix, side_car]
    return [*(f"_x{plan.scale}_{image.ending}{suffix}" for image in plan.images), side_car]


def _told(plan: PlannedStack, made: Sequence[Path], targets: Sequence[Path], accounts: Sequence[Account]) -> str:
    """The side-car's text."""
    return json.dumps(_record(plan, made, targets, accounts), indent=2, allow_nan=False) + "\n"


def _record(
    plan: PlannedStack, made: Sequence[Path], targets: Sequence[Path], accounts: Sequence[Account]
) -> dict[str, Any]:
    """What replays the run; files, which lie under other names yet, with their sha256."""
    software = {name: installed_version(name) for name in ("napari-refvae", "torch", "numpy")}
    files: list[dict[str, Any]] = []
    for path, target, image, account in zip(made, targets, plan.images, accounts, strict=True):
        entry: dict[str, Any] = {"name": target.name, "pixels": account.sha256}
        if not path.is_dir():
            with path.open("rb") as file:
                entry["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        files.append(entry if image.seed is None else entry | {"reference": image.name, "seed": image.seed})
    record = plan.record | {"software": software, "resolved": accounts[0].resolved, "files": files}
    if plan.survey.missing:
        record["input"] = record["input"] | {"missing": plan.survey.missing}
    return record
