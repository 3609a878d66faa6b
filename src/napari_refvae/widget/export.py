"""The kept samples of a run as files, with the side-car that makes them again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import OutputError
from napari_refvae.imageio.saving import save_samples

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_refvae.widget.runs import Run

__all__ = ["Selection", "export_kept", "kept_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Some samples of a run, as `napari_refvae.imageio.saving` saves them.

    Attributes
    ----------
    sr
        ``(K, H, W)`` or ``(K, H, W, C)``.
    references, seeds
        Of these samples.
    provenance
        The record of the whole run: it makes all of its samples again, the exported ones among them. The side-car's
        ``files`` name those that were exported.
    scale
        HR pixels per LR pixel and axis.
    stem
        Start of the files' names.
    faithful
        Not exported: it is no sample, and the side-car makes it again.
    """

    sr: NDArray[Any]
    references: tuple[str, ...]
    seeds: tuple[int, ...]
    provenance: Mapping[str, Any]
    scale: int
    stem: str
    faithful: None = None


def kept_of(run: Run) -> Selection:
    """The samples of a run that the user kept, in their order.

    Raises
    ------
    OutputError
        If none is kept, or the run goes on.
    """
    kept = [index for index, sample in sorted(run.samples.items()) if sample.kept]
    if run.result is None:
        raise OutputError("expected a complete run to export; this one goes on: wait for its end")
    if not kept:
        raise OutputError("expected a kept sample to export; none is: star one first")
    result = run.result
    return Selection(
        sr=result.sr[kept],
        references=tuple(result.references[index] for index in kept),
        seeds=tuple(result.seeds[index] for index in kept),
        provenance=dict(result.provenance),
        scale=result.scale,
        stem=re.sub(r"[^\w. -]+", "-", run.origin.title).strip(" .-") or "image",
    )


def export_kept(run: Run, folder: Path | str, suffix: str = ".png") -> list[Path]:
    """Write the kept samples of a run and its side-car; never overwrites a file.

    Parameters
    ----------
    run
        A complete run.
    folder
        Made if it is not there.
    suffix
        .png or .tiff; where PNG cannot hold the dtype, .tiff is taken instead.

    Returns
    -------
    list of Path
        The samples in their order, and the side-car.

    Raises
    ------
    OutputError
        If none is kept, the run goes on, or something cannot be written; then nothing is.
    """
    selection = kept_of(run)
    return save_samples(selection, folder, selection.stem, suffix)
