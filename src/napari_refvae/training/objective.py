"""One training step as a function: from a batch to losses.

A faithful example (vividness 0) is decoded once, whatever its latents, and should be the best guess. A vivid one
is decoded once from the posterior (a sample that has seen the true detail) and ``samples`` times from the prior:
at vividness 1 only their mean should be the best guess, they are rewarded for spreading, and the feature terms act.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from napari_refvae.model.compact import CompactRefVAE, DetailPosterior
from napari_refvae.model.gaussian import DiagonalGaussian
from napari_refvae.resampling import project, upsample
from napari_refvae.training import losses

if TYPE_CHECKING:
    from napari_refvae.training.config import LossWeights, TrainingConfig
    from napari_refvae.training.data import Batch
    from napari_refvae.training.perception import Seen

__all__ = ["Drawn", "Outputs", "TrainingNetwork", "generator_loss"]


class Drawn(NamedTuple):
    """The random numbers of a step: reproducible, and the same on every device.

    ``code (P + 1, V, code)`` and ``noise (P + 1, V, noise, p, p)`` of the V vivid examples, entry 0 for the
    posterior sample; ``faithful_code (F, code)`` and ``faithful_noise (F, noise, p, p)`` of the others.
    """

    code: Tensor
    noise: Tensor
    faithful_code: Tensor
    faithful_noise: Tensor


class Outputs(NamedTuple):
    """What the network made of a batch.

    ``samples (P + 1, V, 3, 8p, 8p)``, entry 0 from the posterior; ``faithful (F, 3, 8p, 8p)``; the posteriors of
    the codes ``(F + V, code)`` and of the noise fields ``(V, noise, p, p)``.
    """

    samples: Tensor
    faithful: Tensor
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
        (count, vivid), first = drawn.code.shape[:2], len(drawn.faithful_code)
        detail = (batch.hr - base)[first:].contiguous(memory_format=torch.channels_last)
        noise = self.detail(detail, features[first:])
        eps = torch.cat([drawn.faithful_code, drawn.code.flatten(0, 1)])
        fields = torch.cat([drawn.faithful_noise, noise.sample(drawn.noise[0]), drawn.noise[1:].flatten(0, 1)])
        rows = torch.cat([torch.arange(first), torch.arange(first, first + vivid).repeat(count)]).to(eps.device)
        codes = DiagonalGaussian(code.mean[rows], code.log_variance[rows]).sample(eps)
        codes = torch.where(batch.has_reference[rows, None], codes, eps)
        latent = self.model.lift(codes, fields, batch.vividness[rows]).contiguous(memory_format=torch.channels_last)
        fresh = self.model.decode(features[rows].contiguous(memory_format=torch.channels_last), latent)
        with torch.autocast(batch.lr.device.type, enabled=False):
            sr = project(base[rows] + fresh.float(), batch.lr[rows], self.model.scale)
        return Outputs(sr[first:].unflatten(0, (count, vivid)), sr[:first], code, noise)


def generator_loss(
    outputs: Outputs,
    batch: Batch,
    weights: LossWeights,
    config: TrainingConfig,
    step: int,
    seen: Seen | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of all terms but the adversarial one, and each term by name (unweighted)."""
    vivid, level, prior = batch.vivid, batch.vivid.vividness, outputs.samples[1:]
    faithful = losses.pixel(outputs.faithful, batch.hr[: len(outputs.faithful)])
    each = losses.pixel(prior, vivid.hr).mean(dim=0)
    of_mean = losses.pixel(prior.mean(dim=0), vivid.hr)
    warmup = min(1.0, step / max(1, config.kl_warmup))
    terms = {
        "faithful_pixel": faithful.mean(),
        "posterior_pixel": (level * losses.pixel(outputs.samples[0], vivid.hr)).mean(),
        "prior_pixel": ((1 - level) * each + level * of_mean).mean(),
        "spread": -(level * losses.spread(prior)).mean(),
        "kl_noise": warmup * losses.field_kl(outputs.noise),
        "kl_code": warmup * losses.code_kl(outputs.code, batch.has_reference, config.free_bits),
    }
    if weights.total_variation:
        terms["total_variation"] = losses.total_variation(outputs.samples).mean()
    if seen is not None:
        terms |= _feature_terms(seen, vivid)
    total = sum((getattr(weights, name) * term for name, term in terms.items()), torch.zeros(()))
    return total, {name: term.detach() for name, term in terms.items()}


def _feature_terms(seen: Seen, vivid: Batch) -> dict[str, Tensor]:
    """Each weighted by the example's vividness."""
    level = vivid.vividness
    return {
        "perceptual": (level * losses.perceptual(seen.sr, seen.hr)).mean(),
        "local_best": (level * losses.local_best(seen.sr, seen.hr)).mean(),
        "style": (level * vivid.has_reference * losses.style(seen.sr, seen.reference)).mean(),
    }
