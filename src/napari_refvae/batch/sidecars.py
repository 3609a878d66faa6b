"""The side-cars of a folder: what they list, and which run each of them records."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_refvae.provenance import FORMAT, STACK_FORMAT
from napari_refvae.stacks.publishing import claimed_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SideCars", "iterate_side_cars", "listed_results"]

FORMATS = (FORMAT, STACK_FORMAT)

NAME = re.compile(r"_x\d+\.json$")
"""How the names of side-cars end."""

COMPARED = ("format", "settings")
"""Parts of a record that are compared as they are."""


def iterate_side_cars(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each whole side-car of a folder, by name."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if NAME.search(path.name):
            try:
                record = json.loads(path.read_text("utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(record, dict) and record.get("format") in FORMATS:
                yield path, record


def listed_results(folder: Path) -> set[str]:
    """Names of the files that side-cars in a folder list, or will once they are published: no inputs."""
    return claimed_names(folder) | {name for _, record in iterate_side_cars(folder) for name in _names(record)}


class SideCars:
    """The side-cars of folders, each folder read once: which runs are finished."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, list[tuple[Path, dict[str, Any]]]]] = {}

    def inputs(self, folder: Path) -> set[str]:
        """The inputs' paths that those of a folder name."""
        records = (record for entries in self._of(folder).values() for _, record in entries)
        return {str(record["input"].get("path")) for record in records}

    def find(self, folder: Path, wanted: Mapping[str, Any], suffix: str) -> list[Path]:
        """The files of a run that is finished, its side-car last; none if there is no such run.

        Parameters
        ----------
        folder
            Where it would have been written.
        wanted
            The record that it would have, as far as it is known before: format, input, model, references, settings,
            and of what automatic choices became, that which was demanded.
        suffix
            Of its images.
        """
        plain = json.loads(json.dumps(wanted))  # tuples as lists
        for path, record in self._of(folder).get(plain["input"]["sha256"], ()):
            if _same_run(record, plain) and (images := _whole_images(path, record, suffix)):
                return [*images, path]
        return []

    def _of(self, folder: Path) -> dict[str, list[tuple[Path, dict[str, Any]]]]:
        """Those of a folder when it was first asked for, by their inputs' sha256."""
        if folder not in self._folders:
            found: dict[str, list[tuple[Path, dict[str, Any]]]] = {}
            for path, record in iterate_side_cars(folder):
                if isinstance(record.get("input"), dict):
                    found.setdefault(str(_sha256(record["input"])), []).append((path, record))
            self._folders[folder] = found
        return self._folders[folder]


def _names(record: Mapping[str, Any]) -> list[str]:
    entries = record.get("files")
    found = [entry.get("name") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [name for name in found if isinstance(name, str)]


def _same_run(record: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return (
        all(record.get(part) == wanted[part] for part in COMPARED)
        and _sha256(record.get("model")) == _sha256(wanted["model"])
        and _same_references(record.get("references"), wanted["references"])
        and _same_file(record["input"], wanted["input"])
        and _as_demanded(record.get("resolved"), wanted["resolved"])
    )


def _as_demanded(told: Any, wanted: Mapping[str, Any]) -> bool:
    return isinstance(told, dict) and all(told.get(name) == value for name, value in wanted.items())


def _sha256(entry: Any) -> Any:
    return entry.get("sha256") if isinstance(entry, dict) else None


def _same_references(told: Any, wanted: list[dict[str, Any]]) -> bool:
    """Whether the references are the same pixels in the same range; files may have moved."""
    if not isinstance(told, list) or len(told) != len(wanted):
        return False
    parts = ("kind", "name", "sha256", "intensity_range")
    pairs = zip(told, wanted, strict=True)
    return all(
        isinstance(one, dict) and all(one.get(part) == other.get(part) for part in parts) for one, other in pairs
    )


def _same_file(told: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether equal pixels are the same input: the file where it was, or one of that name that is no longer there."""
    before = told.get("path")
    if before == wanted.get("path"):
        return True
    return told.get("name") == wanted.get("name") and isinstance(before, str) and not Path(before).exists()


def _whole_images(side_car: Path, record: Mapping[str, Any], suffix: str) -> list[Path]:
    """The images of a record if all are there as they were written, else none."""
    images = [side_car.parent / name for name in _names(record)]
    entries = record["files"] if images else []
    whole = all(
        path.name.lower().endswith(suffix) and _unchanged(path, entry.get("sha256"))
        for path, entry in zip(images, entries, strict=True)
    )
    return images if whole else []


def _unchanged(path: Path, sha256: str | None) -> bool:
    """Whether a file has the recorded content; of a zarr folder, which has none recorded, whether it is there."""
    if sha256 is None:
        return path.is_dir()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
