"""Everything that training can be told, as frozen dataclasses read from one TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidSpecError
from napari_refvae.model.config import PRESETS

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
}
"""What the settings that are words may say."""


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Factor of each loss term; 0 leaves the term out and does not compute it.

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
    content_features: float = 0.0  # L1 on the deepest features that the feature network gives (v)
    low_resolution: float = 0.0  # L1 after down-sampling; nothing where samples are projected
    adversarial: float = 0.0  # what the adversary says (v)
    total_variation: float = 0.0
    grid: float = 0.0  # detail that repeats with the LR grid (v)
    kl_noise: float = 1e-3  # a spatial dimension
    kl_code: float = 1e-3  # a dimension of the global code

    @property
    def of_features(self) -> bool:
        """Whether a term needs features beside those of the perceptual ones."""
        return bool(self.style or self.content_features)

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
        if self.patch < SMALLEST_PATCH or self.faithful < 0 or self.vivid < 0 or not self.faithful + self.vivid:
            raise InvalidSpecError(
                f"expected patches of at least {SMALLEST_PATCH} LR pixels and at least one example a step; got "
                f"patch {self.patch}, faithful {self.faithful}, vivid {self.vivid}"
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
    precision: str = "auto"  # Lightning Fabric's word; auto: bf16-mixed where the hardware computes it natively
    perceptual_network: str = "features"
    style_target: str = "reference"
    adversary: str = "features"
    adversarial_loss: str = "hinge"
    latents: bool = True
    projected: bool = True

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise InvalidSpecError(f"expected a preset among {sorted(PRESETS)}; got {self.preset!r}")
        if not self.stages or abs(sum(stage.share for stage in self.stages) - 1) > 1e-6:
            raise InvalidSpecError("the stages' shares must add up to 1; mend them in the config file")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InvalidSpecError(f"expected {name} among {', '.join(known)}; got {getattr(self, name)!r}")
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
    stages = tuple(
        _build(StageConfig, {**stage, "weights": _build(LossWeights, stage.get("weights", {}))})
        for stage in values.pop("stages", [])
    )
    data = _build(DataConfig, values.pop("data", {}))
    return _build(TrainingConfig, {**values, "stages": stages, "data": data})


def _build(cls: type[Any], values: dict[str, Any]) -> Any:
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
