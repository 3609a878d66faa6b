"""What made a result: a JSON-ready record that goes into side-cars and layer metadata, and is read back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError, UnreadableFileError
from napari_refvae.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["FORMAT", "STACK_FORMAT", "Source", "describe_run", "is_stack_record", "pixel_hash", "read_record"]

FORMAT = "napari-refvae-run/1"

STACK_FORMAT = "napari-refvae-stack/1"
"""Of the record of a stack, or of a large plane that was made in pieces."""

NEEDED = {
    "model": ("name", "sha256"),
    "input": ("kind", "name"),
    "references": ("all",),
    "settings": ("count", "seed", "temperature", "strength", "vividness", "consistency", "intensity_range"),
    "resolved": ("device", "precision", "tile"),
    "samples": ("all",),
}
"""What a replay reads of each part of a record; a list counts as one entry called all."""

NEEDED_OF_STACKS = {
    **{part: keys for part, keys in NEEDED.items() if part != "samples"},
    "settings": (*NEEDED["settings"], "region", "scale", "faithful", "latent"),
    "files": ("all",),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where pixels came from.

    Attributes
    ----------
    kind
        image, self or none.
    name
        For people.
    path
        If a file was read.
    sha256
        Of the stored pixels; see `pixel_hash`.
    intensity_range
        A reference's stored values of black and white, if they were not its dtype's own.
    """

    kind: str
    name: str
    path: str | None = None
    sha256: str | None = None
    intensity_range: tuple[float, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, without what is not known."""
        entry = {key: value for key, value in asdict(self).items() if value is not None}
        if self.intensity_range is not None:
            entry["intensity_range"] = list(self.intensity_range)
        return entry


def pixel_hash(array: NDArray[Any]) -> str:
    """sha256 over shape, dtype and little-endian values, whatever the memory layout."""
    array = np.asarray(array)
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    digest = hashlib.sha256(f"{array.shape}{little.dtype.str}".encode())
    digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def describe_run(
    *,
    model: Mapping[str, Any],
    image: Source,
    references: Sequence[Source],
    settings: Mapping[str, Any],
    resolved: Mapping[str, Any],
    samples: Sequence[Mapping[str, Any]],
    faithful: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The record of one run. ``settings`` is what was asked for, ``resolved`` what automatic choices became."""
    record = {
        "format": FORMAT,
        "software": {name: installed_version(name) for name in ("napari-refvae", "torch", "numpy")},
        "model": dict(model),
        "input": image.as_dict(),
        "references": [reference.as_dict() for reference in references],
        "settings": dict(settings),
        "resolved": dict(resolved),
        "samples": [dict(sample) for sample in samples],
    }
    return record if faithful is None else record | {"faithful": dict(faithful)}


def read_record(path: Path | str, expected: str = FORMAT) -> dict[str, Any]:
    """Read a side-car.

    Parameters
    ----------
    path
        Of the JSON file beside the samples.
    expected
        `FORMAT` or `STACK_FORMAT`.

    Raises
    ------
    UnreadableFileError
        If there is no such file or it is no JSON.
    InvalidInputError
        If it is JSON of another kind, or lacks what a replay needs.
    """
    record = _read_json(path)
    found = record.get("format") if isinstance(record, dict) else type(record).__name__
    if found != expected:
        advice = "pass the .json beside the samples"
        if found == STACK_FORMAT:
            advice = "it is of a stack: use napari_refvae.replaying.replay_stack, or refvae replay"
        elif str(found).startswith("napari-refvae-exploration"):
            advice = "it is of an exploration: load it in napari's panel, or use napari_refvae.explore.reopen"
        raise InvalidInputError(f"expected a side-car of format {expected} at {path}; got {found!r}: {advice}")
    needed = NEEDED if expected == FORMAT else NEEDED_OF_STACKS
    missing = [f"{part}.{key}" for part, keys in needed.items() for key in keys if key not in _part(record, part)]
    if missing:
        raise InvalidInputError(
            f"the side-car {path} is incomplete: it lacks {', '.join(missing)}; use an unedited one"
        )
    return dict(record)


def is_stack_record(path: Path | str) -> bool:
    """Whether a side-car is that of a stack.

    Raises
    ------
    UnreadableFileError
        If there is no such file or it is no JSON.
    """
    record = _read_json(path)
    return isinstance(record, dict) and record.get("format") == STACK_FORMAT


def _read_json(path: Path | str) -> Any:
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"expected a side-car (JSON) at {path}; it cannot be read ({error})") from error


def _part(record: dict[str, Any], name: str) -> dict[str, Any]:
    part = record.get(name)
    return part if isinstance(part, dict) else {"all": part} if isinstance(part, list) else {}
