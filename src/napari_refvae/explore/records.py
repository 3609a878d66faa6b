"""What makes a session's sample again, ready for JSON: written with each sample, read by `Session.replay`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.explore.recording import recipe_from_dict
from napari_refvae.provenance import describe_run, pixel_hash
from napari_refvae.regions import Region
from napari_refvae.spec import TileSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_refvae.engine.placed import PlacedModel
    from napari_refvae.explore.recipes import Recipe
    from napari_refvae.planning import PlannedRun

__all__ = ["FORMAT", "Order", "check_identity", "order_of", "resolved", "sample_record", "session_record"]

FORMAT = "napari-refvae-exploration/1"


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """What is asked of a session: a recipe, how much of its sample, and how large.

    Attributes
    ----------
    recipe
        How it is made.
    region
        The part of the input; None for all of it.
    scale
        HR pixels per LR pixel and axis; None for the model's.
    context
        LR pixels around the region that are looked at; None for as many as it takes.
    size
        Height and width of what comes out, if it is no such scale.
    tiles
        How the input is cut; None for automatically.
    """

    recipe: Recipe
    region: Region | None = None
    scale: int | None = None
    context: int | None = None
    size: tuple[int, int] | None = None
    tiles: TileSpec | None = None

    def __post_init__(self) -> None:
        if self.size is not None and any(one is not None for one in (self.region, self.scale, self.context)):
            raise InvalidSpecError(
                "a size is that of the whole sample: expected no region, scale or context beside it; leave those out"
            )


def session_record(run: PlannedRun) -> dict[str, Any]:
    """What all samples of a session share: software, model, input and references with their hashes."""
    request = run.request
    limits = request.image.pixels.range
    record = describe_run(
        model=run.identity,
        image=run.picture.source,
        references=run.sources,
        settings={
            "consistency": request.consistency,
            "intensity_range": [limits.low, limits.high],
            "self_ensemble": request.self_ensemble,
        },
        resolved={},
        samples=[],
    )
    return record | {"format": FORMAT}


def resolved(placed: PlacedModel, tiles: TileSpec, scale: int) -> dict[str, Any]:
    """What automatic choices became, JSON-ready."""
    overlap = placed.model.halo if tiles.overlap is None else tiles.overlap
    return {
        "device": placed.device.value,
        "precision": placed.precision.value,
        "tile": {"size": tiles.size, "overlap": overlap},
        "scale": scale,
    }


def sample_record(
    identity: Mapping[str, Any],
    order: Order,
    region: Region,
    chosen: Mapping[str, Any],
    sr: NDArray[Any],
) -> dict[str, Any]:
    """The record of one sample.

    Parameters
    ----------
    identity
        `Session.identity`.
    order, region
        What was asked for, and the part of the input that it is about.
    chosen
        What automatic choices became, as `resolved` says: device, precision, tile, scale.
    sr
        The pixels; their hash is recorded.
    """
    asked = {
        "recipe": order.recipe.as_dict(),
        "region": [region.y, region.x, region.height, region.width],
        "context": order.context,
        "size": None if order.size is None else list(order.size),
    }
    settings = identity["settings"] | asked
    return {**identity, "settings": settings, "resolved": dict(chosen), "samples": [{"sha256": pixel_hash(sr)}]}


def check_identity(record: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Refuse a record of another model, input, references or settings than a session's.

    Parameters
    ----------
    record
        `Sample.provenance`.
    identity
        `Session.identity`.

    Raises
    ------
    InvalidInputError
        If it is such, or damaged.
    """
    try:
        told, used = _described(record), _described(identity)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"expected the record of an explored sample; it is damaged ({error!r}): use `Sample.provenance`, unedited"
        ) from error
    for what, expected in used.items():
        if told[what] != expected:
            raise InvalidInputError(
                f"the record's {what} is not this session's ({told[what]}; here {expected}): "
                "begin its own with napari_refvae.explore.reopen"
            )


def _described(record: Mapping[str, Any]) -> dict[str, Any]:
    """What decides over pixels; not names and paths, which may change."""
    settings = record["settings"]
    return {
        "model": record["model"]["sha256"],
        "input": _hash(record["input"]),
        "list of references": [(_hash(entry), entry.get("intensity_range")) for entry in record["references"]],
        "intensity range": list(settings["intensity_range"]),
        "consistency": settings["consistency"],
        "self-ensemble": settings.get("self_ensemble", False),
    }


def _hash(entry: Mapping[str, Any]) -> str:
    """Of pixels; the word of what has none: self, none."""
    return str(entry.get("sha256", entry["kind"]))


def order_of(record: Mapping[str, Any]) -> Order:
    """What to ask of a session to have a record's sample again.

    Raises
    ------
    InvalidInputError
        If the record is no sample's, or damaged.
    """
    try:
        settings, chosen = record["settings"], record["resolved"]
        recipe, tile = recipe_from_dict(settings["recipe"]), chosen["tile"]
        tiles, size = TileSpec(tile["size"], tile["overlap"]), settings.get("size")
        if size is not None:
            return Order(recipe, size=(int(size[0]), int(size[1])), tiles=tiles)
        region = Region(*settings["region"])
        return Order(recipe, region, chosen["scale"], settings.get("context"), tiles=tiles)
    except (KeyError, TypeError, IndexError) as error:
        raise InvalidInputError(
            f"expected the record of an explored sample; it lacks {error}: use `Sample.provenance`, unedited"
        ) from error
