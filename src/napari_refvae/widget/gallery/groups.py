"""Runs that are looked at as one: those of one click on several channels, or one alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_refvae.widget.compare.composites import composed, lie_together
from napari_refvae.widget.compare.pictures import sample_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_refvae.widget.compare.composites import Shown
    from napari_refvae.widget.results.run import Run, SampleLayers
    from napari_refvae.widget.results.runs import Runs

__all__ = ["RunGroup", "groups_of"]


@dataclass(frozen=True, slots=True, eq=False)
class RunGroup:
    """One entry of a gallery's list of runs.

    Attributes
    ----------
    runs
        One a channel, each with a sample; one alone if the image has no channels.
    """

    runs: tuple[Run, ...]

    @property
    def leading(self) -> Run:
        """The run of the first channel."""
        return self.runs[0]

    @property
    def title(self) -> str:
        """What tells it from others: its number, its image or channels, its references.

        The number comes first: of a long title the middle is left out.
        """
        number = f"Run {self.leading.number}: " if self.leading.number > 1 else ""
        title = number + " + ".join(run.origin.subject for run in self.runs)
        names = list(dict.fromkeys(sample.reference for sample in self.samples.values()))
        return title if names == ["none"] else f"{title} by {', '.join(names)}"

    @property
    def samples(self) -> dict[int, SampleLayers]:
        """By index, in order; of several channels that of the first that has it."""
        found = {index: sample for run in reversed(self.runs) for index, sample in run.samples.items()}
        return dict(sorted(found.items()))

    @property
    def verdicts(self) -> dict[int, bool | None]:
        """Of each sample: kept, discarded or undecided."""
        return {index: sample.kept for index, sample in self.samples.items()}

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is coming."""
        return all(run.result is not None for run in self.runs)

    def sample(self, key: str) -> SampleLayers | None:
        """That of a picture; None for pictures that are none."""
        return next((one for index, one in self.samples.items() if sample_key(index) == key), None)

    def consistency(self, index: int) -> float:
        """LR-PSNR of a sample in dB; of several channels the worst."""
        return min(run.samples[index].lr_psnr for run in self.runs if index in run.samples)

    def pictures(self) -> Mapping[str, Shown]:
        """What there is to see, by key."""
        return {picture.key: picture for picture in composed(self.runs)}


def groups_of(runs: Runs) -> list[RunGroup]:
    """All runs with a sample, newest first; channels that cover the same pixels are one."""
    found = []
    for run in runs:
        channels = [each for each in runs.together(run) if each.samples]
        if run.samples and not lie_together(channels):
            found.append(RunGroup((run,)))
        elif run.samples and run is channels[0]:
            found.append(RunGroup(tuple(channels)))
    return found[::-1]
