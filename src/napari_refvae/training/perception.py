"""What a frozen feature network sees of a training step, computed once for all the losses that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from napari_refvae.resampling import upsample

if TYPE_CHECKING:
    from napari_refvae.model.features import FeatureNetwork
    from napari_refvae.spec import Region
    from napari_refvae.training.data import Batch

__all__ = ["Seen", "look"]


class Seen(NamedTuple):
    """Features of the V vivid examples, one tensor a layer; ``sr`` has ``P * V`` rows, sample by sample."""

    sr: list[Tensor]
    hr: list[Tensor]
    reference: list[Tensor]
    base: list[Tensor]


def look(network: FeatureNetwork, samples: Tensor, vivid: Batch, scale: int, window: Region) -> Seen:
    """See prior samples ``(P, V, 3, H, W)``, and once each their targets and bicubic bases, all in one HR window.

    References, which lie elsewhere anyway, are cut to the window's size.
    """
    y, x = window.slices
    with torch.no_grad():
        with torch.autocast(samples.device.type, enabled=False):
            base = upsample(vivid.lr, scale)[..., y, x]
        reference = vivid.reference[..., : window.height, : window.width]
        hr, reference_features, base_features = (network(image) for image in (vivid.hr[..., y, x], reference, base))
    return Seen(network(samples[..., y, x].flatten(0, 1)), hr, reference_features, base_features)
