"""The geometric self-ensemble: the mean of what a network says of an image's eight flips and quarter turns.

A network is no more certain of an image than of its mirror image, but what it says of the two differs a little; the
mean errs less. Timofte, Rothe and Van Gool, "Seven ways to improve example-based single image super resolution",
CVPR 2016; "EDSR+" in Lim et al., CVPR workshops 2017.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from napari_refvae.regions import Region

if TYPE_CHECKING:
    from torch import Tensor

    from napari_refvae.model.doors import LatentLayout
    from napari_refvae.spec import SampleSpec, SelfEnsemble

__all__ = ["IDENTITY", "SYMMETRIES", "Symmetry", "choose_symmetries", "count_passes", "faithful_spec"]


@dataclass(frozen=True, slots=True)
class Symmetry:
    """One of the eight ways to lay a square onto itself.

    Attributes
    ----------
    turns
        Quarter turns counter-clockwise, from 0 to 3.
    flipped
        Whether left and right change places before.
    """

    turns: int = 0
    flipped: bool = False

    def applied(self, x: Tensor) -> Tensor:
        """``(..., h, w)`` laid the other way: the last two axes change places at odd numbers of turns."""
        flipped = x.flip(-1) if self.flipped else x
        return torch.rot90(flipped, self.turns, (-2, -1)) if self.turns else flipped

    def undone(self, x: Tensor) -> Tensor:
        """What `applied` made, as it was."""
        turned = torch.rot90(x, -self.turns, (-2, -1)) if self.turns else x
        return turned.flip(-1) if self.flipped else turned

    def moved(self, region: Region, size: tuple[int, int]) -> Region:
        """Where `applied` lays a region of ``(..., *size)``."""
        (y, x), (height, width), (tall, wide) = (region.y, region.x), (region.height, region.width), size
        if self.flipped:
            x = wide - x - width
        for _ in range(self.turns):
            y, x = wide - x - width, y
            height, width, tall, wide = width, height, wide, tall
        return Region(y, x, height, width)


IDENTITY = Symmetry()

SYMMETRIES = tuple(Symmetry(turns, flipped) for flipped in (False, True) for turns in range(4))
"""All eight, `IDENTITY` first."""


def choose_symmetries(asked: SelfEnsemble, spec: SampleSpec, layout: LatentLayout) -> tuple[Symmetry, ...]:
    """The symmetries over which a sample's detail is averaged: `SYMMETRIES`, or `IDENTITY` alone.

    ``"auto"`` averages where the sample is to be faithful: vividness 0, and nothing random either if the network has
    no such input. The mean of vivid details would be blurred.
    """
    if asked == "auto":
        asked = spec.vividness == 0 and (layout.vividness or spec.temperature == 0)
    return SYMMETRIES if asked else (IDENTITY,)


def count_passes(
    asked: SelfEnsemble, spec: SampleSpec, layout: LatentLayout, samples: int, *, faithful: bool = False
) -> int:
    """How often a run of so many samples, and perhaps the faithful image, passes the decoder."""
    passes = samples * len(choose_symmetries(asked, spec, layout))
    return passes + faithful * len(choose_symmetries(asked, faithful_spec(spec), layout))


def faithful_spec(spec: SampleSpec) -> SampleSpec:
    """How the faithful image of a run is drawn: nothing random, vividness 0."""
    return replace(spec, temperature=0.0, vividness=0.0)
