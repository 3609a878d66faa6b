"""From an exploration's file, or a sample's record, back to its session; what has changed since is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError
from napari_refvae.explore.session import Session
from napari_refvae.inputs import as_range, read_picture
from napari_refvae.loading import load_model
from napari_refvae.replaying.sources import check_source, recall_file, recall_references

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
    guides = recall_references(told_references, references, folder)
    seen = read_picture(recall_file(told_input, folder) if image is None else image)
    picture = replace(seen, intensity_range=limits)
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
        check_source(told, now)
    return session
