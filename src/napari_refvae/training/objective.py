"""One training step as a function: from a batch to losses.

Every example is decoded once from the posterior (a sample that has seen the true detail) and
``samples`` times from the prior. At vividness 0 each prior sample should be the best guess (L1); at
vividness 1 only their mean should, they are rewarded for spreading, and the feature terms act.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from napari_refvae.model.compact import CompactRefVAE, DetailPosterior
from napari_refvae.model.gaussian import DiagonalGaussian  # noqa: TC001 (a NamedTuple keeps its annotations)
from napari_refvae.resampling import project, upsample
from napari_refvae.training import losses

if TYPE_CHECKING:
    from napari_refvae.training.config import LossWeights, TrainingConfig
    from napari_refvae.training.data import Batch
    from napari_refvae.training.features import Seen

__all__ = ["Drawn", "Outputs", "TrainingNetwork", "generator_loss"]


class Drawn(NamedTuple):
    """The random numbers of a step: reproducible, and the same on every device.

    ``code (P + 1, B, code)`` and ``noise (P + 1, B, noise, p, p)``; entry 0 is the posterior sample's.
    """

    code: Tensor
    noise: Tensor


class Outputs(NamedTuple):
    """What the network made of a batch: samples ``(P + 1, B, 3, 8p, 8p)``, entry 0 from the posterior."""

    samples: Tensor
    code: DiagonalGaussian
    noise: DiagonalGaussian


class TrainingNetwork(nn.Module):
    """The model and the detail posterior, as one module with one ``forward`` (as DDP needs it)."""

    def __init__(self, model: CompactRefVAE) -> None:
        super().__init__()
        self.model = model
        self.detail = DetailPosterior(model.config)

    def forward(self, batch: Batch, drawn: Drawn) -> Outputs:
        with torch.autocast(batch.lr.device.type, enabled=False):
            base = upsample(batch.lr, self.model.scale)
        features = self.model.encode(batch.lr.contiguous(memory_format=torch.channels_last))
        code = self.model.posterior(batch.reference)
        noise = self.detail((batch.hr - base).contiguous(memory_format=torch.channels_last), features)
        present = batch.has_reference[None, :, None]
        codes = torch.where(present, code.sample(drawn.code), drawn.code)
        fields = torch.cat([noise.sample(drawn.noise[:1]), drawn.noise[1:]])
        count = len(fields)
        latent = self.model.lift(codes.flatten(0, 1), fields.flatten(0, 1), batch.vividness.repeat(count))
        latent = latent.contiguous(memory_format=torch.channels_last)
        detail = self.model.decode(features.repeat(count, 1, 1, 1), latent)
        with torch.autocast(batch.lr.device.type, enabled=False):
            sr = base.repeat(count, 1, 1, 1) + detail.float()
            sr = project(sr, batch.lr.repeat(count, 1, 1, 1), self.model.scale)
        return Outputs(sr.unflatten(0, (count, -1)), code, noise)


def generator_loss(
    outputs: Outputs,
    batch: Batch,
    weights: LossWeights,
    config: TrainingConfig,
    step: int,
    seen: Seen | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of all terms but the adversarial one, and each term by name (unweighted)."""
    vivid = batch.vividness
    prior = outputs.samples[1:]
    each = losses.pixel(prior, batch.hr).mean(dim=0)
    of_mean = losses.pixel(prior.mean(dim=0), batch.hr)
    warmup = min(1.0, step / max(1, config.kl_warmup))
    terms = {
        "posterior_pixel": (vivid * losses.pixel(outputs.samples[0], batch.hr)).mean(),
        "prior_pixel": ((1 - vivid) * each + vivid * of_mean).mean(),
        "spread": -(vivid * losses.spread(prior)).mean(),
        "kl_noise": warmup * losses.field_kl(outputs.noise),
        "kl_code": warmup * losses.code_kl(outputs.code, batch.has_reference, config.free_bits),
    }
    if weights.total_variation:
        terms["total_variation"] = losses.total_variation(outputs.samples).mean()
    if seen is not None:
        terms |= _feature_terms(seen, batch)
    total = sum((getattr(weights, name) * term for name, term in terms.items()), torch.zeros(()))
    return total, {name: term.detach() for name, term in terms.items()}


def _feature_terms(seen: Seen, batch: Batch) -> dict[str, Tensor]:
    """Each weighted by vividness; sums over vivid examples divided by the whole batch, as the other terms are."""
    vivid, present = batch.vividness[seen.rows], batch.has_reference[seen.rows]
    count = len(batch.vividness)
    return {
        "perceptual": (vivid * losses.perceptual(seen.sr, seen.hr)).sum() / count,
        "local_best": (vivid * losses.local_best(seen.sr, seen.hr)).sum() / count,
        "style": (vivid * present * losses.style(seen.sr, seen.reference)).sum() / count,
    }
