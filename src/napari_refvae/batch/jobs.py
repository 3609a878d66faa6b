"""One image of a batch, planned: what it would make, how large that is, and how it is made and saved."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_refvae.batch.report import Output, list_outputs
from napari_refvae.batch.space import result_bytes
from napari_refvae.engine.frame import check_scale
from napari_refvae.engine.upscaler import drain
from napari_refvae.imageio.files import save_samples
from napari_refvae.imageio.writing import holds
from napari_refvae.provenance import FORMAT
from napari_refvae.stacks.saving import save_stack
from napari_refvae.stacks.space import streamed_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_refvae.planning import PlannedRun, RunSettings
    from napari_refvae.spec import Progress
    from napari_refvae.stacks.planning import PlannedStack
    from napari_refvae.stacks.pools import Pool

__all__ = ["ImageJob", "Job", "StackJob"]


class Job(Protocol):
    """What a batch does with one input."""

    @property
    def wanted(self) -> dict[str, Any]:
        """Its side-car, as far as it is known before: format, input, model, references, settings, precision."""

    @property
    def suffix(self) -> str:
        """Of the images that it makes."""

    @property
    def notes(self) -> list[str]:
        """What the user should know before."""

    def bytes(self, folder: Path) -> int:
        """What it adds to a folder, at most."""

    def save(
        self, folder: Path, stem: str, on_progress: Callable[[Progress], None] | None
    ) -> tuple[tuple[Output, ...], Path]:
        """Make and write it; gives its images and its side-car."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageJob:
    """A single image.

    Attributes
    ----------
    plan
        The run.
    settings
        What it was planned by.
    chosen
        The suffix that was asked for.
    """

    plan: PlannedRun
    settings: RunSettings
    chosen: str

    @property
    def wanted(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "input": self.plan.picture.source.as_dict(),
            "model": self.plan.identity,
            "references": [source.as_dict() for source in self.plan.sources],
            "settings": self.plan.settings,
            "resolved": _demanded(self.settings),
        }

    @property
    def suffix(self) -> str:
        return self.chosen if holds(self.chosen, self.plan.picture.pixels) else ".tiff"

    @property
    def notes(self) -> list[str]:
        found = [] if self.plan.missing is None else [self.plan.missing.sentence]
        said = self.settings.intensity_range is not None or self.settings.measured
        top = None if said else _unused_range(self.plan.picture.pixels)
        return (
            found
            if top is None
            else [*found, f"reaches {top[0]} of {top[1]}; if white is less, say --range 0 WHITE, or --measured-range"]
        )

    def bytes(self, folder: Path) -> int:
        pixels = self.plan.picture.pixels
        images = self.plan.request.total + self.plan.request.faithful
        scale = check_scale(self.settings.scale, self.plan.model.network.scale)
        return result_bytes(pixels.shape, pixels.dtype, replace(self.settings, scale=scale), images)

    def save(
        self, folder: Path, stem: str, on_progress: Callable[[Progress], None] | None
    ) -> tuple[tuple[Output, ...], Path]:
        result = drain(self.plan.steps(), on_progress)
        written = save_samples(result, folder, stem, self.chosen)
        return list_outputs(result, written), written[-1]


@dataclass(frozen=True, slots=True, eq=False)
class StackJob:
    """A stack, or an image that is to become zarr.

    Attributes
    ----------
    plan
        The stack.
    chosen
        ``.ome.tif`` or ``.zarr``.
    plainly
        Whether the output's own name was given.
    pool
        Where the pieces of zarr are made; None: here.
    resume
        Whether to go on with zarr that was left half-made.
    """

    plan: PlannedStack
    chosen: str
    plainly: bool = False
    pool: Pool | None = None
    resume: bool = False

    @property
    def wanted(self) -> dict[str, Any]:
        return self.plan.record | {"resolved": _demanded(self.plan.settings)}

    @property
    def suffix(self) -> str:
        return ".zarr" if self.chosen == ".zarr" else ".tif"

    @property
    def notes(self) -> list[str]:
        missing = self.plan.survey.missing
        if not missing:
            return []
        return [
            f"{missing} values of the stack are NaN or infinite: they are filled from their neighbours for "
            "the network and kept as they are in the result"
        ]

    def bytes(self, folder: Path) -> int:
        if self.chosen == ".zarr":
            return streamed_bytes(self.plan, folder, resume=self.resume)
        return len(self.plan.images) * math.prod(self.plan.layout.shape) * self.plan.source.dtype.itemsize

    def save(
        self, folder: Path, stem: str, on_progress: Callable[[Progress], None] | None
    ) -> tuple[tuple[Output, ...], Path]:
        made, side_car = save_stack(
            self.plan,
            folder,
            stem,
            self.chosen,
            plainly=self.plainly,
            pool=self.pool,
            resume=self.resume,
            on_progress=on_progress,
        )
        return tuple(
            Output(path, image.name, image.seed, None if image.seed is None else psnr) for path, image, psnr in made
        ), side_car


def _demanded(settings: RunSettings) -> dict[str, Any]:
    """What must not be chosen otherwise. Another device or other tiles change the last bits; precision, more."""
    return {} if settings.precision == "auto" else {"precision": settings.precision}


def _unused_range(image: NDArray[Any]) -> tuple[int, int] | None:
    """Greatest value and the dtype's, of an image of 16 bits or more that uses under a quarter of them: 12-bit data."""
    if image.dtype.kind != "u" or image.dtype.itemsize < 2:
        return None
    top, most = int(image.max()), int(np.iinfo(image.dtype).max)
    return (top, most) if 0 < 4 * top < most else None
