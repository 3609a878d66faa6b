from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_refvae.engine.result import SuperResolutionResult

if TYPE_CHECKING:
    from collections.abc import Callable


def _result(lr: np.ndarray, samples: int = 2, reference: str = "none", scale: int = 8) -> SuperResolutionResult:
    """Sample ``k`` (from 1) is ``k`` everywhere."""
    bicubic = np.zeros_like(lr).repeat(scale, axis=0).repeat(scale, axis=1)
    return SuperResolutionResult(
        sr=np.stack([np.full_like(bicubic, index + 1) for index in range(samples)]),
        lr=lr,
        bicubic=bicubic,
        references=(reference,) * samples,
        seeds=tuple(range(samples)),
        lr_psnr=(50.0,) * samples,
        provenance={"format": "test"},
        scale=scale,
    )


@pytest.fixture(scope="session")
def make_result() -> Callable[..., SuperResolutionResult]:
    """Results that no network made."""
    return _result
