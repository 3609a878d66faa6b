"""What a side-car names, found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.omezarr import is_zarr
from napari_refvae.inputs import Guide, Picture, as_range, read_picture
from napari_refvae.loading import load_model
from napari_refvae.model.matching.gate import load_gate
from napari_refvae.model.zoo import MODELS
from napari_refvae.spec import ImageReference, PriorReference, SelfReference, TileSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_refvae.inputs import ReferenceLike
    from napari_refvae.loading import LoadedModel

__all__ = [
    "check_gate",
    "check_source",
    "recall_file",
    "recall_model",
    "recall_references",
    "recorded_tile",
    "recorded_word",
]


def recall_file(entry: Mapping[str, Any], beside: Path | None) -> Path | str:
    """The file or zarr folder of a recorded source: where it was, or in a folder; or the word of its kind.

    Parameters
    ----------
    entry
        What a record says of it.
    beside
        Where it may lie if it is no longer where it was: the folder of the record.

    Raises
    ------
    InvalidInputError
        If it is at neither place, was no file, or the entry is damaged.
    """
    _check_entry(entry)
    path = entry.get("path")
    if entry["kind"] != "image":
        return str(entry["kind"])
    places = [Path(path)] if path else []
    for place in places if beside is None else [*places, *(beside / place.name for place in places)]:
        if place.is_file() or is_zarr(place):
            return place
    was, advice = (f"is not at {path}", "put it beside the record, or ") if path else ("was an array, not a file", "")
    raise InvalidInputError(
        f"the recorded image {entry['name']!r} {was}: {advice}pass it again (image, references; --image, --reference)"
    )


def recall_references(
    entries: Sequence[Mapping[str, Any]], references: Sequence[ReferenceLike] | None, beside: Path | None
) -> list[ReferenceLike]:
    """The references that are given, or else the recorded ones; each with its own recorded black and white.

    Parameters
    ----------
    entries
        What a record says of them.
    references, beside
        To be given if they were no files, or have moved; see `recall_file`.

    Raises
    ------
    InvalidInputError
        If there are not as many as recorded, or one is not found.
    """
    if not entries:
        raise InvalidInputError("expected a record that lists its references; it lists none: use an unedited one")
    for entry in entries:
        _check_entry(entry)
    if references is None:
        references = [recall_file(entry, beside) for entry in entries]
    if len(references) != len(entries):
        raise InvalidInputError(f"expected {len(entries)} references, as recorded; got {len(references)}")
    return [_in_range(item, entry) for item, entry in zip(references, entries, strict=True)]


def _check_entry(entry: Any) -> None:
    """Refuse what cannot be a recorded source."""
    texts = [entry.get("kind"), entry.get("name"), entry.get("path", "")] if isinstance(entry, dict) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidInputError(f"expected what is known of an image in the record; got {entry!r}: use an unedited one")


def _in_range(item: ReferenceLike, entry: Mapping[str, Any]) -> ReferenceLike:
    """A reference with the recorded black and white. None recorded: its dtype's, whatever the input's are."""
    known = ImageReference | SelfReference | PriorReference | Picture | Guide
    if item is None or isinstance(item, known) or (isinstance(item, str) and item in ("self", "none")):
        return item
    return replace(read_picture(item), intensity_range=as_range(entry.get("intensity_range")))


def recall_model(told: dict[str, Any], beside: Path) -> LoadedModel:
    """The model of a record: by name or where its file was, or else a file of that name beside the side-car.

    Raises
    ------
    InvalidInputError
        If it is not the one that was used.
    """
    name, sha256 = told["model"]["name"], told["model"]["sha256"]
    if not (isinstance(name, str) and isinstance(sha256, str)):
        raise InvalidInputError(f"expected a model's name and sha256 in the record; got {name!r}, {sha256!r}")
    moved = beside / Path(name).name
    model = load_model(moved if name not in MODELS and not Path(name).is_file() and moved.is_file() else name)
    if model.info.identity != sha256:
        raise InvalidInputError(
            f"expected model {sha256[:12]} ({name}); got {model.info.identity[:12]}: "
            "install the version of the package that the side-car names"
        )
    return model


def check_gate(resolved: dict[str, Any]) -> None:
    """Refuse a record whose detail another gate let through.

    Raises
    ------
    InvalidInputError
        If it was another, or none can be told.
    """
    told = resolved.get("matching")
    if told is None:
        return
    sha256 = told.get("sha256") if isinstance(told, dict) else None
    if not isinstance(sha256, str):
        raise InvalidInputError(f"the record's matching gate is damaged ({told!r}); use an unedited one")
    if sha256 != load_gate().identity:
        raise InvalidInputError(
            f"expected the matching gate {sha256[:12]}; got {load_gate().identity[:12]}: "
            "install the version of the package that the side-car names"
        )


def recorded_word(resolved: Mapping[str, Any], key: str) -> str:
    """The device or precision of a record.

    Raises
    ------
    InvalidInputError
        If it is no word.
    """
    word = resolved[key]
    if not isinstance(word, str):
        raise InvalidInputError(f"the record's {key} is damaged ({word!r}); use an unedited one")
    return word


def recorded_tile(entry: Any) -> TileSpec:
    """The tiles of a record.

    Raises
    ------
    InvalidInputError
        If they are none.
    """
    try:
        return TileSpec(**entry)
    except TypeError as error:
        raise InvalidInputError(f"the side-car's tile is damaged ({error}); use an unedited one") from error


def check_source(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse pixels that are not the recorded ones, or another black and white of a reference.

    Raises
    ------
    InvalidInputError
        If they are not.
    """
    if before.get("sha256") != now.get("sha256"):
        raise InvalidInputError(f"the pixels of {before['name']!r} are not those of the record: the file has changed")
    recorded, used = before.get("intensity_range"), now.get("intensity_range")
    if recorded != used:
        raise InvalidInputError(f"expected {before['name']!r} with the recorded range {recorded}; got {used}")
