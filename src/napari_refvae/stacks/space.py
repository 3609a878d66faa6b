"""What a streamed run takes on the disk, as far as it can be known before: as if nothing were compressed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_refvae.imageio.pyramids import coarsened, level_factors
from napari_refvae.imageio.zarrwriting import CHUNK
from napari_refvae.stacks.noise import FILE, field_bytes
from napari_refvae.stacks.stage import count_made, stage_of
from napari_refvae.stacks.streaming import identify, list_places

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from napari_refvae.imageio.layout import Layout
    from napari_refvae.stacks.planning import PlannedStack

__all__ = ["pyramid_bytes", "streamed_bytes"]


def pyramid_bytes(layout: Layout, dtype: np.dtype[np.generic], scale: int) -> int:
    """Bytes of one result and its coarser levels.

    Parameters
    ----------
    layout, dtype
        Of the result.
    scale
        How much larger it is than its input.
    """
    factors = level_factors(layout.size, scale, CHUNK)
    return sum(math.prod(coarsened(layout, factor).shape) for factor in factors) * dtype.itemsize


def streamed_bytes(plan: PlannedStack, folder: Path, *, resume: bool) -> int:
    """Bytes that a run would add to those that its stage in a folder holds now; negative if it would free some.

    The results, and the noise of the sample that is being made. A run that resumes adds the pieces that are not made;
    one that does not clears its stage first.
    """
    wanted = identify(plan)
    stage = stage_of(folder, wanted)
    noise = field_bytes(plan.model.network.layout, plan.source.layout.size)
    images = len(plan.images) * pyramid_bytes(plan.layout, plan.source.dtype, plan.scale)
    if not resume:
        return images + noise - _stored(stage)
    pieces = len(plan.images) * len(list_places(plan))
    return images * (pieces - count_made(folder, wanted)) // pieces + noise - _stored(stage / FILE)


def _stored(path: Path) -> int:
    """Bytes of a file, or of all that lies in a folder."""
    found = path.rglob("*") if path.is_dir() else (path,)
    return sum(inner.stat().st_size for inner in found if inner.is_file())
