"""What the widget asks of the package. Everything here loads torch, so it is called off the GUI thread first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_refvae.engine.forecasting import Forecast, Readiness
    from napari_refvae.engine.result import FinishedSample, SuperResolutionResult
    from napari_refvae.spec import Progress

__all__ = ["Engine"]

PROBE = 64, 64
"""Height and width of an image, and of a reference that is large enough to copy from."""


class Engine:
    """The package's API behind five calls, so that tests can put another in its place."""

    def prepare(self, model: str, device: str, precision: str, matching: bool = False) -> Readiness:
        """Load torch and a model, choose device and precision, and measure their speed; a second time at once.

        With ``matching`` also how fast detail is copied from references.
        """
        from napari_refvae import api

        ready = api.prepare(model, device, precision)
        if matching:  # forecasts with it measure once
            api.forecast(PROBE, "uint8", matching=[PROBE], model=model, device=device, precision=precision)
        return ready

    def options(self) -> tuple[list[str], list[str]]:
        """Names of the models whose weights are here, and the devices."""
        import torch

        from napari_refvae.model.zoo import list_models

        devices = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
        if torch.backends.mps.is_available():
            devices.append("mps")
        return [model.name for model in list_models() if model.available], ["cpu", *devices]

    def forecast(self, shape: tuple[int, ...], dtype: Any, **settings: Any) -> Forecast:
        """What a run would make and take; at once if its model was prepared."""
        from napari_refvae import api

        return api.forecast(shape, dtype, **settings)

    def free_memory(self) -> int:
        """Bytes of the computer's memory that a run may take; a GPU's own is none of it."""
        import torch

        from napari_refvae.engine.device import free_memory

        return free_memory(torch.device("cpu"))

    def steps(self, **arguments: Any) -> Generator[Progress | FinishedSample, None, SuperResolutionResult]:
        """The run."""
        from napari_refvae import api

        return api.steps(**arguments)
