"""What a session makes, step by step."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_refvae.spec import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_refvae.explore.recipes import Recipe
    from napari_refvae.regions import Region

__all__ = ["Sample", "Steps", "drained"]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One sample that a session made.

    Attributes
    ----------
    sr
        ``(s*h, s*w)`` or ``(s*h, s*w, C)`` in the input's dtype and kind, s being the scale; or of the height and width
        that were asked for.
    recipe
        What made it.
    region
        The part of the input that it shows.
    scale
        HR pixels per LR pixel and axis; of a sample with a size of its own, before it was reduced to that.
    lr_psnr
        How well it gives the input back, in dB; see `napari_refvae.SuperResolutionResult`.
    provenance
        JSON-ready: model, input and references with their hashes, the recipe, the sample's hash. `Session.replay`
        makes the sample of it again.
    """

    sr: NDArray[Any]
    recipe: Recipe
    region: Region
    scale: int
    lr_psnr: float
    provenance: dict[str, Any] = field(repr=False)


Steps: TypeAlias = Generator[Progress, None, Sample]


def drained(run: Steps, on_progress: Callable[[Progress], None] | None) -> Sample:
    """Run all steps, and give the sample."""
    while True:
        try:
            step = next(run)
        except StopIteration as stop:
            sample: Sample = stop.value
            return sample
        if on_progress is not None:
            on_progress(step)
