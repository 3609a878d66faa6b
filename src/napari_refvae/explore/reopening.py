"""From an exploration's file, or a sample's record, back to its session; what has changed since is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError
from napari_refvae.explore.session import Session
from napari_refvae.inputs import Picture, as_range, read_picture
from napari_refvae.loading import load_model
from napari_refvae.spec import ImageReference, PriorReference, SelfReference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_refvae.inputs import ImageLike, ReferenceLike, TileLike
    from napari_refvae.loading import LoadedModel

__all__ = ["reopen"]


def reopen(
    record: Mapping[str, Any],
    *,
    image: ImageLike | None = None,
    references: Sequence[ReferenceLike] | None = None,
    model: str | Path | LoadedModel | None = None,
    beside: Path | str | None = None,
    device: str = "auto",
    precision: str = "auto",
    tile: TileLike = "auto",
) -> Session:
    """Begin a session as it was.

    Parameters
    ----------
    record
        `Exploration.identity` or `Sample.provenance`.
    image, references, model
        To be given if they were no files, or have moved.
    beside
        A folder where files may lie that are no longer where they were: that of the exploration's file.
    device, precision, tile
        As of `Session`. `Session.replay` takes the sample's own tiles.

    Raises
    ------
    InvalidInputError
        If the input, a reference or the model is not the one that was used; it is named.
    """
    try:
        told_input, told_references = record["input"], list(record["references"])
        told_model, settings = record["model"], record["settings"]
        limits, consistency = as_range(settings["intensity_range"]), settings["consistency"]
        name, sha256 = told_model["name"], told_model["sha256"]
    except (KeyError, TypeError) as error:
        raise InvalidInputError(
            f"expected the record of an exploration; it lacks {error}: use an unedited one"
        ) from error
    folder = None if beside is None else Path(beside)
    loaded = load_model(name if model is None else model)
    if loaded.info.identity != sha256:
        raise InvalidInputError(
            f"expected model {sha256[:12]} ({name}); got {loaded.info.identity[:12]}: pass the model that was used"
        )
    if references is None:
        references = [_find(entry, folder) for entry in told_references]
    if len(references) != len(told_references):
        raise InvalidInputError(f"expected {len(told_references)} references, as recorded; got {len(references)}")
    picture = replace(read_picture(_find(told_input, folder) if image is None else image), intensity_range=limits)
    guides = [_in_range(item, entry) for item, entry in zip(references, told_references, strict=True)]
    session = Session(
        picture,
        guides,
        model=loaded,
        device=device,
        precision=precision,
        tile=tile,
        consistency=consistency,
        self_ensemble=settings.get("self_ensemble", False),
    )
    made = session.identity
    for told, now in [(told_input, made["input"]), *zip(told_references, made["references"], strict=True)]:
        if told.get("sha256") != now.get("sha256"):
            raise InvalidInputError(f"the pixels of {told['name']!r} are not those of the record: the file has changed")
    return session


def _find(entry: Mapping[str, Any], folder: Path | None) -> Any:
    """A recorded source: none, the input itself, or a file where it was or in the folder."""
    if entry["kind"] != "image":
        return str(entry["kind"])
    path = entry.get("path")
    places = [] if path is None else [Path(path)] + ([] if folder is None else [folder / Path(path).name])
    for place in places:
        if place.is_file():
            return place
    was = f"is not at {path}" if path else "was no file"
    raise InvalidInputError(f"the image {entry['name']!r} of the record {was}: pass it")


def _in_range(item: Any, entry: Mapping[str, Any]) -> ReferenceLike:
    """A reference with the recorded black and white, whatever the input's."""
    if (
        item in ("self", "none")
        if isinstance(item, str)
        else isinstance(item, ImageReference | SelfReference | PriorReference | Picture | None)
    ):
        return item
    return replace(read_picture(item), intensity_range=as_range(entry.get("intensity_range")))
