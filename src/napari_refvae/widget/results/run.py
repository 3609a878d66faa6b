"""One run in a viewer: its samples and maps as layers, and what made them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np

from napari_refvae.widget.results.layers import LayerPlane
from napari_refvae.widget.results.maps import MapSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_refvae.engine.result import FinishedSample
    from napari_refvae.widget.results.layers import InputImage

__all__ = ["Companions", "Run", "RunRecord", "SampleLayers"]


@dataclass(eq=False)
class SampleLayers:
    """One sample in the viewer.

    Attributes
    ----------
    finished
        What the engine said of it.
    kept
        The user's verdict: None undecided, True kept, False discarded.
    scores
        ``"psnr"``, ``"ssim"`` and ``"vgg"`` against the ground truth, filled by whoever measures them.
    """

    finished: FinishedSample
    image: Image
    residual: Image | None = None
    kept: bool | None = None
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def index(self) -> int:
        """Its place in the run, from 0."""
        return self.finished.index

    @property
    def reference(self) -> str:
        """Name of its reference."""
        return self.finished.reference

    @property
    def seed(self) -> int:
        """What makes it again alone."""
        return self.finished.seed

    @property
    def lr_psnr(self) -> float:
        """How well it gives the input back, in dB."""
        return self.finished.lr_psnr

    @property
    def layers(self) -> list[Image]:
        """From the top."""
        return [self.image] if self.residual is None else [self.image, self.residual]

    def own_pixels(self) -> None:
        """Copy the pixels, if they are part of an array of all samples, which each of them would keep alive."""
        shared = self.finished.sr
        if shared.base is None:
            return
        self.finished = replace(self.finished, sr=shared.copy())
        shown = self.image.data
        if isinstance(shown, np.ndarray) and np.may_share_memory(shown, shared):  # the user may have put others there
            self.image.data = self.finished.sr.reshape(shown.shape)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What is kept of a result beside its layers; the fields are those of `SuperResolutionResult`."""

    references: tuple[str, ...]
    seeds: tuple[int, ...]
    provenance: Mapping[str, Any]
    scale: int


@dataclass(frozen=True, slots=True)
class Companions:
    """Layers that a run took beside its image, by their names then.

    Attributes
    ----------
    truth
        That of the ground truth; empty if there was none.
    planes
        Of references that are stacks, the index of the plane that was taken.
    """

    truth: str = ""
    planes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, references: Iterable[Any], truth: LayerPlane | None) -> Companions:
        """Those among references, layers' planes or others, and the ground truth."""
        stacks = {one.name: one.plane for one in references if isinstance(one, LayerPlane) and one.plane}
        return cls("" if truth is None else truth.name, stacks)


@dataclass(eq=False)
class Run:
    """One run in the viewer.

    Attributes
    ----------
    id
        Eight hexadecimal digits, in the metadata of all its layers.
    origin
        A copy of its input, or of the part of it that is super-resolved.
    truth
        The ground truth, stored as a sample is, or None.
    maps
        Which maps it shows.
    number
        Among the runs of its image, from 1; in the names of its layers from 2 on.
    click
        The same for the channels that one click was about; empty for an image alone.
    channels
        Names of the layers that it was about, in their order: one list for all of them.
    channel_axis
        Of a stack whose planes are the channels, their axis.
    companions
        The other layers that it was made with.
    samples
        By index; a sample whose layer the user removed is gone from here.
    faithful_scores
        Those of the faithful image, as a sample has its own.
    result
        What made it; None until the run is complete. The pixels are in its layers only.
    """

    id: str
    origin: InputImage
    truth: NDArray[Any] | None = None
    maps: MapSpec = field(default_factory=MapSpec)
    number: int = 1
    click: str = ""
    channels: list[str] = field(default_factory=list)
    channel_axis: int | None = None
    companions: Companions = field(default_factory=Companions)
    samples: dict[int, SampleLayers] = field(default_factory=dict)
    faithful: Image | None = None
    spread: Image | None = None
    faithful_scores: dict[str, float] = field(default_factory=dict)
    result: RunRecord | None = None
    _made: WeakSet[Image] = field(default_factory=WeakSet, repr=False)  # every layer it added, if it is anywhere yet
    _covered: WeakSet[Image] = field(default_factory=WeakSet, repr=False)  # what older runs showed in its place

    @property
    def title(self) -> str:
        """For people: its image, and from the second run on its number."""
        return f"{self.origin.title} run {self.number}" if self.number > 1 else self.origin.title

    @property
    def layers(self) -> list[Image]:
        """All of them, from the top."""
        made = [layer for index in sorted(self.samples) for layer in self.samples[index].layers]
        return made + [layer for layer in (self.faithful, self.spread) if layer is not None]
