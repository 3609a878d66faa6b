"""Everything that training can be told, as frozen dataclasses read from one TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidSpecError
from napari_refvae.model.config import PRESETS
from napari_refvae.training.settings import Range, check_settings, check_tables

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DataConfig", "LossWeights", "StageConfig", "TrainingConfig", "load_config"]


SMALLEST_PATCH = 8
"""LR pixels: below it a patch is mostly border."""

CHOICES = {
    "perceptual_network": ("features", "lpips", "own"),
    "style_target": ("reference", "original"),
    "adversary": ("features", "patchgan"),
    "adversarial_loss": ("hinge", "minimax"),
    "precision": ("auto", "32-true", "bf16-mixed"),
}
"""What the settings that are words may say."""

NOT_NEGATIVE, POSITIVE, SHARE = Range(0), Range(0, open=True), Range(0, 1)


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Factor of each loss term.

    A term that looks at features or at the low resolution, and the adversary, are not computed at 0; the samples that
    have seen the true detail are not drawn if no stage weighs ``posterior_pixel`` or ``kl_noise``. The other terms of
    pixels and codes cost next to nothing and are always told.

    Terms marked (v) are also multiplied by the vividness of each training example, so that one
    set of weights holds the faithful answer (0) and the vivid one (1).
    """

    faithful_pixel: float = 1.0  # L1 at vividness 0
    posterior_pixel: float = 1.0  # L1 of the sample that has seen the true detail (v)
    prior_pixel: float = 1.0  # L1 between that of each prior sample (towards vividness 0) and of their mean (at 1)
    spread: float = 0.1  # reward for the spread of prior samples (v)
    perceptual: float = 0.0  # feature distance to the target, mean over samples (v)
    local_best: float = 0.0  # feature distance of the locally best sample (v)
    style: float = 0.0  # feature statistics against the reference (v)
    style_direction: float = 0.0  # samples should differ as their references do (v); needs `crossed`
    content_features: float = 0.0  # L1 on the deepest features that the feature network gives (v)
    low_resolution: float = 0.0  # L1 after down-sampling; nothing where samples are projected
    adversarial: float = 0.0  # what the adversary says (v)
    total_variation: float = 0.0
    spectrum: float = 0.0  # power in bands of frequency and direction against the target's (v)
    grid: float = 0.0  # detail that repeats with the LR grid (v)
    kl_noise: float = 1e-3  # a spatial dimension
    kl_code: float = 1e-3  # a dimension of the global code

    def __post_init__(self) -> None:
        check_settings(self, {}, NOT_NEGATIVE)

    @property
    def of_features(self) -> bool:
        """Whether a term needs features beside those of the perceptual ones."""
        return bool(self.of_style or self.content_features)

    @property
    def of_style(self) -> bool:
        """Whether a term looks at the references' features."""
        return bool(self.style or self.style_direction)

    @property
    def of_perception(self) -> bool:
        """Whether a perceptual term is in use."""
        return bool(self.perceptual or self.local_best)


@dataclass(frozen=True, slots=True)
class StageConfig:
    """One stage: its share of all steps, its learning rate (cosine from first to last) and its losses."""

    name: str
    share: float
    learning_rate: float
    final_learning_rate: float
    weights: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        check_settings(self, {"share": POSITIVE}, NOT_NEGATIVE)


@dataclass(frozen=True, slots=True)
class DataConfig:
    """How training examples are drawn. Sizes are LR pixels unless said otherwise."""

    patch: int = 24
    faithful: int = 8  # examples a step at vividness 0; decoded once each
    vivid: int = 5  # examples a step above it; decoded once from the posterior and `samples` times from the prior
    reference_size: int = 128  # HR pixels
    feature_crop: int = 0  # HR pixels a side of the window that the feature terms see; 0: all of the patch
    smallest_scale: float = 0.5  # photographs are reduced by a factor from here to 1
    flat_std: float = 6.0  # a crop whose luma std (0..255) lies below is drawn again
    own_photo: float = 0.7  # reference: another crop of the same photograph ...
    altered: float = 0.43  # ... of which this share is blurred or sharpened together with the target
    dropped: float = 0.2  # no reference: the code comes from the prior
    fully_vivid: float = 0.6  # share of the vivid examples at vividness 1; the rest lies between
    memory: float = 8.0  # GB of decoded photographs to keep; of a larger folder the last used are kept

    def __post_init__(self) -> None:
        shares = dict.fromkeys(("own_photo", "altered", "dropped", "fully_vivid"), SHARE)
        check_settings(self, {"patch": Range(), "memory": Range(), "smallest_scale": Range(), **shares}, NOT_NEGATIVE)
        if self.reference_size < 1 or self.patch < SMALLEST_PATCH or not self.faithful + self.vivid:
            raise InvalidSpecError(
                f"expected patches of at least {SMALLEST_PATCH} LR pixels, references of at least 1 pixel and at least "
                f"one example a step; got patch {self.patch}, reference_size {self.reference_size}, "
                f"faithful {self.faithful}, vivid {self.vivid}"
            )
        if not 0 < self.smallest_scale <= 1 or self.memory <= 0:
            raise InvalidSpecError(
                f"expected smallest_scale in (0, 1] and memory above 0; got {self.smallest_scale} and {self.memory}"
            )


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """A whole training run.

    Attributes
    ----------
    perceptual_network
        What measures the perceptual terms. ``features``: the feature network, VGG-19 or the distilled one;
        ``lpips``: AlexNet with LPIPS's learned weights (its other terms keep the feature network); ``own``: the
        reference encoder of the model that training starts from, frozen, for all terms: needs no download.
    style_target
        ``reference``, as the paper says, or ``original``, as its published code does.
    crossed
        Whether the prior samples of an example are drawn with different references, its own and then those of the
        step's other vivid examples in turn, and not all with its own. Every other example's samples then share one
        noise field, so that what tells them apart is the reference.
    adversary
        ``features``: heads on frozen features; ``patchgan``: a network of its own on the pixels.
    adversarial_loss
        ``hinge``, or ``minimax``: equation 5 of the paper.
    latents
        False: no reference and no noise, in training and after it: the ablation without the CVAE.
    projected
        Whether samples are made consistent with their input before they are judged, as they are in use.
    """

    preset: str
    stages: tuple[StageConfig, ...]
    steps: int = 100_000
    data: DataConfig = field(default_factory=DataConfig)
    seed: int = 0
    samples: int = 2  # prior samples an example
    ema: float = 0.999
    clip: float = 1.0
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 1e-4
    kl_warmup: int = 3000  # steps
    free_bits: float = 0.02  # nats a dimension of the code that the KL term leaves alone
    precision: str = "auto"  # or 32-true, bf16-mixed; auto: bf16-mixed where the hardware computes it natively
    perceptual_network: str = "features"
    style_target: str = "reference"
    crossed: bool = False
    adversary: str = "features"
    adversarial_loss: str = "hinge"
    latents: bool = True
    projected: bool = True

    def __post_init__(self) -> None:
        check_settings(self, {"steps": Range(1), "samples": Range(1), "ema": SHARE, "clip": POSITIVE}, NOT_NEGATIVE)
        _check_betas(self.betas)
        if self.preset not in PRESETS:
            raise InvalidSpecError(f"expected a preset among {sorted(PRESETS)}; got {self.preset!r}")
        if not self.stages or abs(sum(stage.share for stage in self.stages) - 1) > 1e-6:
            raise InvalidSpecError("the stages' shares must add up to 1; mend them in the config file")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InvalidSpecError(f"expected {name} among {', '.join(known)}; got {getattr(self, name)!r}")
        _check_crossing(self)
        least = 2 if any(stage.weights.spread for stage in self.stages) else 1
        if self.samples < least:
            raise InvalidSpecError(f"expected at least {least} samples, for the spread term; got {self.samples}")

    @property
    def needs_features(self) -> bool:
        """Whether any stage needs the feature network."""
        measured = self.perceptual_network != "lpips"
        judged = self.adversary == "features"
        return any(
            weights.of_features or (measured and weights.of_perception) or (judged and bool(weights.adversarial))
            for weights in (stage.weights for stage in self.stages)
        )

    @property
    def needs_posterior(self) -> bool:
        """Whether any stage needs samples that have seen the true detail."""
        return self.latents and any(stage.weights.posterior_pixel or stage.weights.kl_noise for stage in self.stages)

    @property
    def needs_lpips(self) -> bool:
        """Whether any stage needs LPIPS."""
        return self.perceptual_network == "lpips" and any(stage.weights.of_perception for stage in self.stages)

    def stage_at(self, step: int) -> tuple[StageConfig, float]:
        """The stage that ``step`` belongs to, and its learning rate there."""
        import math

        begin = 0.0
        for stage in self.stages:
            length = stage.share * self.steps
            if step < begin + length or stage is self.stages[-1]:
                progress = min(1.0, (step - begin) / max(1.0, length))
                low = stage.final_learning_rate
                return stage, low + 0.5 * (stage.learning_rate - low) * (1 + math.cos(math.pi * progress))
            begin += length
        raise AssertionError("unreachable: a config has a stage")


def load_config(path: Path) -> TrainingConfig:
    """Read a TOML file.

    Raises
    ------
    InvalidSpecError
        If the file cannot be read, or a key is missing or unknown (it is named).
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidSpecError(f"expected a training config in TOML at {path}; {error}") from error
    stages = values.pop("stages", [])
    if not isinstance(stages, list):
        raise InvalidSpecError(f"expected tables [[stages]] in the config; got stages = {stages!r}")
    data = _build(DataConfig, values.pop("data", {}), "data")
    return _build(TrainingConfig, {**values, "stages": tuple(_stage(stage) for stage in stages), "data": data})


def _check_betas(betas: tuple[float, float]) -> None:
    """Refuse what AdamW would not take."""
    numbers = isinstance(betas, tuple) and len(betas) == 2 and all(type(beta) in (int, float) for beta in betas)
    if not numbers or not all(0 <= beta < 1 for beta in betas):
        raise InvalidSpecError(f"expected two numbers from 0 to below 1 for betas in the config; got {betas!r}")


def _check_crossing(config: TrainingConfig) -> None:
    """Refuse a direction without references that differ."""
    directed = any(stage.weights.style_direction for stage in config.stages)
    if directed and not (config.crossed and config.samples > 1 and config.data.vivid > 1):
        raise InvalidSpecError(
            "the style_direction loss compares samples that were drawn with different references; set crossed = true, "
            f"at least 2 samples and at least 2 vivid examples; got crossed {config.crossed}, samples "
            f"{config.samples}, vivid {config.data.vivid}"
        )


def _stage(values: Any) -> Any:
    check_tables(values, "each of stages")
    weights = _build(LossWeights, values.get("weights", {}), "weights")
    return _build(StageConfig, {**values, "weights": weights}, "stages")


def _build(cls: type[Any], values: dict[str, Any], name: str = "the whole") -> Any:
    check_tables(values, name)
    unknown = sorted(set(values) - {item.name for item in fields(cls)})
    if unknown:
        raise InvalidSpecError(
            f"{cls.__name__} has no setting {', '.join(unknown)}; check the spelling in the config file"
        )
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise InvalidSpecError(f"{cls.__name__} lacks a setting ({error})") from error
