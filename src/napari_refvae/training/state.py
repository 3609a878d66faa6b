"""The state of a run on disk: tensors in safetensors, the rest as JSON in its metadata. No pickle.

Written to a temporary name and renamed, so a kill at any moment leaves the last good state.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from napari_refvae.errors import OutputError, TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor
    from torch.optim import Optimizer

__all__ = ["flatten_optimizer", "load_state", "restore_optimizer", "save_state"]


def save_state(path: Path, parts: dict[str, dict[str, Tensor]], metadata: dict[str, Any]) -> None:
    """Write named groups of tensors and JSON-ready metadata atomically.

    Raises
    ------
    OutputError
        If the file cannot be written; the last one stays.
    """
    tensors = {
        f"{part}/{name}": value.detach().cpu().contiguous()
        for part, group in parts.items()
        for name, value in group.items()
    }
    temporary = path.with_suffix(".partial")
    try:
        save_file(tensors, temporary, {"state": json.dumps(metadata)})
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"could not write the run's state to {path} ({error}); check its free space") from error
    finally:
        temporary.unlink(missing_ok=True)


def load_state(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """Read what `save_state` wrote.

    Raises
    ------
    TrainingError
        If the file is damaged or of another kind.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, "pt") as file:
            metadata = json.loads((file.metadata() or {})["state"])
            for key in file.keys():  # noqa: SIM118 (not a mapping)
                part, name = key.split("/", 1)
                parts.setdefault(part, {})[name] = file.get_tensor(key)
    except (SafetensorError, KeyError, OSError, ValueError) as error:
        raise TrainingError(
            f"expected a training state at {path}; it cannot be read ({error}): delete it to start anew"
        ) from error
    return parts, metadata


def flatten_optimizer(optimizer: Optimizer) -> dict[str, Tensor]:
    """Per-parameter tensors of an optimiser, as ``index.name``."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value) for index, entry in state.items() for name, value in entry.items()
    }


def restore_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `flatten_optimizer` took; parameters that are not trained any more come last, and are left out."""
    count = sum(len(group["params"]) for group in optimizer.param_groups)
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        if int(index) < count:
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
