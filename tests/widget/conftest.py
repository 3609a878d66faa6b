from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_refvae.engine.result import FinishedSample, SuperResolutionResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _result(
    lr: np.ndarray[Any, Any], samples: int = 2, reference: str = "none", scale: int = 8, faithful: bool = False
) -> SuperResolutionResult:
    """Sample ``k`` (from 1) is ``k`` everywhere, bicubic and faithful image are 0."""
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
        faithful=bicubic if faithful else None,
    )


def _finished(result: SuperResolutionResult) -> list[FinishedSample]:
    """The samples of a result, as the engine hands them out one by one."""
    return [
        FinishedSample(index, sr, result.references[index], result.seeds[index], result.lr_psnr[index])
        for index, sr in enumerate(result.sr)
    ]


@pytest.fixture(scope="session")
def make_result() -> Callable[..., SuperResolutionResult]:
    """Results that no network made."""
    return _result


@pytest.fixture(scope="session")
def finished_of() -> Callable[[SuperResolutionResult], list[FinishedSample]]:
    """The finished samples of a result."""
    return _finished


@pytest.fixture
def messages() -> Iterator[list[tuple[str, str]]]:
    """Severity and text of what reaches napari's notifications."""
    found: list[tuple[str, str]] = []

    def keep(notification: Any) -> None:
        found.append((str(notification.severity.value), notification.message))

    notification_manager.notification_ready.connect(keep)
    yield found
    notification_manager.notification_ready.disconnect(keep)
