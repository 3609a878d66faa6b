"""One training step as a function: from a batch to losses.

A faithful example (vividness 0) is decoded once, whatever its latents, and should be the best guess. A vivid one
is decoded once from the posterior (a sample that has seen the true detail) and ``samples`` times from the prior:
at vividness 1 only their mean should be the best guess, they are rewarded for spreading, and the feature terms act.
Where no stage weighs the posterior's terms, it is left out. A network without a noise field has no such posterior;
its samples differ by their codes alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from napari_refvae.errors import InvalidSpecError
from napari_refvae.model.blocks import ModulatedBlock
from napari_refvae.model.compact import CompactRefVAE, DetailPosterior
from napari_refvae.model.gaussian import DiagonalGaussian
from napari_refvae.resampling import project, upsample
from napari_refvae.training import losses

if TYPE_CHECKING:
    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.training.config import LossWeights, TrainingConfig
    from napari_refvae.training.data import Batch
    from napari_refvae.training.perception import Seen, Views

__all__ = ["Drawn", "Outputs", "TrainingNetwork", "generator_loss", "silence_latents"]


class Drawn(NamedTuple):
    """The random numbers of a step: reproducible, and the same on every device.

    ``code (K, V, code)`` and ``noise (K, V, noise, p, p)`` of the V vivid examples, entry 0 for the posterior
    sample if there is one, the others for the P prior ones; ``faithful_code (F, code)`` and
    ``faithful_noise (F, noise, p, p)`` of the others.
    """

    code: Tensor
    noise: Tensor
    faithful_code: Tensor
    faithful_noise: Tensor


class Outputs(NamedTuple):
    """What the network made of a batch.

    ``posterior (0 or 1, V, 3, H, W)``: the sample that has seen the true detail; ``prior (P, V, 3, H, W)``;
    ``faithful (F, 3, H, W)``; the posteriors of the codes ``(F + V, code)`` and of the noise fields, if there are
    any, ``(V, noise, p, p)``; ``which (P, V)``: the vivid example whose reference each prior sample was drawn with.
    """

    posterior: Tensor
    prior: Tensor
    faithful: Tensor
    code: DiagonalGaussian
    noise: DiagonalGaussian | None
    which: Tensor


class TrainingNetwork(nn.Module):
    """The model and the detail posterior, as one module with one ``forward`` (as DDP needs it).

    Parameters
    ----------
    model
        What is trained.
    latents
        False: codes come from the prior alone, and there is no detail posterior.
    projected
        Whether samples are made consistent with their input.
    posterior
        False: the detail posterior is there, so that every state of the model fits, but neither used nor trained.
    crossed
        Whether the prior samples of an example are drawn with different references of the batch.
    """

    def __init__(
        self,
        model: ReferenceVAE,
        *,
        latents: bool = True,
        projected: bool = True,
        posterior: bool = True,
        crossed: bool = False,
    ) -> None:
        super().__init__()
        self.model, self.latents, self.projected, self.crossed = model, latents, projected, crossed
        seeing = latents and isinstance(model, CompactRefVAE)
        self.detail = DetailPosterior(model.config) if seeing else None  # type: ignore[arg-type]
        self.seeing = posterior and self.detail is not None
        if self.detail is not None:
            self.detail.requires_grad_(self.seeing)

    @classmethod
    def told(cls, config: TrainingConfig, model: ReferenceVAE) -> TrainingNetwork:
        """As a config says."""
        return cls(
            model,
            latents=config.latents,
            projected=config.projected,
            posterior=config.needs_posterior,
            crossed=config.crossed,
        )

    @property
    def extra(self) -> int:
        """How many samples a vivid example has beside those from the prior: 1 from the posterior, or 0."""
        return int(self.seeing)

    def forward(self, batch: Batch, drawn: Drawn) -> Outputs:
        with torch.autocast(batch.lr.device.type, enabled=False):
            base = upsample(batch.lr, self.model.scale)
        features = self.model.encode(batch.lr.contiguous(memory_format=torch.channels_last))
        code = self.model.posterior(batch.reference)
        (count, vivid), first = drawn.code.shape[:2], len(drawn.faithful_code)
        noise, fields = self._fields((batch.hr - base)[first:], features[first:], drawn)
        eps = torch.cat([drawn.faithful_code, drawn.code.flatten(0, 1)])
        rows = torch.cat([torch.arange(first), torch.arange(first, first + vivid).repeat(count)]).to(eps.device)
        which = self._which(count, vivid).to(eps.device)
        lenders = torch.cat([rows[:first], first + which.flatten()])
        codes = DiagonalGaussian(code.mean[lenders], code.log_variance[lenders]).sample(eps)
        codes = torch.where(batch.has_reference[lenders, None] & self.latents, codes, eps)
        latent = self.model.lift(codes, fields, batch.vividness[rows]).contiguous(memory_format=torch.channels_last)
        fresh = self.model.decode(features[rows].contiguous(memory_format=torch.channels_last), latent)
        with torch.autocast(batch.lr.device.type, enabled=False):
            sr = base[rows] + fresh.float()
            sr = project(sr, batch.lr[rows], self.model.scale) if self.projected else sr
        samples = sr[first:].unflatten(0, (count, vivid))
        return Outputs(samples[: self.extra], samples[self.extra :], sr[:first], code, noise, which[self.extra :])

    def _which(self, count: int, vivid: int) -> Tensor:
        """Whose reference each of ``count`` samples of the vivid examples is drawn with, ``(count, vivid)``."""
        own = torch.arange(vivid)
        if not self.crossed or not vivid:
            return own.repeat(count, 1)
        return torch.stack([(own + max(0, sample - self.extra)) % vivid for sample in range(count)])

    def _fields(self, detail: Tensor, features: Tensor, drawn: Drawn) -> tuple[DiagonalGaussian | None, Tensor]:
        """The posterior of the vivid examples' noise fields, and all fields, row by row."""
        if self.detail is None or not self.seeing:
            return None, torch.cat([drawn.faithful_noise, self._shared(drawn.noise).flatten(0, 1)])
        noise = self.detail(detail.contiguous(memory_format=torch.channels_last), features)
        rest = self._shared(drawn.noise[1:]).flatten(0, 1)
        return noise, torch.cat([drawn.faithful_noise, noise.sample(drawn.noise[0]), rest])

    def _shared(self, noise: Tensor) -> Tensor:
        """Where references are crossed, every other example's samples share one field: references alone differ."""
        if not self.crossed:
            return noise
        odd = (torch.arange(noise.shape[1], device=noise.device) % 2 == 1)[:, None, None, None]
        return torch.where(odd, noise[:1], noise)


def silence_latents(model: ReferenceVAE) -> None:
    """Make a network deaf to code and noise: their weights become zero, and stay so while their values are.

    Raises
    ------
    InvalidSpecError
        If the network is not of our own family.
    """
    if not isinstance(model, CompactRefVAE):
        raise InvalidSpecError("training without latents is for presets of our own family; set latents = true")
    with torch.no_grad():
        for block in model.modules():
            if isinstance(block, ModulatedBlock):
                block.modulation.weight[:, : model.layout.noise + model.layout.code] = 0


def generator_loss(
    outputs: Outputs,
    batch: Batch,
    weights: LossWeights,
    config: TrainingConfig,
    step: int,
    views: Views,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of all terms but the adversarial one, and each term by name (unweighted)."""
    terms = _pixel_terms(outputs, batch, weights) | _feature_terms(views, batch.vivid, weights, config, outputs.which)
    warmup = min(1.0, step / max(1, config.kl_warmup))
    if outputs.noise is not None:
        terms["kl_noise"] = warmup * losses.field_kl(outputs.noise)
    if config.latents:
        terms["kl_code"] = warmup * losses.code_kl(outputs.code, batch.has_reference, config.free_bits)
    total = sum(
        (getattr(weights, name) * term for name, term in terms.items()), torch.zeros((), device=batch.lr.device)
    )
    return total, {name: term.detach() for name, term in terms.items()}


def _pixel_terms(outputs: Outputs, batch: Batch, weights: LossWeights) -> dict[str, Tensor]:
    """Terms that look at pixels; those of the vivid examples weighted by their vividness."""
    vivid, level, prior = batch.vivid, batch.vivid.vividness, outputs.prior
    terms: dict[str, Tensor] = {}
    if len(outputs.faithful):
        terms["faithful_pixel"] = losses.pixel(outputs.faithful, batch.hr[: len(outputs.faithful)]).mean()
    if not len(level):
        return terms
    if len(outputs.posterior):
        terms["posterior_pixel"] = (level * losses.pixel(outputs.posterior[0], vivid.hr)).mean()
    each = losses.pixel(prior, vivid.hr).mean(dim=0)
    of_mean = losses.pixel(prior.mean(dim=0), vivid.hr)
    terms["prior_pixel"] = ((1 - level) * each + level * of_mean).mean()
    if len(prior) > 1:
        terms["spread"] = -(level * losses.spread(prior)).mean()
    scale = vivid.hr.shape[-1] // vivid.lr.shape[-1]
    if weights.grid:
        terms["grid"] = (level * losses.grid(prior, scale)).mean()
    if weights.spectrum:
        terms["spectrum"] = (level * losses.spectrum(prior, vivid.hr, scale)).mean()
    if weights.low_resolution:
        terms["low_resolution"] = losses.low_resolution(prior, vivid.lr, scale).mean()
    if weights.total_variation:
        terms["total_variation"] = losses.total_variation(torch.cat([outputs.posterior, prior])).mean()
    return terms


def _feature_terms(
    views: Views, vivid: Batch, weights: LossWeights, config: TrainingConfig, which: Tensor
) -> dict[str, Tensor]:
    """Terms that look at features, each weighted by the example's vividness; those without weight are left out."""
    level, (seen, measured, _) = vivid.vividness, views
    terms: dict[str, Tensor] = {}
    if measured is not None:
        sides = (measured.sr, measured.hr, measured.channels)
        if weights.perceptual:
            terms["perceptual"] = (level * losses.perceptual(*sides)).mean()
        if weights.local_best:
            terms["local_best"] = (level * losses.local_best(*sides)).mean()
    if seen is not None and weights.content_features:
        terms["content_features"] = (level * losses.content_features(seen.sr, seen.hr)).mean()
    if seen is not None and weights.of_style:
        terms |= _style_terms(seen, vivid, weights, config, which)
    return terms


def _style_terms(
    seen: Seen, vivid: Batch, weights: LossWeights, config: TrainingConfig, which: Tensor
) -> dict[str, Tensor]:
    """Terms that look at the references' features; samples without reference do not count."""
    level, present = vivid.vividness, vivid.has_reference[which]
    terms: dict[str, Tensor] = {}
    if weights.style and config.style_target == "original":
        terms["style"] = (level * losses.style(seen.sr, seen.hr)).mean()
    elif weights.style:
        terms["style"] = (level * present * losses.style(seen.sr, seen.reference, which)).mean()
    if weights.style_direction:
        apart = losses.style_direction(seen.sr, seen.reference, which)
        terms["style_direction"] = (level * present.all(dim=0) * apart).mean()
    return terms
