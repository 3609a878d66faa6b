"""Where an exploration goes on: from a sample layer of a run, or from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError, RefVAEError
from napari_refvae.explore.history import Exploration
from napari_refvae.explore.mix import Mix
from napari_refvae.explore.recipes import Draw
from napari_refvae.explore.recording import recipe_from_dict
from napari_refvae.inputs import read_picture
from napari_refvae.provenance import pixel_hash
from napari_refvae.spec import SelfReference
from napari_refvae.widget.results.layers import METADATA_KEY, is_result, read_input, read_reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari.layers import Image

    from napari_refvae.explore.recipes import Recipe
    from napari_refvae.widget.explore.subject import Subject
    from napari_refvae.widget.form.references import ReferenceItem
    from napari_refvae.widget.results.layers import InputImage
    from napari_refvae.widget.results.runs import Runs

__all__ = ["Start", "load_exploration", "recipe_of", "start_from"]


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """An image, its references, the model's name, what to begin with, and a sentence on what is not as it was."""

    layer: Image
    choices: list[ReferenceItem]
    model: str
    recipe: Recipe
    differs: str


def start_from(layer: Any, runs: Runs, images: Sequence[Image], point: Sequence[float] | None = None) -> Start:
    """What made a sample layer, found again among the open layers; of stacks the planes at a point of the world.

    Raises
    ------
    InvalidInputError
        If it is no sample, its run goes on, or its image or a reference is no longer there.
    """
    run = runs.of(layer) if layer is not None and is_result(layer) else None
    if run is None or layer.metadata[METADATA_KEY]["kind"] != "sample":
        raise InvalidInputError("expected a sample to go on from: select the layer of one")
    record = layer.metadata[METADATA_KEY]["provenance"]
    if record is None:
        raise InvalidInputError("expected a sample of a complete run; this run goes on: wait for its end")
    image = next((one for one in images if one.name == run.origin.name), None)
    if image is None:
        raise InvalidInputError(f"expected the image {run.origin.name!r} that the sample was made of: open it again")
    choices = [_found(entry, images, None, point) for entry in _guiding(record)]
    recipe = recipe_of(record, layer.metadata[METADATA_KEY]["sample"] or 0)
    differs = _differences(record, run.origin, read_input(image, point))
    return Start(image, choices, record["model"]["name"], recipe, differs)


def recipe_of(record: Mapping[str, Any], index: int) -> Recipe:
    """What makes a sample again: of an exploration its recipe, of a run's sample the draw that it is."""
    settings = record["settings"]
    if "recipe" in settings:
        return recipe_from_dict(settings["recipe"])
    sample = record["samples"][index]
    reference = record["references"][sample["reference"]]
    mix = Mix() if reference["kind"] == "none" else Mix.of(_guiding(record).index(reference))
    return Draw(mix, sample["seed"], *(settings[name] for name in ("temperature", "strength", "vividness")))


def load_exploration(
    path: Path | str, subject: Subject | None, images: Sequence[Image], point: Sequence[float]
) -> tuple[list[ReferenceItem], Exploration]:
    """Read an exploration of the subject's image, and find its references among layers and files.

    Raises
    ------
    RefVAEError
        If it cannot be read, is of another image, or a reference is not there.
    """
    history = Exploration.load(path)
    told = history.identity.get("input", {})
    if subject is None or pixel_hash(subject.origin.pixels) != told.get("sha256"):
        raise InvalidInputError(
            f"expected the image that was explored, {told.get('name')!r}, to be chosen; got other pixels: open it first"
        )
    beside = Path(path).parent
    return [_found(entry, images, beside, point) for entry in _guiding(history.identity)], history


def _guiding(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The recorded references without "none", which is what weights lack to 1."""
    return [entry for entry in record["references"] if entry["kind"] != "none"]


def _found(
    entry: Mapping[str, Any], images: Sequence[Image], beside: Path | None, point: Sequence[float] | None = None
) -> ReferenceItem:
    """A recorded reference: a kind, or a layer or file with its pixels."""
    if entry["kind"] == "self":
        return SelfReference()
    path = entry.get("path")
    if path is None:
        for layer in sorted(images, key=lambda one: one.name != entry["name"]):  # the one of that name first
            if _has_pixels(layer, point, entry.get("sha256")):
                return layer
        raise InvalidInputError(f"expected the reference {entry['name']!r} among the layers: open it again")
    there = [
        place for place in (Path(path), *([] if beside is None else [beside / Path(path).name])) if place.is_file()
    ]
    for place in there:
        if read_picture(place).source.sha256 == entry.get("sha256"):
            return place
    if there:
        raise InvalidInputError(f"expected the reference {entry['name']!r} as it was; {there[0]} has other pixels now")
    raise InvalidInputError(f"expected the reference {entry['name']!r} at {path}: put it back, or beside the file")


def _has_pixels(layer: Image, point: Sequence[float] | None, sha256: str | None) -> bool:
    try:
        return pixel_hash(read_reference(layer, point).image) == sha256
    except RefVAEError:  # it cannot be a reference at all
        return False


def _differences(record: Mapping[str, Any], then: InputImage, now: InputImage) -> str:
    """What is not as it was when a sample was made."""
    found = []
    if pixel_hash(now.pixels) != record["input"].get("sha256"):
        found.append(f"{now.title!r} has other pixels")
    if now.intensity_range != then.intensity_range:
        found.append("black and white lie elsewhere")
    if _is_another_model(record["model"]):
        found.append(f"the file of model {record['model']['name']} is another one")
    return f"Not as it was when the sample was made, so others come of it: {', '.join(found)}." if found else ""


def _is_another_model(told: Mapping[str, Any]) -> bool:
    """Whether the model of that name is another one now; False where there is none, which is said when it is loaded."""
    from napari_refvae.model.cache import sha256
    from napari_refvae.model.zoo import find_model  # loads torch, which has made the sample

    try:
        return sha256(find_model(told["name"])) != told["sha256"]
    except (RefVAEError, OSError):
        return False
