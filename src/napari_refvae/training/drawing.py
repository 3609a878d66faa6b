"""The random numbers of a step: they depend on seed, step and process alone, and are the same on every device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_refvae.spec import Region
from napari_refvae.training.objective import Drawn

if TYPE_CHECKING:
    from napari_refvae.model.doors import LatentLayout
    from napari_refvae.training.config import TrainingConfig
    from napari_refvae.training.data import Batch

__all__ = ["draw_latents", "draw_window"]

WINDOW_STREAM = 1
"""Tells the random numbers of the feature window from those of the latents."""


def draw_latents(
    config: TrainingConfig, layout: LatentLayout, batch: Batch, samples: int, step: int, rank: int
) -> Drawn:
    """Draw standard normal numbers for ``samples`` samples of each vivid example and one of each faithful one."""
    grid, vivid = batch.lr.shape[-2:], len(batch.vivid.vividness)
    entropy = np.random.SeedSequence([config.seed, step, rank])
    generator = torch.Generator().manual_seed(int(entropy.generate_state(1, np.uint64)[0]) & (2**63 - 1))
    leads = (samples, vivid), (len(batch.vividness) - vivid,)
    shapes = [(*lead, *rest) for lead in leads for rest in ((layout.code,), (layout.noise, *grid))]
    amount = float(config.latents)
    return Drawn(*(amount * torch.randn(shape, generator=generator).to(batch.lr.device) for shape in shapes))


def draw_window(config: TrainingConfig, side: int, step: int, rank: int) -> Region:
    """Where the feature terms look this step, in patches of ``side`` HR pixels."""
    size = min(config.data.feature_crop or side, side)
    rng = np.random.default_rng([config.seed, step, rank, WINDOW_STREAM])
    y, x = (int(offset) for offset in rng.integers(side - size + 1, size=2))
    return Region(y, x, size, size)
