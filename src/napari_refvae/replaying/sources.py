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
    from collections.abc import Sequence

    from napari_refvae.inputs import ReferenceLike
    from napari_refvae.loading import LoadedModel

__all__ = ["check_gate", "check_source", "recall_file", "recall_model", "recall_references", "recorded_tile"]


def recall_file(entry: dict[str, Any], beside: Path) -> Path | str:
    """The file or zarr folder of a recorded source: where it was, or beside the side-car; or the word of its kind.

    Raises
    ------
    InvalidInputError
        If it is at neither place, or was no file.
    """
    if entry["kind"] != "image":
        return str(entry["kind"])
    path = entry.get("path")
    for candidate in (Path(path), beside / Path(path).name) if path else ():
        if candidate.is_file() or is_zarr(candidate):
            return candidate
    raise InvalidInputError(
        f"the side-car's image {entry['name']!r} {f'is not at {path}' if path else 'was an array, not a file'}: "
        f"{'put it beside the side-car, or ' if path else ''}pass it to replay (--image, --reference)"
    )


def recall_references(
    told: dict[str, Any], references: Sequence[ReferenceLike] | None, beside: Path
) -> list[ReferenceLike]:
    """The references that are given, or else the recorded ones, with the recorded black and white.

    Raises
    ------
    InvalidInputError
        If there are not as many as recorded, or one is not found.
    """
    entries = told["references"]
    if not entries:
        raise InvalidInputError("expected a side-car that lists its references; it lists none: use an unedited one")
    if references is None:
        references = [recall_file(entry, beside) for entry in entries]
    if len(references) != len(entries):
        raise InvalidInputError(f"expected {len(entries)} references, as in the side-car; got {len(references)}")
    return [_in_range(item, entry) for item, entry in zip(references, entries, strict=True)]


def _in_range(item: ReferenceLike, entry: dict[str, Any]) -> ReferenceLike:
    """A reference with the recorded black and white, which may have been a layer's contrast limits."""
    limits = as_range(entry.get("intensity_range"))
    if limits is None or isinstance(item, ImageReference | SelfReference | PriorReference | Picture | Guide | None):
        return item
    return replace(read_picture(item), intensity_range=limits)


def recall_model(told: dict[str, Any], beside: Path) -> LoadedModel:
    """The model of a record: by name or where its file was, or else a file of that name beside the side-car.

    Raises
    ------
    InvalidInputError
        If it is not the one that was used.
    """
    name, sha256 = told["model"]["name"], told["model"]["sha256"]
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
        If it was another.
    """
    told = resolved.get("matching")
    if told is not None and told["sha256"] != load_gate().identity:
        raise InvalidInputError(
            f"expected the matching gate {told['sha256'][:12]}; got {load_gate().identity[:12]}: "
            "install the version of the package that the side-car names"
        )


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


def check_source(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse pixels that are not the recorded ones.

    Raises
    ------
    InvalidInputError
        If they are not.
    """
    if before.get("sha256") != now.get("sha256"):
        raise InvalidInputError(
            f"the pixels of {before['name']!r} are not those that the side-car records: the file has changed"
        )
