from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
import pytest
from app_model import Application
from napari._qt._qapp_model.qactions import init_qactions
from napari.components import ViewerModel
from napari.plugins import _initialize_plugins
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent
from sample_pictures import PHOTOGRAPH, TEXTURE

from napari_refvae import upscale_layer
from napari_refvae.engine.device import Choice
from napari_refvae.engine.forecasting import Costs, Forecast, Readiness
from napari_refvae.engine.result import FinishedSample, SuperResolutionResult
from napari_refvae.spec import Progress
from napari_refvae.widget.running.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path


READY = Readiness("compact", "compact", "0" * 64, Choice("cpu", "no GPU"), Choice("float32", "asked for"), 8, Costs(
    0, 0, 0, 0, 0
))  # fmt: skip


class FakeEngine(Engine):
    """Takes what the widget asks for, and answers without computing."""

    def __init__(self, make_result: Callable[..., Any]) -> None:
        self.calls: list[dict[str, Any]] = []
        self.prepared: list[bool] = []  # with matching or without
        self.forecasts: list[dict[str, Any]] = []  # what they were asked for
        self.make_result = make_result
        self.free = 2**40  # bytes
        self.pause_at: int | None = None  # before which sample to wait
        self.resume = threading.Event()
        self.error: Exception | None = None  # after the first sample
        self.problem: Exception | None = None  # of the model
        self.closed = False

    def prepare(self, model: str, device: str, precision: str, matching: bool = False) -> Readiness:
        self.prepared.append(matching)
        if self.problem is not None:
            raise self.problem
        return READY

    def options(self) -> tuple[list[str], list[str]]:
        return ["compact", "full"], ["cpu", "cuda:0"]

    def forecast(self, shape: tuple[int, ...], dtype: Any, **settings: Any) -> Forecast:
        self.forecasts.append(settings)
        return Forecast((96, 80), 4, 2**20, 3 * 2**20, tiles=2, seconds=42)

    def free_memory(self) -> int:
        return self.free

    def steps(self, **arguments: Any) -> Generator[Progress | FinishedSample, None, Any]:
        self.calls.append(arguments)
        region, image = arguments["region"], arguments["image"]
        lr = image if region is None else image[region.slices]
        count = arguments["samples"] * len(arguments["references"])
        result = self.make_result(lr, count, scale=arguments["scale"], faithful=arguments["faithful"])
        try:
            for index, sr in enumerate(result.sr):
                yield Progress(index, count, "decode", sample=index, samples=count, tile=0, tiles=3)
                while index == self.pause_at and not self.resume.wait(0.01):
                    yield Progress(index, count, "decode", sample=index, samples=count, tile=1, tiles=3)
                yield FinishedSample(index, sr, "none", index, 50.0)
                if self.error is not None:
                    raise self.error
        finally:
            self.closed = True
        return result


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


@pytest.fixture(scope="module")
def shared_viewer(qapp: Any) -> Iterator[Any]:
    """A real viewer for a whole module: opening one takes longer than all else here."""
    if Application.get_app("napari") is not None:  # it was told of the plugins, and napari's fixtures have forgotten it
        Application.destroy("napari")
        _initialize_plugins.cache_clear()
        init_qactions.cache_clear()
    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()
    del viewer
    for _ in range(2):  # napari's own fixture checks that no window is left over
        gc.collect()
        qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        qapp.processEvents()


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


@pytest.fixture
def engine(make_result: Callable[..., SuperResolutionResult]) -> Iterator[FakeEngine]:
    """An engine for a widget; whatever it is doing ends with the test."""
    fake = FakeEngine(make_result)
    yield fake
    fake.resume.set()


@pytest.fixture
def viewer() -> ViewerModel:
    """A small photograph and a texture, and no window."""
    model = ViewerModel()
    model.add_image(PHOTOGRAPH, rgb=True, name="photo", scale=(2, 2), translate=(5, 7), units=("um", "um"))
    model.add_image(TEXTURE, name="bark", contrast_limits=(100, 3000), units=("um", "um"))
    return model


@pytest.fixture
def run_layer(viewer: ViewerModel, tiny_model: Path) -> Callable[..., list[Any]]:
    """`upscale_layer` with the tiny network."""

    def run(layer: Any = "photo", references: Any = (), **settings: Any) -> list[Any]:
        return upscale_layer(viewer, layer, references, model=tiny_model, **settings)

    return run
