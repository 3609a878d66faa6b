"""What frozen networks see of a training step, computed once for all the losses that use it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from napari_refvae.errors import InvalidSpecError
from napari_refvae.model.blocks import leaky
from napari_refvae.model.compact import CompactRefVAE
from napari_refvae.model.features import FeatureNetwork
from napari_refvae.model.lpips import LpipsNetwork
from napari_refvae.resampling import upsample

if TYPE_CHECKING:
    from pathlib import Path

    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.spec import Region
    from napari_refvae.training.config import LossWeights, TrainingConfig
    from napari_refvae.training.data import Batch

__all__ = ["OwnFeatures", "Perception", "Seen", "Views", "look"]


ADVICE = "install it with pip install 'napari-refvae[train]', or set perceptual_network = \"features\""


class Network(Protocol):
    """From images in 0..1 to one feature map a layer."""

    def __call__(self, image: Tensor) -> list[Tensor]:
        """``(B, 3, H, W)`` to ``(B, C_i, H_i, W_i)``."""
        ...


class Seen(NamedTuple):
    """What one network sees of the V vivid examples, one tensor a layer; ``sr`` has ``P * V`` rows, sample by sample.

    ``reference`` and ``base`` (the bicubic up-sampling) are empty where nobody asks for them. ``channels`` are the
    learned weights of each layer's channels, if there are any.
    """

    sr: list[Tensor]
    hr: list[Tensor]
    reference: list[Tensor]
    base: list[Tensor]
    channels: list[Tensor] | None = None


class Views(NamedTuple):
    """What each group of terms looks at; None where no term of it is in use."""

    features: Seen | None = None
    perceptual: Seen | None = None
    judged: Seen | None = None


class OwnFeatures(nn.Module):
    """The reference encoder of a trained model as a feature network: it is always there, and needs no download.

    It was trained to tell textures apart, so its distances mean something; less than VGG's.
    """

    def __init__(self, model: ReferenceVAE) -> None:
        super().__init__()
        if not isinstance(model, CompactRefVAE):
            raise InvalidSpecError("perceptual_network 'own' is for models of our own family; choose 'features'")
        self.convs = copy.deepcopy(model.reference.convs).requires_grad_(False)
        self.widths = list(model.config.reference_widths)

    def forward(self, image: Tensor) -> list[Tensor]:
        """``(B, 3, H, W)`` in 0..1 to one map a convolution."""
        x, taken = image - 0.5, []
        for conv in self.convs:
            x = leaky(conv(x))
            taken.append(x)
        return taken


class Perception:
    """The frozen networks that a config needs.

    Parameters
    ----------
    config
        Whose losses are to be fed.
    model
        The model that training starts from, for ``perceptual_network = "own"``.
    weights
        File of the feature network; by default VGG-19 is downloaded once.
    device
        Where they compute.

    Raises
    ------
    MissingWeightsError
        If a network must be fetched and cannot be.
    """

    def __init__(self, config: TrainingConfig, model: ReferenceVAE, weights: Path | None, device: torch.device) -> None:
        self.config, self.scale = config, model.scale
        self.own: OwnFeatures | None = None
        self.lpips = LpipsNetwork.load(advice=ADVICE).to(device) if config.needs_lpips else None
        self.features: FeatureNetwork | OwnFeatures | None = None
        if config.needs_features and config.perceptual_network == "own":
            self.features = self.own = OwnFeatures(model).to(device)
        elif config.needs_features:
            self.features = FeatureNetwork.load(weights).to(device)

    def see(self, weights: LossWeights, samples: Tensor, vivid: Batch, window: Region) -> Views:
        """Look at prior samples ``(P, V, 3, H, W)`` and their targets, as far as the losses ask for it."""
        if not len(vivid.hr):
            return Views()
        judging = bool(weights.adversarial)
        plain = judging and self.config.adversary == "features"
        measured = weights.of_perception and self.lpips is None
        features = None
        if self.features is not None and (measured or plain or weights.of_features):
            features = look(self.features, samples, vivid, self.scale, window, weights.of_style, plain)
        perceptual = features if measured else None
        if self.lpips is not None and weights.of_perception:
            seen = look(self.lpips, samples, vivid, self.scale, window)
            perceptual = seen._replace(channels=self.lpips.channels)
        pixels = judging and self.config.adversary == "patchgan"
        judged = look(_pixels, samples, vivid, self.scale, window) if pixels else features
        return Views(features, perceptual, judged if judging else None)


def look(
    network: Network,
    samples: Tensor,
    vivid: Batch,
    scale: int,
    window: Region,
    reference: bool = False,
    base: bool = False,
) -> Seen:
    """See prior samples ``(P, V, 3, H, W)`` and once each their targets, all in one HR window.

    If asked for, references and bicubic bases too. References, which lie elsewhere anyway, are cut to the
    window's size.
    """
    y, x = window.slices
    with torch.no_grad():
        hr = network(vivid.hr[..., y, x])
        references = network(vivid.reference[..., : window.height, : window.width]) if reference else []
        bases: list[Tensor] = []
        if base:
            with torch.autocast(samples.device.type, enabled=False):
                enlarged = upsample(vivid.lr, scale)[..., y, x]
            bases = network(enlarged)
    return Seen(network(samples[..., y, x].flatten(0, 1)), hr, references, bases)


def _pixels(image: Tensor) -> list[Tensor]:
    return [image]
