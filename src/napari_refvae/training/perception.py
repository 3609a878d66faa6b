"""What a frozen feature network sees of a training step, computed once for all the losses that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from napari_refvae.resampling import upsample

if TYPE_CHECKING:
    from napari_refvae.model.features import FeatureNetwork
    from napari_refvae.training.data import Batch

__all__ = ["Seen", "look"]


class Seen(NamedTuple):
    """Features of the V vivid examples, one tensor a layer; ``sr`` has ``P * V`` rows, sample by sample."""

    sr: list[Tensor]
    hr: list[Tensor]
    reference: list[Tensor]
    base: list[Tensor]


def look(network: FeatureNetwork, samples: Tensor, vivid: Batch, scale: int) -> Seen:
    """See prior samples ``(P, V, 3, H, W)``, and once each their targets, references and bicubic bases."""
    with torch.no_grad():
        with torch.autocast(samples.device.type, enabled=False):
            base = upsample(vivid.lr, scale)
        hr, reference, seen_base = (network(x) for x in (vivid.hr, vivid.reference, base))
    return Seen(network(samples.flatten(0, 1)), hr, reference, seen_base)
