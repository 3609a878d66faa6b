"""The training loop: devices and precision by Lightning Fabric, everything resumable.

A run lives in one folder: ``last.safetensors`` (the whole state), ``best.safetensors`` and
``model.safetensors`` (model files that the package loads), ``log.jsonl`` (one line a report).
"""

from __future__ import annotations

import copy
import json
import logging
import math
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning.fabric import Fabric

from napari_refvae.errors import TrainingError
from napari_refvae.model.checkpoint import build_model, load_checkpoint, save_checkpoint
from napari_refvae.model.config import PRESETS
from napari_refvae.model.features import FeatureNetwork
from napari_refvae.model.precision import has_native_bf16
from napari_refvae.spec import Region
from napari_refvae.training.adversary import Adversary
from napari_refvae.training.objective import Drawn, TrainingNetwork, generator_loss
from napari_refvae.training.perception import look
from napari_refvae.training.state import flatten_optimizer, load_state, restore_optimizer, save_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.training.config import LossWeights, TrainingConfig
    from napari_refvae.training.data import Batch, ExampleSource
    from napari_refvae.training.perception import Seen

__all__ = ["Budget", "Report", "Trainer"]

log = logging.getLogger(__name__)

WINDOW_STREAM = 1
"""Tells the random numbers of the feature window from those of the examples."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a process may train; a run ends at the config's last step at the latest."""

    minutes: float = math.inf


@dataclass(frozen=True, slots=True)
class Report:
    """Means of the loss terms since the last report."""

    step: int
    steps: int
    stage: str
    learning_rate: float
    seconds_a_step: float
    terms: dict[str, float]


class Trainer:
    """Trains one model in one folder.

    Parameters
    ----------
    config
        What to train and how.
    source
        Where examples come from.
    folder
        The run's folder; a state found there is resumed.
    start
        A model file to start from, if no state is there.
    validate
        Scores a model during training (greater is better); the best one is kept.
    """

    def __init__(
        self,
        config: TrainingConfig,
        source: ExampleSource,
        folder: Path,
        *,
        start: Path | None = None,
        validate: Callable[[ReferenceVAE], dict[str, float]] | None = None,
        feature_weights: Path | None = None,
        devices: int | str = "auto",
    ) -> None:
        self.config, self.source, self.folder, self.validate = config, source, folder, validate
        folder.mkdir(parents=True, exist_ok=True)
        self.fabric = _fabric(config.precision, devices)
        torch.manual_seed(config.seed)
        model = load_checkpoint(start)[0] if start else build_model(PRESETS[config.preset])
        network = TrainingNetwork(model).to(memory_format=torch.channels_last)  # type: ignore[arg-type]
        optimizer = torch.optim.AdamW(network.parameters(), betas=config.betas, weight_decay=config.weight_decay)
        self.ema = copy.deepcopy(network.model).to(self.fabric.device).eval()
        self.network, self.optimizer = self.fabric.setup(network, optimizer)
        self.features: FeatureNetwork | None = None
        self.adversary: Adversary | None = None
        if any(_needs_features(stage.weights) for stage in config.stages):
            self.features = FeatureNetwork.load(feature_weights).to(self.fabric.device)
        if any(stage.weights.adversarial for stage in config.stages) and self.features is not None:
            self.adversary = Adversary(self.features.widths, self.fabric)
        self.step, self.best = 0, -math.inf
        self._resume()

    def run(
        self,
        budget: Budget,
        *,
        report: Callable[[Report], None],
        report_every: int = 100,
        save_minutes: float = 4,
        validate_minutes: float = 12,
    ) -> None:
        """Train until the budget or the last step is reached; save on the way and at the end.

        Raises
        ------
        TrainingError
            If the loss is not finite; the last good state stays on disk.
        """
        begin = saved = validated = mark = time.monotonic()
        totals: dict[str, float] = {}
        marked = self.step
        while self.step < self.config.steps and self._agree(time.monotonic() - begin < 60 * budget.minutes):
            for name, value in self._step().items():
                totals[name] = totals.get(name, 0.0) + value
            self.step += 1
            now = time.monotonic()
            if self.step % report_every == 0 or self.step == self.config.steps:
                count = self.step - marked
                terms = {name: value / count for name, value in totals.items()}
                stage, rate = self.config.stage_at(self.step)
                self._emit(Report(self.step, self.config.steps, stage.name, rate, (now - mark) / count, terms), report)
                totals, marked, mark = {}, self.step, now
            if now - validated > 60 * validate_minutes:
                self._validate()
                validated = time.monotonic()
            if now - saved > 60 * save_minutes:
                self.save()
                saved = now
        self._validate()
        self.save()

    def _step(self) -> dict[str, float]:
        config, fabric = self.config, self.fabric
        stage, rate = config.stage_at(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = self.source.batch(self.step, fabric.global_rank).to(fabric.device)
        drawn = self._draw(batch)
        outputs = self.network(batch, drawn)
        with fabric.autocast():
            seen = self._look(stage.weights, outputs.samples[1:], batch)
            loss, terms = generator_loss(outputs, batch, stage.weights, config, self.step, seen)
            if seen is not None and self.adversary is not None and stage.weights.adversarial:
                adversarial = self.adversary.generator_term(seen, batch.vivid.vividness)
                loss = loss + stage.weights.adversarial * adversarial
                terms["adversarial"] = adversarial.detach()
        whole: Tensor = fabric.all_reduce(loss.detach())  # type: ignore[assignment]
        if not torch.isfinite(whole):
            raise TrainingError(
                f"the loss became {whole.item()} at step {self.step}; the last good state is in {self.folder}: "
                "resume with a smaller learning rate"
            )
        self.optimizer.zero_grad(set_to_none=True)
        fabric.backward(loss)
        norm = fabric.clip_gradients(self.network, self.optimizer, max_norm=config.clip, error_if_nonfinite=False)
        if norm is None or torch.isfinite(norm):
            self.optimizer.step()
        if "adversarial" in terms and seen is not None and self.adversary is not None:
            terms |= self.adversary.step(seen, 2 * rate)
        self._average()
        return {name: float(value) for name, value in terms.items()} | {"loss": float(whole)}

    def _agree(self, wish: bool) -> bool:
        """What the first process wishes, known to all: they must make the same number of steps."""
        return bool(self.fabric.broadcast(wish)) if self.fabric.world_size > 1 else wish

    def _look(self, weights: LossWeights, samples: Tensor, batch: Batch) -> Seen | None:
        if self.features is None or not _needs_features(weights):
            return None
        return look(self.features, samples, batch.vivid, self.ema.scale, self._window(samples.shape[-1]))

    def _window(self, side: int) -> Region:
        """Where the feature terms look this step."""
        size = min(self.config.data.feature_crop or side, side)
        rng = np.random.default_rng([self.config.seed, self.step, self.fabric.global_rank, WINDOW_STREAM])
        y, x = (int(offset) for offset in rng.integers(side - size + 1, size=2))
        return Region(y, x, size, size)

    def _draw(self, batch: Batch) -> Drawn:
        layout, grid = self.ema.layout, batch.lr.shape[-2:]
        entropy = np.random.SeedSequence([self.config.seed, self.step, self.fabric.global_rank])
        generator = torch.Generator().manual_seed(int(entropy.generate_state(1, np.uint64)[0]) & (2**63 - 1))
        vivid = len(batch.vivid.vividness)
        samples, faithful = (self.config.samples + 1, vivid), (len(batch.vividness) - vivid,)
        shapes = [(*lead, *rest) for lead in (samples, faithful) for rest in ((layout.code,), (layout.noise, *grid))]
        return Drawn(*(torch.randn(shape, generator=generator).to(batch.lr.device) for shape in shapes))

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        pairs = zip(self.ema.parameters(), self._module.model.parameters(), strict=True)
        averages, values = (list(column) for column in zip(*pairs, strict=True))
        torch._foreach_lerp_(averages, values, 1 - decay)

    @property
    def _module(self) -> TrainingNetwork:
        return self.network.module

    def save(self) -> None:
        """Write the run's state, and the averaged weights as a model file."""
        if not self.fabric.is_global_zero:
            return
        parts = {
            "network": self._module.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": flatten_optimizer(self.optimizer),
        }
        if self.adversary is not None:
            parts |= self.adversary.state()
        save_state(self.folder / "last.safetensors", parts, {"step": self.step, "best": self.best})
        self._export("model.safetensors", {})

    def _export(self, name: str, scores: dict[str, float]) -> None:
        training = {"steps": self.step, "scores": scores, "config": asdict(self.config)}
        state, preset = self.ema.state_dict(), self.config.preset
        save_checkpoint(self.folder / name, state, preset=preset, config=self.ema.config, training=training)

    def _resume(self) -> None:
        path = self.folder / "last.safetensors"
        if not path.exists():
            return
        parts, metadata = load_state(path)
        self._module.load_state_dict(parts["network"])
        self.ema.load_state_dict(parts["ema"])
        restore_optimizer(self.optimizer, parts["optimizer"])
        if self.adversary is not None:
            self.adversary.restore(parts)
        self.step, self.best = metadata["step"], metadata["best"]
        log.info("resumed %s at step %d", path, self.step)

    def _validate(self) -> None:
        if self.validate is None or not self.fabric.is_global_zero:
            return
        scores = self.validate(self.ema)
        self._write({"step": self.step, "scores": scores})
        score = next(iter(scores.values()))
        if score > self.best:
            self.best = score
            self._export("best.safetensors", scores)

    def _emit(self, entry: Report, report: Callable[[Report], None]) -> None:
        if self.fabric.is_global_zero:
            self._write(asdict(entry))
            report(entry)

    def _write(self, entry: dict[str, Any]) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def _needs_features(weights: LossWeights) -> bool:
    return any((weights.perceptual, weights.local_best, weights.style, weights.adversarial))


def _fabric(precision: str, devices: int | str) -> Fabric:
    """Fabric on the best accelerator; under ``torchrun``, with as many processes as that started."""
    started = os.environ.get("LOCAL_WORLD_SIZE")
    if started is not None:
        devices = int(started)
    if precision == "auto":
        native = has_native_bf16(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
        precision = "bf16-mixed" if native else "32-true"
    fabric = Fabric(precision=precision, devices=devices, strategy="auto")  # type: ignore[arg-type]
    fabric.launch()
    return fabric
