"""The training loop: devices and precision by Lightning Fabric, everything resumable.

A run lives in one folder: ``last.safetensors`` (the whole state), ``best.safetensors`` and
``model.safetensors`` (model files that the package loads), ``log.jsonl`` (one line a report), ``samples.png``
(the last sheet of examples) and ``tensorboard/``.
"""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from napari_refvae.errors import TrainingError
from napari_refvae.imageio.writing import output_errors
from napari_refvae.model.checkpoint import save_checkpoint
from napari_refvae.training.adversary import Adversary, PatchHeads, PixelJudge
from napari_refvae.training.ahead import Ahead
from napari_refvae.training.devices import open_fabric
from napari_refvae.training.drawing import draw_latents, draw_window
from napari_refvae.training.journal import Journal, Report, Tally
from napari_refvae.training.objective import TrainingNetwork, generator_loss
from napari_refvae.training.pace import Budget, Pace, TrainingProgress
from napari_refvae.training.perception import Perception
from napari_refvae.training.resuming import Best, best_so_far, naming_what_differs
from napari_refvae.training.start import BEST, MODEL, STATE, first_model
from napari_refvae.training.state import flatten_optimizer, load_state, restore_optimizer, save_state
from napari_refvae.training.watch import LossWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.model.config import ModelConfig
    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.training.config import TrainingConfig
    from napari_refvae.training.data import ExampleSource

__all__ = ["Trainer"]

log = logging.getLogger(__name__)


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
        Scores a model during training; by the first score, of which more is better, the best model is kept.
    sheet
        Shows a model's answers, ``(H, W, 3)`` uint8, whenever it is validated.
    feature_weights
        File of the feature network; by default VGG-19 is downloaded once, if a loss needs it.
    tensorboard
        Whether to write for TensorBoard, if it is installed.

    Raises
    ------
    TrainingError
        If the state in the folder cannot be read, or training should go on from nothing where it needs a start.
    MissingWeightsError
        If a network that judges samples must be fetched and cannot be.
    OutputError
        If the folder cannot be made.
    """

    def __init__(
        self,
        config: TrainingConfig,
        source: ExampleSource,
        folder: Path,
        *,
        start: Path | None = None,
        validate: Callable[[ReferenceVAE], dict[str, float]] | None = None,
        sheet: Callable[[ReferenceVAE], NDArray[np.uint8]] | None = None,
        feature_weights: Path | None = None,
        tensorboard: bool = True,
    ) -> None:
        self.config, self.source, self.folder = config, source, folder
        self.validate, self.sheet, self.started = validate, sheet, start is not None
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self.fabric = open_fabric(config.precision)
        torch.manual_seed(config.seed)
        model, self.preset = first_model(config, folder, source.scale, start, feature_weights)
        network = TrainingNetwork.told(config, model).train().to(memory_format=torch.channels_last)
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained, betas=config.betas, weight_decay=config.weight_decay)
        self.ema = copy.deepcopy(network.model).to(self.fabric.device).eval()
        self.network, self.optimizer = self.fabric.setup(network, optimizer)
        self.perception = Perception(config, self.ema, feature_weights, self.fabric.device)
        self.adversary = self._adversary()
        self.examples = Ahead(source, self.fabric.global_rank, self.fabric.device)
        self.journal, self.watch = Journal(folder, tensorboard=tensorboard), LossWatch()
        self.step, self.best = 0, Best()
        self._resume()

    def _adversary(self) -> Adversary | None:
        if not any(stage.weights.adversarial for stage in self.config.stages):
            return None
        if self.config.adversary == "patchgan":
            return Adversary(PixelJudge(), self.fabric, self.config.adversarial_loss)
        assert self.perception.features is not None
        return Adversary(PatchHeads(self.perception.features.widths), self.fabric, self.config.adversarial_loss)

    def run(
        self,
        budget: Budget,
        *,
        report: Callable[[Report], None] = lambda _: None,
        progress: Callable[[TrainingProgress], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
        report_every: int = 100,
        save_minutes: float = 4,
        validate_minutes: float = 12,
    ) -> None:
        """Train until the budget or the last step is reached, or somebody stops it; save on the way and at the end.

        Raises
        ------
        TrainingError
            If the loss is not finite or has run away; the last good state stays on disk.
        OutputError
            If the disk is full or may not be written to; what was saved last stays.
        """
        if self.started and self.step == 0:
            self._validate()  # what it was before
        pace = Pace(budget)
        saved = validated = pace.last
        tally = Tally()
        while self.step < self.config.steps and self._agree(pace.within_budget and not should_stop()):
            tally.add(self._step())
            self.step += 1
            pace.tick()
            if self.fabric.is_global_zero:
                stage, _ = self.config.stage_at(self.step)
                progress(pace.progress(self.step, self.config.steps, stage.name, tally.means["loss"]))
            if self.step % report_every == 0 or self.step == self.config.steps:
                self._report(tally, pace, report)
            if pace.last - saved > 60 * save_minutes and self.watch.calm:
                self.save()
                saved = time.monotonic()
            if pace.last - validated > 60 * validate_minutes:
                self._validate()
                validated = time.monotonic()
            pace.resume()
        self._end(lambda: self._report(tally, pace, report))

    def _end(self, report_rest: Callable[[], None]) -> None:
        """Save before anything that may take long or fail, unless what is running away would replace a good state."""
        good = self.watch.calm or not (self.folder / STATE).exists()
        if good:
            self.save()
        else:
            log.warning("the loss was far above what was usual at step %d: the state before is kept", self.step)
        report_rest()
        if self._validate() and good:
            self.save()
        self.journal.close()

    def _step(self) -> dict[str, float]:
        config, fabric = self.config, self.fabric
        stage, rate = config.stage_at(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        rank, batch = fabric.global_rank, self.examples.batch(self.step)
        samples = config.samples + self._module.extra
        outputs = self.network(batch, draw_latents(config, self.ema.layout, batch, samples, self.step, rank))
        with fabric.autocast():
            window = draw_window(config, batch.hr.shape[-1], self.step, rank)
            views = self.perception.see(stage.weights, outputs.prior, batch.vivid, window)
            loss, terms = generator_loss(outputs, batch, stage.weights, config, self.step, views)
            if views.judged is not None and self.adversary is not None:
                adversarial = self.adversary.generator_term(views.judged, batch.vivid.vividness)
                loss = loss + stage.weights.adversarial * adversarial
                terms["adversarial"] = adversarial.detach()
        whole = float(fabric.all_reduce(loss.detach()))  # type: ignore[arg-type]
        self.watch.see(stage.name, whole)
        self._stop_if_diverged()
        self.optimizer.zero_grad(set_to_none=True)
        fabric.backward(loss)
        norm = fabric.clip_gradients(self.network, self.optimizer, max_norm=config.clip, error_if_nonfinite=False)
        finite = norm is None or bool(torch.isfinite(norm))
        if finite:
            self.optimizer.step()
        self.watch.see_gradients(finite=finite)
        self._stop_if_diverged()
        if views.judged is not None and self.adversary is not None:
            terms |= self.adversary.step(views.judged, 2 * rate)
        self._average()
        return {name: float(value) for name, value in terms.items()} | {"loss": whole}

    def _stop_if_diverged(self) -> None:
        """Stop a run that has gone wrong, before its state is saved."""
        if self.watch.diverged:
            kept = self.folder / STATE
            where = (
                f"the last good state is in {kept}: resume" if kept.exists() else "nothing was saved yet: begin again"
            )
            raise TrainingError(f"{self.watch.trouble} at step {self.step}; {where} with a smaller learning rate")

    def _agree(self, wish: bool) -> bool:
        """What the first process wishes, known to all: they must make the same number of steps."""
        return bool(self.fabric.broadcast(wish)) if self.fabric.world_size > 1 else wish

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        pairs = zip(self.ema.parameters(), self._module.model.parameters(), strict=True)
        averages, values = (list(column) for column in zip(*pairs, strict=True))
        torch._foreach_lerp_(averages, values, 1 - decay)
        for average, value in zip(self.ema.buffers(), self._module.model.buffers(), strict=True):
            average.copy_(value)  # what batch normalisation has counted is an average already

    @property
    def _module(self) -> TrainingNetwork:
        return self.network.module

    def save(self) -> None:
        """Write the run's state, and the averaged weights as a model file."""
        if not self.fabric.is_global_zero:
            return
        parts = {"network": self._module.state_dict(), "ema": self.ema.state_dict()}
        parts["optimizer"] = flatten_optimizer(self.optimizer)
        if self.adversary is not None:
            parts |= self.adversary.state()
        if self.perception.own is not None:
            parts["features"] = self.perception.own.state_dict()
        metadata = {"step": self.step, "best": self.best.score, "best_by": self.best.by, "config": asdict(self.config)}
        save_state(self.folder / STATE, parts, metadata)
        self._export(MODEL, {})

    def _export(self, name: str, scores: dict[str, float]) -> None:
        training = {"steps": self.step, "scores": scores, "config": asdict(self.config)}
        config: ModelConfig = self.ema.config  # type: ignore[assignment]
        save_checkpoint(self.folder / name, self.ema.state_dict(), preset=self.preset, config=config, training=training)

    def _resume(self) -> None:
        path = self.folder / STATE
        if not path.exists():
            return
        parts, metadata = load_state(path)
        with naming_what_differs(path, metadata, self.config):
            self._restore(parts)
            self.step, self.best = int(metadata["step"]), best_so_far(self.folder / BEST, metadata)
        log.info("resumed %s at step %d", path, self.step)

    def _restore(self, parts: dict[str, dict[str, Tensor]]) -> None:
        """Put back what `save` took; an optimiser that has made no step has no tensors."""
        self._module.load_state_dict(parts["network"])
        self.ema.load_state_dict(parts["ema"])
        restore_optimizer(self.optimizer, parts.get("optimizer", {}))
        if self.adversary is not None:
            self.adversary.restore(parts)
        if self.perception.own is not None:
            self.perception.own.load_state_dict(parts["features"])

    def _validate(self) -> bool:
        """Score the averaged weights; whether they are the best so far, and so were kept."""
        if not self.fabric.is_global_zero:
            return False
        if self.sheet is not None:
            self.journal.picture(self.step, self.sheet(self.ema))
        if self.validate is None:
            return False
        scores = self.validate(self.ema)
        self.journal.scores(self.step, scores)
        by, score = next(iter(scores.items()))
        better = self.best.is_beaten(score, by)
        if better:
            self._export(BEST, scores)
            self.best = Best(score, by)
        return better

    def _report(self, tally: Tally, pace: Pace, report: Callable[[Report], None]) -> None:
        """Write and tell what has not been reported yet, if there is anything."""
        if terms := tally.take():
            stage, rate = self.config.stage_at(self.step)
            entry = Report(self.step, self.config.steps, stage.name, rate, pace.seconds_a_step, terms)
            if self.fabric.is_global_zero:
                self.journal.report(entry)
                report(entry)
