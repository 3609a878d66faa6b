"""Model files: safetensors whose metadata says which network it is and how it was trained."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from napari_refvae.errors import CheckpointError, OutputError
from napari_refvae.model.compact import CompactRefVAE
from napari_refvae.model.config import CompactConfig, ModelConfig, config_from_dict, config_to_dict

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from napari_refvae.model.doors import ReferenceVAE

__all__ = ["FORMAT", "CheckpointInfo", "build_model", "load_checkpoint", "read_info", "save_checkpoint", "sha256"]

FORMAT = "napari-refvae/1"


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What a model file says of itself; ``identity`` is the sha256 of the whole file."""

    preset: str
    config: ModelConfig
    training: dict[str, Any]
    identity: str


def build_model(config: ModelConfig) -> ReferenceVAE:
    """The network of a config with **random weights**; callers that want a trained one load a checkpoint."""
    if isinstance(config, CompactConfig):
        return CompactRefVAE(config)
    from napari_refvae.model.paper import PaperRefVAE

    return PaperRefVAE(config)


def save_checkpoint(
    path: Path,
    state: dict[str, Tensor],
    *,
    preset: str,
    config: ModelConfig,
    training: dict[str, Any],
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write a model file atomically, floating-point tensors as ``dtype``.

    Raises
    ------
    OutputError
        If the file cannot be written; nothing is left behind.
    """
    tensors = {name: (value.to(dtype) if value.is_floating_point() else value).cpu().contiguous() for name, value in state.items()}
    metadata = {
        "format": FORMAT,
        "preset": preset,
        "config": json.dumps(config_to_dict(config)),
        "training": json.dumps(training),
    }
    temporary = path.with_name(path.name + ".partial")
    try:
        save_file(tensors, temporary, metadata)
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"could not write the model to {path} ({error}); check the folder and its free space") from error


def read_info(path: Path) -> CheckpointInfo:
    """Read a model file's description.

    Raises
    ------
    CheckpointError
        If it is no model file of ours.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"expected a model file (safetensors) at {path}; it cannot be read ({error}): fetch or train it again"
        ) from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"expected a model file of format {FORMAT} at {path}; got format {metadata.get('format')!r}: "
            "the authors' files need `refvae convert` first"
        )
    try:
        config = config_from_dict(json.loads(metadata["config"]))
        training = json.loads(metadata.get("training", "{}"))
        return CheckpointInfo(metadata["preset"], config, training, sha256(path))
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"the description inside {path} is damaged ({error}): fetch or train it again") from error


def load_checkpoint(path: Path) -> tuple[ReferenceVAE, CheckpointInfo]:
    """Build the network that a model file describes and load its weights as float32, strictly.

    Raises
    ------
    CheckpointError
        If the file is damaged or of another kind, if a key is missing or unknown (it is named), or if
        a weight is not finite.
    """
    info = read_info(path)
    model = build_model(info.config)
    try:
        with safe_open(path, "pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"the weights in {path} cannot be read ({error}): fetch or train it again") from error
    load_strictly(model, state, path)
    return model.eval(), info


def load_strictly(model: ReferenceVAE, state: dict[str, Tensor], source: Path) -> None:
    """Load weights; a missing, unknown, misshapen or non-finite one is an error that names it."""
    expected = model.state_dict()
    missing, unknown = sorted(set(expected) - set(state)), sorted(set(state) - set(expected))
    if missing or unknown:
        raise CheckpointError(f"{source} does not fit its network: missing {missing or 'nothing'}, unknown {unknown or 'nothing'}")
    for name, value in state.items():
        if value.shape != expected[name].shape:
            raise CheckpointError(
                f"{source}: expected {name} of shape {tuple(expected[name].shape)}; got {tuple(value.shape)}"
            )
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise CheckpointError(f"{source}: {name} holds values that are not finite: fetch or train it again")
    model.load_state_dict(state)


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
