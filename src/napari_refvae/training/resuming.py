"""What a run finds in its folder when it goes on: its best score so far, and why a state does not fit."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_refvae.errors import CheckpointError, TrainingError
from napari_refvae.model.checkpoint import read_info

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_refvae.training.config import TrainingConfig

__all__ = ["Best", "best_so_far", "naming_what_differs"]

SHAPING = ("preset", "perceptual_network", "adversary", "latents")
"""Settings that say which tensors a state holds; all others may change while a run goes on."""


class Best(NamedTuple):
    """The best score of a run, and which figure it is of."""

    score: float = -math.inf
    by: str = ""

    def is_beaten(self, score: float, by: str) -> bool:
        """Whether a score is better, or of another figure and cannot be compared; one not finite beats none."""
        comparable = by == self.by and math.isfinite(self.score)
        return math.isfinite(score) and (score > self.score or not comparable)


def best_so_far(model: Path, metadata: dict[str, Any]) -> Best:
    """The score that the best model's file tells of itself.

    The state may be older than that file, so what its ``metadata`` says counts only where the file says nothing.
    Without the file there is no best model.
    """
    if not model.exists():
        return Best()
    try:
        by, score = next(iter(read_info(model).training["scores"].items()))
        return Best(float(score), by)
    except (CheckpointError, KeyError, AttributeError, StopIteration):
        return Best(float(metadata["best"]), metadata.get("best_by", ""))


@contextmanager
def naming_what_differs(path: Path, metadata: dict[str, Any], config: TrainingConfig) -> Iterator[None]:
    """Say what does not fit if the state at ``path`` cannot be put back.

    Raises
    ------
    TrainingError
        If it cannot.
    """
    try:
        yield
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise TrainingError(
            f"the state in {path} is not one of this config ({_difference(metadata, config)}); "
            "choose another output folder, or the config that began there"
        ) from error


def _difference(metadata: dict[str, Any], config: TrainingConfig) -> str:
    """Which settings that shape a state differ from those it was saved with, as far as it tells them."""
    kept, given = metadata.get("config"), json.loads(json.dumps(asdict(config)))
    if not isinstance(kept, dict):
        return f"preset {config.preset}, perceptual_network {config.perceptual_network}, adversary {config.adversary}"
    differing = [name for name in SHAPING if kept.get(name) != given[name]]
    told = [f"{name} was {kept.get(name)!r} and is {given[name]!r}" for name in differing]
    return ", ".join(told) or "its settings are the same, but its tensors are not"
