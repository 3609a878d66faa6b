"""Make a run again from its side-car: find what it used, refuse what has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_refvae.api import load_model, steps
from napari_refvae.engine.upscaler import drain
from napari_refvae.errors import InvalidInputError
from napari_refvae.inputs import Guide, Picture, as_range, read_picture
from napari_refvae.model.zoo import MODELS
from napari_refvae.provenance import read_record
from napari_refvae.spec import ImageReference, PriorReference, SelfReference, TileSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_refvae.api import LoadedModel
    from napari_refvae.engine.result import SuperResolutionResult
    from napari_refvae.inputs import ImageLike, ReferenceLike
    from napari_refvae.spec import Progress

__all__ = ["replay"]


def replay(
    record: Path | str,
    *,
    image: ImageLike | None = None,
    references: Sequence[ReferenceLike] | None = None,
    device: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> SuperResolutionResult:
    """Make the run of a side-car again, with the same choices of precision and tiles.

    Parameters
    ----------
    record
        Path of the JSON file beside the samples.
    image, references
        To be given if they were no files, or have moved.
    device
        By default the recorded one.
    on_progress
        Called between tiles.

    Raises
    ------
    InvalidInputError
        If the input, a reference or the model is not the one that was used; it is named.
    """
    told = read_record(record)
    beside = Path(record).parent
    settings, resolved = told["settings"], told["resolved"]
    picture: Any = _recall(told["input"], beside) if image is None else image
    if references is None:
        references = [_recall(entry, beside) for entry in told["references"]]
    if len(references) != len(told["references"]):
        raise InvalidInputError(
            f"expected {len(told['references'])} references, as in the side-car; got {len(references)}"
        )
    guides = [_in_range(item, entry) for item, entry in zip(references, told["references"], strict=True)]
    model = _recall_model(told["model"]["name"], beside)
    if model.info.identity != told["model"]["sha256"]:
        raise InvalidInputError(
            f"expected model {told['model']['sha256'][:12]} ({told['model']['name']}); got {model.info.identity[:12]}: "
            "install the version of the package that the side-car names"
        )
    run = steps(
        picture,
        guides,
        samples=settings["count"],
        seed=settings["seed"],
        temperature=settings["temperature"],
        strength=settings["strength"],
        vividness=settings["vividness"],
        scale=settings.get("scale"),
        region=settings.get("region"),
        faithful=settings.get("faithful", False),
        self_ensemble=settings.get("self_ensemble", False),
        model=model,
        consistency=settings["consistency"],
        precision=resolved["precision"],
        device=device or resolved["device"],
        tile=_recorded_tile(resolved["tile"]),
        intensity_range=tuple(settings["intensity_range"]),
    )
    result = drain(run, on_progress)
    _check_sources(told, result.provenance)
    return result


def _recorded_tile(entry: Any) -> TileSpec:
    try:
        return TileSpec(**entry)
    except TypeError as error:
        raise InvalidInputError(f"the side-car's tile is damaged ({error}); use an unedited one") from error


def _recall(entry: dict[str, Any], beside: Path) -> ImageLike | None:
    """The file of a recorded source: where it was, or beside the side-car."""
    if entry["kind"] != "image":
        return str(entry["kind"])
    path = entry.get("path")
    for candidate in (Path(path), beside / Path(path).name) if path else ():
        if candidate.is_file():
            return candidate
    raise InvalidInputError(
        f"the side-car's image {entry['name']!r} {f'is not at {path}' if path else 'was an array, not a file'}: "
        f"{'put it beside the side-car, or ' if path else ''}pass it to replay (--image, --reference)"
    )


def _in_range(item: ReferenceLike, entry: dict[str, Any]) -> ReferenceLike:
    """A reference with the recorded black and white, which may have been a layer's contrast limits."""
    limits = as_range(entry.get("intensity_range"))
    if limits is None or isinstance(item, ImageReference | SelfReference | PriorReference | Picture | Guide | None):
        return item
    return replace(read_picture(item), intensity_range=limits)


def _recall_model(name: str, beside: Path) -> LoadedModel:
    """The model of a record: by name or where its file was, or else a file of that name beside the side-car."""
    moved = beside / Path(name).name
    return load_model(moved if name not in MODELS and not Path(name).is_file() and moved.is_file() else name)


def _check_sources(told: dict[str, Any], made: Any) -> None:
    pairs = [(told["input"], made["input"]), *zip(told["references"], made["references"], strict=True)]
    for before, now in pairs:
        if before.get("sha256") != now.get("sha256"):
            raise InvalidInputError(
                f"the pixels of {before['name']!r} are not those that the side-car records: the file has changed"
            )
