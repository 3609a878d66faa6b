"""The kept samples of runs as files, with the side-car that makes them again."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.qt.threading import thread_worker
from napari.utils.notifications import show_error, show_info

from napari_refvae.errors import OutputError
from napari_refvae.imageio.saving import save_samples
from napari_refvae.imageio.tags import CENTIMETRES, NO_TAGS, ImageTags, positive_pair
from napari_refvae.widget.running.controller import explain
from napari_refvae.widget.running.threads import start_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_refvae.widget.results.geometry import Geometry
    from napari_refvae.widget.results.run import Run, RunRecord

__all__ = ["Export", "start_export"]


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """What is to be written: fixed on the main thread, written on any.

    Attributes
    ----------
    record
        Of the run.
    kept
        Which of its samples, and their pixels.
    folder
        Made if it is not there.
    stem
        Start of the files' names.
    suffix
        .png or .tiff; where PNG cannot hold the dtype, .tiff is taken instead.
    tags
        The size of the input's pixels, as its layer has it.
    """

    record: RunRecord
    kept: dict[int, NDArray[Any]]
    folder: Path | str
    stem: str
    suffix: str
    tags: ImageTags = NO_TAGS

    @classmethod
    def of(cls, run: Run, folder: Path | str, suffix: str = ".png") -> Export:
        """The samples of a run that the user kept, in their order.

        Raises
        ------
        OutputError
            If none is kept, or the run goes on.
        """
        kept = {index: sample.finished.sr for index, sample in sorted(run.samples.items()) if sample.kept}
        if run.result is None:
            raise OutputError("expected a complete run to export; this one goes on: wait for its end")
        if not kept:
            raise OutputError("expected a kept sample to export; none is: star one first")
        stem = re.sub(r"[^\w. -]+", "-", run.origin.title).strip(" .-") or "image"
        return cls(run.result, kept, folder, stem, suffix, _pixel_size(run.origin.geometry))

    def write(self) -> list[Path]:
        """Write the samples and the side-car; never overwrites a file.

        Returns
        -------
        list of Path
            The samples in their order, and the side-car.

        Raises
        ------
        OutputError
            If something cannot be written; then nothing is.
        """
        return save_samples(_Kept.of(self.record, self.kept, self.tags), self.folder, self.stem, self.suffix)


def start_export(runs: Sequence[Run], folder: Path | str, suffix: str, on_end: Callable[[], None]) -> bool:
    """Write the kept samples in a worker, and say what became of them, even if nobody waits for it any more.

    Parameters
    ----------
    runs
        A run, or those of one click on several channels; those without a kept sample are left out.
    folder, suffix
        As `Export.of` takes them.
    on_end
        Called on the main thread when that is over, however it ended.

    Returns
    -------
    bool
        Whether it began; if not, the reason is said.
    """
    try:
        kept = [run for run in runs if any(sample.kept for sample in run.samples.values())]
        exports = [Export.of(run, folder, suffix) for run in kept or runs[:1]]  # without any, that is said
    except OutputError as error:
        show_error(str(error))
        return False
    worker = thread_worker(_write_all, ignore_errors=True, start_thread=False)(exports)
    worker.returned.connect(lambda written: show_info(_told(written)))
    worker.errored.connect(lambda error: show_error(explain(error)))
    worker.finished.connect(on_end)
    start_apart(worker)
    return True


def _write_all(exports: Sequence[Export]) -> list[list[Path]]:
    """The files of each; whatever goes wrong, none of them stays."""
    written: list[list[Path]] = []
    try:
        for export in exports:
            written.append(export.write())
    except BaseException:
        for path in itertools.chain(*written):
            path.unlink(missing_ok=True)
        raise
    return written


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """Some samples of a run, as `napari_refvae.imageio.saving` saves them.

    The provenance is that of the whole run: it makes all of its samples again, the exported ones among them, and the
    faithful image, which is no sample. The side-car's ``files`` name those that were exported.
    """

    sr: tuple[NDArray[Any], ...]
    references: tuple[str, ...]
    seeds: tuple[int, ...]
    provenance: Mapping[str, Any]
    scale: int
    tags: ImageTags
    faithful: None = None

    @classmethod
    def of(cls, record: RunRecord, kept: dict[int, NDArray[Any]], tags: ImageTags) -> _Kept:
        return cls(
            sr=tuple(kept.values()),
            references=tuple(record.references[index] for index in kept),
            seeds=tuple(record.seeds[index] for index in kept),
            provenance=dict(record.provenance),
            scale=record.scale,
            tags=tags,
        )


def _pixel_size(geometry: Geometry) -> ImageTags:
    """Height and width of a pixel in the world, if its axes have one unit of length."""
    names = {f"{unit:~}" for unit in geometry.units}
    size = positive_pair(np.linalg.norm(geometry.to_world[:2, :2], axis=0))
    unit = names.pop()
    return ImageTags(pixel_size=size, unit=unit) if not names and unit in CENTIMETRES else ImageTags()


def _told(written: Sequence[Sequence[Path]]) -> str:
    """How many samples, where, and what makes them again."""
    count = sum(len(files) - 1 for files in written)
    records = ", ".join(files[-1].name for files in written)
    channels = f" of {len(written)} channels" if len(written) > 1 else ""
    makes = "make" if len(written) > 1 else "makes"
    return f"{count} written{channels} to {written[0][-1].parent}, with {records}, which {makes} them again."
