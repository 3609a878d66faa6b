"""Explored samples as samples of runs: layers, in the gallery, exportable with a record that makes them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_refvae.engine.result import FinishedSample
from napari_refvae.explore.history import Exploration
from napari_refvae.widget.explore.steering import described, dials_of, short_name
from napari_refvae.widget.results.layers import METADATA_KEY
from napari_refvae.widget.results.maps import MapSpec
from napari_refvae.widget.results.run import RunRecord

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_refvae.explore.sample import Sample
    from napari_refvae.widget.explore.subject import Subject
    from napari_refvae.widget.results.run import Run
    from napari_refvae.widget.results.runs import Runs

__all__ = ["Keeper", "identity_of"]

NO_MAPS = MapSpec(None, spread=False)


class Keeper:
    """Adds samples to runs of their own, one for each image and scale. Main thread only.

    Their run's record is an exploration: what a gallery exports loads again as one.

    Parameters
    ----------
    runs
        The viewer's.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._open: dict[int, tuple[Subject, Run, Exploration]] = {}  # by scale

    def keep(self, subject: Subject, sample: Sample, names: tuple[str, ...], *, show: bool = True) -> Image:
        """Add a whole sample as a layer, and show it alone of its run.

        Parameters
        ----------
        subject, sample
            What was explored, and what came of it.
        names
            Of the references.
        show
            Whether to show it; the first one of a run is shown in any case.
        """
        run, record = self._run(subject, sample)
        index = len(record.steps)
        record.add(sample.recipe, described(sample.recipe, names))
        word, seed = short_name(sample.recipe, names), dials_of(sample.recipe).seed
        added = self._runs.add_sample(run, FinishedSample(index, sample.sr, word, seed, sample.lr_psnr))
        before = run.result or RunRecord((), (), {}, sample.scale)
        references, seeds = (*before.references, word), (*before.seeds, seed)
        run.result = RunRecord(references, seeds, record.as_dict(), sample.scale)
        added.image.metadata[METADATA_KEY]["provenance"] = sample.provenance
        if show:
            self._runs.show_only(run, index)
        self._runs.changed.emit(run)
        return added.image

    def _run(self, subject: Subject, sample: Sample) -> tuple[Run, Exploration]:
        """The image's run of that scale; a new one if none can go on, or the user has removed it."""
        identity = identity_of(sample)
        known = self._open.get(sample.scale)
        if known is not None and known[0].origin is subject.origin and known[1] in list(self._runs):
            _, run, record = known
            if _goes_on(record.identity, identity):
                record.identity = identity
                return run, record
        run, record = self._runs.begin(subject.origin, maps=NO_MAPS), Exploration(identity)
        self._open[sample.scale] = subject, run, record
        return run, record


def identity_of(sample: Sample) -> dict[str, Any]:
    """What all samples of a session share: `Session.identity`, from a sample's record."""
    record = sample.provenance
    settings = {key: value for key, value in record["settings"].items() if key not in ("recipe", "region")}
    return record | {"settings": settings, "samples": []}


def _goes_on(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether recipes of before mean the same now: one model, and references that at most became more."""
    old, new = ([one for one in record["references"] if one["kind"] != "none"] for record in (before, now))
    return bool(before["model"] == now["model"] and new[: len(old)] == old)
