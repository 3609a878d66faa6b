"""A single run, made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_refvae.api import steps
from napari_refvae.engine.upscaler import drain
from napari_refvae.inputs import as_range
from napari_refvae.provenance import read_record
from napari_refvae.replaying.sources import (
    check_gate,
    check_source,
    recall_file,
    recall_model,
    recall_references,
    recorded_tile,
    recorded_word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    picture: Any = recall_file(told["input"], beside) if image is None else image
    guides = recall_references(told["references"], references, beside)
    model = recall_model(told, beside)
    check_gate(resolved)
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
        matching=settings.get("matching", False),
        model=model,
        consistency=settings["consistency"],
        precision=recorded_word(resolved, "precision"),
        device=device or recorded_word(resolved, "device"),
        tile=recorded_tile(resolved["tile"]),
        intensity_range=as_range(settings["intensity_range"]),
    )
    result = drain(run, on_progress)
    check_source(told["input"], result.provenance["input"])
    for before, now in zip(told["references"], result.provenance["references"], strict=True):
        check_source(before, now)
    return result
