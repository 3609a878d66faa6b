"""Models, put on devices and measured: each once, however often they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from napari_refvae.engine.forecasting import Costs, measure_costs
from napari_refvae.engine.upscaler import Upscaler
from napari_refvae.model.checkpoint import CheckpointInfo, load_checkpoint
from napari_refvae.model.zoo import MODELS, find_model

if TYPE_CHECKING:
    from pathlib import Path

    from napari_refvae.model.doors import ReferenceVAE

__all__ = ["LoadedModel", "load_costs", "load_model", "load_upscaler"]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A network with its weights, and what its file says of itself."""

    network: ReferenceVAE
    info: CheckpointInfo
    name: str


def load_model(model: str | Path | LoadedModel = "compact") -> LoadedModel:
    """Load a model by name (see ``refvae models``) or from a file; a loaded one is returned as it is.

    Raises
    ------
    UnknownModelError, MissingWeightsError, CheckpointError
        If there is no such model, its weights are not here, or its file is damaged.
    """
    if isinstance(model, LoadedModel):
        return model
    path = find_model(str(model))
    name = str(model) if str(model) in MODELS else str(path.resolve())
    return _load(path, path.stat().st_mtime_ns, name)


@lru_cache(maxsize=4)
def _load(path: Path, modified: int, name: str) -> LoadedModel:
    network, info = load_checkpoint(path)
    return LoadedModel(network, info, name)


@lru_cache(maxsize=2)
def load_upscaler(model: LoadedModel, device: str, precision: str) -> Upscaler:
    """A model on a device; the last two stay there.

    Raises
    ------
    DeviceError, InvalidSpecError
        If the device is not there, or the precision is none.
    """
    return Upscaler(model.network, device=device, precision=precision)


@lru_cache(maxsize=4)
def load_costs(upscaler: Upscaler) -> Costs:
    """What a pixel costs there."""
    return measure_costs(upscaler)
