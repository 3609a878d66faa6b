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
    adversarial: float = 0.0  # hinge on frozen features (v)
    total_variation: float = 0.0
    kl_noise: float = 1e-3  # a spatial dimension
    kl_code: float = 1e-3  # a dimension of the global code


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


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """A whole training run."""

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

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise InvalidSpecError(f"expected a preset among {sorted(PRESETS)}; got {self.preset!r}")
        if not self.stages or abs(sum(stage.share for stage in self.stages) - 1) > 1e-6:
            raise InvalidSpecError("the stages' shares must add up to 1; mend them in the config file")

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
