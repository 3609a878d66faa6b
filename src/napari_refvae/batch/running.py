"""Image after image: what is finished is skipped, what is bad is told, the rest goes on."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_refvae.batch.jobs import ImageJob, StackJob
from napari_refvae.batch.report import Outcome, Output
from napari_refvae.batch.sidecars import SideCars
from napari_refvae.batch.space import check_space, expect_bytes, expect_zarr
from napari_refvae.engine.frame import check_scale
from napari_refvae.errors import InvalidInputError, InvalidSpecError, OutOfMemoryError, RefVAEError, memory_errors
from napari_refvae.imageio.files import open_source
from napari_refvae.imageio.omezarr import is_zarr
from napari_refvae.imageio.tiffstack import is_tiff
from napari_refvae.inputs import as_tiles, read_picture, read_references
from napari_refvae.loading import load_model, load_upscaler
from napari_refvae.planning import plan_run
from napari_refvae.stacks.planning import plan_stack
from napari_refvae.stacks.stage import begun_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np

    from napari_refvae.batch.finding import Found
    from napari_refvae.batch.jobs import Job
    from napari_refvae.imageio.arrays import ArraySource
    from napari_refvae.inputs import Guide, ReferenceLike
    from napari_refvae.model.doors import LatentLayout
    from napari_refvae.planning import RunSettings
    from napari_refvae.spec import Progress
    from napari_refvae.stacks.planning import Latent
    from napari_refvae.stacks.pools import Pool

__all__ = ["Batch"]

TIFF = (".tif", ".tiff")

IDLE = "workers make pieces, which go into zarr only: say --format zarr, or no --workers"

PIECEWISE = "--format zarr: it is made in pieces"
"""What helps where a result does not fit into memory."""


@dataclass(slots=True, eq=False)
class Batch:
    """Many images, with one choice of settings and references.

    Attributes
    ----------
    settings, references
        As of a single run. References are read once.
    output
        The folder; what was found in a folder goes to the folder in it of the same name.
    suffix
        .png, .tiff, .zarr, or None for the input's own, which is PNG for all but TIFF and zarr. Stacks that are not
        zarr become OME-TIFF.
    latent
        Of stacks; see `napari_refvae.stacks.planning.PlannedStack`.
    name
        Start of the names of the results, for a batch of one image; None for the input's.
    resume
        Whether to skip what is finished: a side-car in the output records the same pixels, settings, references and
        model, and its files are as they were written (of zarr: its folder is there).
    check_disk
        Whether to refuse what the disk has no room for, were it stored uncompressed.
    pool
        Workers that make the pieces of zarr; None: this process makes everything.
    """

    settings: RunSettings
    references: Sequence[ReferenceLike]
    output: Path
    suffix: str | None = None
    latent: Latent = "same"
    name: str | None = None
    resume: bool = False
    check_disk: bool = True
    pool: Pool | None = None
    _guides: dict[np.dtype[np.generic], list[Guide]] = field(default_factory=dict, init=False)
    _side_cars: SideCars = field(default_factory=SideCars, init=False)

    def check(self, images: Sequence[Found]) -> None:
        """Refuse what would fail for every image, before any of them is begun.

        Raises
        ------
        RefVAEError
            If the model, a reference or a setting cannot be used, or the disk has no room for all the results.
        """
        loaded = load_model(self.settings.model)
        self.settings = replace(self.settings, model=loaded)
        upscaler = load_upscaler(loaded, self.settings.device, self.settings.precision)
        scale = check_scale(self.settings.scale, upscaler.model.scale)
        as_tiles(self.settings.tile, (1, 1))
        for reference in self.references:
            if isinstance(reference, str | Path) and str(reference) not in ("self", "none"):
                read_picture(reference)  # its range depends on each image's dtype
        if self.check_disk:
            self._check_space(images, scale, upscaler.model.layout)

    def _check_space(self, images: Sequence[Found], scale: int, latents: LatentLayout) -> None:
        """Whether there is room for all; of what is half-made, it is asked when its turn comes."""
        settings = replace(self.settings, scale=scale)
        made = self.settings.samples.count * max(1, len(self.references)) + self.settings.faithful
        needs = [
            expect_zarr(image.path, settings, made, latents)
            if self._goes_into_zarr(image.path)
            else (expect_bytes(image.path, settings, made), 0)
            for image in self._open(images)
        ]
        kept, meanwhile = zip(*needs, strict=True) if needs else ((), ())
        check_space(sum(kept) + max(meanwhile, default=0), self.output)

    def check_all(self, images: Iterable[Found]) -> None:
        """Read and check every image, so that one bad image among many leaves nothing behind.

        Raises
        ------
        InvalidInputError
            If one cannot be used; it is named.
        """
        for image in images:
            try:
                self._plan(image.path)
            except (InvalidInputError, InvalidSpecError) as error:
                named = "" if str(image.path) in str(error) else f"{image.path}: "
                raise InvalidInputError(f"{named}{error}") from error

    def check_workers(self, images: Iterable[Found]) -> None:
        """Refuse workers that would have nothing to do, before they are started.

        Raises
        ------
        InvalidSpecError
            If no image goes into zarr.
        """
        if not any(self._goes_into_zarr(image.path) for image in images):
            raise InvalidSpecError(IDLE)

    def make(
        self,
        image: Found,
        *,
        on_note: Callable[[str], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Outcome:
        """Make one image, or say why not; only what the package raises on purpose is dealt with.

        Parameters
        ----------
        image
            From `find_images`.
        on_note
            Called with each thing that the user should know, before the work.
        on_progress
            As of `api.upscale`.
        """
        begun, notes = time.perf_counter(), tuple[str, ...]()
        try:
            with memory_errors():
                job = self._plan(image.path)
                folder = self.output / image.folder
                if self.resume and (files := self._side_cars.find(folder, job.wanted, job.suffix)):
                    outputs = tuple(Output(path, "") for path in files[:-1])
                    return Outcome(image.path, "skipped", outputs=outputs, side_car=files[-1])
                notes = tuple(job.notes)
                if on_note is not None:
                    for note in notes:
                        on_note(note)
                if self.check_disk:
                    check_space(job.bytes(folder), folder)
                outputs, side_car = job.save(folder, self.name or _stem(image.path), on_progress)
        except RefVAEError as error:
            whole = isinstance(error, OutOfMemoryError) and not self._goes_into_zarr(image.path)
            hint = f", or write zarr ({PIECEWISE})" if whole else ""
            reason, seconds = f"{error}{hint}", time.perf_counter() - begun
            return Outcome(image.path, "failed", reason, seconds=seconds, notes=notes)
        return Outcome(image.path, "done", "", outputs, side_car, time.perf_counter() - begun, notes)

    def _plan(self, path: Path) -> Job:
        source = self._stack(path)
        if source is not None:
            guides = self._read_references(source.dtype)
            zarr = self._goes_into_zarr(path)
            self._check_pool(zarr)
            plan = plan_stack(path, guides, self.settings, latent=self.latent, source=source)
            return StackJob(
                plan, ".zarr" if zarr else ".ome.tif", self.name is not None, pool=self.pool, resume=self.resume
            )
        self._check_pool(zarr=False)
        picture = read_picture(path)
        guides = self._read_references(picture.pixels.dtype)
        suffix = self.suffix or (".tiff" if path.suffix.lower() in TIFF else ".png")
        return ImageJob(plan_run(picture, guides, self.settings), self.settings, suffix)

    def _goes_into_zarr(self, path: Path) -> bool:
        return self.suffix == ".zarr" or (self.suffix is None and is_zarr(path))

    def _check_pool(self, zarr: bool) -> None:
        if self.pool is not None and not zarr:
            raise InvalidSpecError(IDLE)

    def _stack(self, path: Path) -> ArraySource | None:
        """What is read and written plane by plane: zarr, and TIFF of several planes."""
        if is_zarr(path) or self.suffix == ".zarr":
            return open_source(path)
        source = open_source(path) if is_tiff(path) else None
        return None if source is None or source.layout.count == 1 else source

    def _read_references(self, dtype: np.dtype[np.generic]) -> list[Guide]:
        """Once a dtype: a declared range holds for references of the image's."""
        if dtype not in self._guides:
            self._guides[dtype] = read_references(
                [*self.references], self.settings.intensity_range, dtype, measured=self.settings.measured
            )
        return self._guides[dtype]

    def _open(self, images: Sequence[Found]) -> list[Found]:
        """Those that are not half-made and, as far as the names in side-cars tell, not finished before."""
        known: dict[Path, set[str]] = {}
        for image in images:
            if image.folder not in known:
                folder = self.output / image.folder
                known[image.folder] = begun_inputs(folder) | (self._side_cars.inputs(folder) if self.resume else set())
        return [image for image in images if os.path.realpath(image.path) not in known[image.folder]]


def _stem(path: Path) -> str:
    """A file's name without what says its kind."""
    return path.stem.removesuffix(".ome").removesuffix(".OME") or path.name
