"""A run's samples and the side-car that replays it: all of them or none, under names that are free."""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from napari_refvae.errors import OutputError
from napari_refvae.imageio.locks import at_work
from napari_refvae.imageio.placing import removed_on_failure, reserve
from napari_refvae.imageio.writing import holds, output_errors, write_image, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_refvae.imageio.tags import ImageTags

__all__ = ["Run", "save_samples"]

STEM_BYTES = 160
"""Longer stems are cut: file systems hold 255 bytes a name, and the samples' names go on."""

NAME_LENGTH = 40
"""Longer names of references are cut."""


class Run(Protocol):
    """What can be saved: the part of `napari_refvae.SuperResolutionResult` that files need."""

    @property
    def sr(self) -> NDArray[Any] | Sequence[NDArray[Any]]: ...
    @property
    def references(self) -> tuple[str, ...]: ...
    @property
    def seeds(self) -> tuple[int, ...]: ...
    @property
    def provenance(self) -> Mapping[str, Any]: ...
    @property
    def scale(self) -> int: ...
    @property
    def faithful(self) -> NDArray[Any] | None: ...
    @property
    def tags(self) -> ImageTags: ...


def save_samples(result: Run, folder: Path | str, stem: str = "image", suffix: str = ".png") -> list[Path]:
    """Write a run: ``<stem>_x8_<reference>_s<seed><suffix>`` for each sample, and ``<stem>_x8.json``.

    The number is the run's scale; a faithful image is ``<stem>_x8_faithful<suffix>``.

    Everything is written under temporary names first and moved when all of it is there, the side-car last; an
    interruption or a full disk leaves nothing. No file is overwritten: if a name is taken, the whole run is
    called ``<stem>-2``, ``<stem>-3``, ... Reference names are reduced to letters, digits, ``-`` and ``_``.

    Parameters
    ----------
    result
        What a run returned. Colour profile, dots an inch and the size of a (smaller) pixel are written as its ``tags``
        say, as far as the format has a place for them.
    folder
        Made if it is not there.
    stem
        Start of all names.
    suffix
        .png, .tif or .tiff. Where PNG cannot hold the dtype (anything but uint8 and uint16 grey), .tiff is
        taken instead.

    Returns
    -------
    list of Path
        The samples in their order, the faithful image if there is one, and the side-car: the provenance, and
        ``files``, each with its ``name`` and ``sha256``, a sample with its ``reference`` and ``seed`` too.

    Raises
    ------
    OutputError
        If something cannot be written, or the stem or suffix cannot be used.
    """
    folder = Path(folder)
    if not stem or {"/", "\\", "\0"} & set(stem) or stem in (".", ".."):
        raise OutputError(f"expected a file name without folders as the stem; got {stem!r}: pass the folder on its own")
    suffix = suffix if holds(suffix, result.sr[0]) else ".tiff"
    tags = result.tags.enlarged(result.scale)
    token = uuid.uuid4().hex[:12]
    images = [*result.sr] if result.faithful is None else [*result.sr, result.faithful]
    staged = [folder / f".{token}-{index}{suffix}" for index in range(len(images))]
    with output_errors(folder / stem), at_work(folder, folder / stem), removed_on_failure(staged):
        for path, image in zip(staged, images, strict=True):
            write_image(path, image, tags)
        return _publish(staged, result, folder, _cut(stem))


def _publish(staged: Sequence[Path], result: Run, folder: Path, stem: str) -> list[Path]:
    """Move staged samples to names that are free, then write the side-car; undone if anything fails."""
    endings, placed = _endings(result, staged[0].suffix), list[Path]()
    with removed_on_failure(placed):
        *images, side_car = reserve(folder, stem, [*endings, f"_x{result.scale}.json"], placed)
        record = {**result.provenance, "files": _files(staged, images, result)}
        for source, target in zip(staged, images, strict=True):
            placed.append(target)
            os.replace(source, target)
        write_text(side_car, json.dumps(record, indent=2, allow_nan=False) + "\n")
    return [*images, side_car]


def _endings(result: Run, suffix: str) -> list[str]:
    """How the images' names end; different for each, whatever the references are called."""
    endings: list[str] = []
    for reference, seed in zip(result.references, result.seeds, strict=True):
        name = re.sub(r"[^\w-]+", "-", reference)[:NAME_LENGTH].strip("-") or "reference"
        base = f"_x{result.scale}_{name}_s{seed}"
        ending, number = base + suffix, 1
        while ending in endings:
            number += 1
            ending = f"{base}-{number}{suffix}"
        endings.append(ending)
    return endings if result.faithful is None else [*endings, f"_x{result.scale}_faithful{suffix}"]


def _files(staged: Sequence[Path], images: Sequence[Path], result: Run) -> list[dict[str, Any]]:
    """What the side-car says of each file."""
    entries: list[dict[str, Any]] = [
        {"name": image.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path, image in zip(staged, images, strict=True)
    ]
    for entry, reference, seed in zip(entries, result.references, result.seeds, strict=False):  # the samples come first
        entry.update(reference=reference, seed=seed)
    return entries


def _cut(stem: str) -> str:
    """The stem, short enough for a file system."""
    while len(os.fsencode(stem)) > STEM_BYTES:
        stem = stem[:-1]
    return stem
