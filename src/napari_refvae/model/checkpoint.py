"""Model files: safetensors whose metadata says which network it is and how it was trained.

Files of others are read as plain tensors, too; nothing here ever executes a pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from napari_refvae.errors import CheckpointError, OutputError
from napari_refvae.model.cache import sha256
from napari_refvae.model.compact import CompactRefVAE
from napari_refvae.model.config import CompactConfig, ModelConfig, config_from_dict, config_to_dict
from napari_refvae.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor

    from napari_refvae.model.doors import ReferenceVAE

__all__ = [
    "FORMAT",
    "CheckpointInfo",
    "build_model",
    "check_state",
    "list_names",
    "load_checkpoint",
    "read_info",
    "read_tensors",
    "save_checkpoint",
    "sha256",
]

FORMAT = "napari-refvae/1"

HASH = "sha256"
"""Entry of the description with the hash of the rest; files of before it was introduced have none."""


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What a model file says of itself; ``identity`` is the sha256 of the whole file."""

    preset: str
    config: ModelConfig
    training: dict[str, Any]
    identity: str


def build_model(config: ModelConfig) -> ReferenceVAE:
    """Build the network of a config with **random weights**; callers that want a trained one load a checkpoint."""
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
    """Write a model file atomically, floating-point tensors as ``dtype``, with a hash of all that is in it.

    Raises
    ------
    OutputError
        If the file cannot be written; nothing is left behind.
    """
    tensors = {
        name: (value.to(dtype) if value.is_floating_point() else value).cpu().contiguous()
        for name, value in state.items()
    }
    metadata = {
        "format": FORMAT,
        "version": installed_version(),
        "preset": preset,
        "config": json.dumps(config_to_dict(config)),
        "training": json.dumps(training),
    }
    metadata[HASH] = _content_hash(tensors, metadata)
    temporary = path.with_name(path.name + ".partial")
    try:
        save_file(tensors, temporary, metadata)
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise OutputError(
            f"could not write the model to {path} ({error}); check the folder and its free space"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def read_info(path: Path) -> CheckpointInfo:
    """Read a model file's description.

    Raises
    ------
    CheckpointError
        If it is no model file of ours.
    """
    metadata = _metadata(path)
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"expected a model file of format {FORMAT} at {path}; got format {metadata.get('format')!r}: "
            "the authors' files need `refvae convert` first"
        )
    try:
        config = config_from_dict(json.loads(metadata["config"]))
        training = dict(json.loads(metadata.get("training", "{}")))
        return CheckpointInfo(metadata["preset"], config, training, sha256(path))
    except (KeyError, TypeError, ValueError, OSError, RecursionError) as error:
        raise CheckpointError(f"the description inside {path} is damaged ({error}): fetch or train it again") from error


def _metadata(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"expected a model file (safetensors) at {path}; it cannot be read ({error}): "
            "fetch or train it again, or run `refvae convert` if it is one of the authors' .pth files"
        ) from error


def load_checkpoint(path: Path) -> tuple[ReferenceVAE, CheckpointInfo]:
    """Build the network that a model file describes and load its weights as float32, strictly.

    Raises
    ------
    CheckpointError
        If the file is damaged (a single bit is noticed) or of another kind, if a key is missing or unknown (it
        is named), or if a weight is not finite.
    """
    info, metadata = read_info(path), _metadata(path)
    state = _read_safetensors(path)
    if metadata.get(HASH, "") not in ("", _content_hash(state, metadata)):
        raise CheckpointError(f"what is in {path} is not what was written there: fetch or train it again")
    with torch.device("meta"):
        model = build_model(info.config)  # shapes only: no time is spent on random weights
    expected = model.state_dict()
    check_state(expected, state, path)
    own = {name: value.to(expected[name].dtype, copy=True) for name, value in state.items()}  # not the file's memory
    model.load_state_dict(own, assign=True)
    return model.eval(), info


def check_state(expected: dict[str, Tensor], state: dict[str, Tensor], source: Path) -> None:
    """Compare weights with what a network expects.

    Raises
    ------
    CheckpointError
        If one is missing, unknown, misshapen or not finite; it is named.
    """
    missing, unknown = set(expected) - set(state), set(state) - set(expected)
    if missing or unknown:
        raise CheckpointError(
            f"{source} does not fit its network; missing: {list_names(missing)}; unknown: {list_names(unknown)}: "
            "fetch or train it again"
        )
    for name, value in state.items():
        if value.shape != expected[name].shape:
            raise CheckpointError(
                f"{source}: expected {name} of shape {tuple(expected[name].shape)}; got {tuple(value.shape)}: "
                "fetch or train it again"
            )
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise CheckpointError(f"{source}: {name} holds values that are not finite: fetch or train it again")


def _content_hash(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Hex sha256 of a file's description, but for the hash itself, and of its tensors, by name."""
    described = {name: value for name, value in metadata.items() if name != HASH}
    content = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name in sorted(tensors):
        value = tensors[name]
        content.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        content.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return content.hexdigest()


def list_names(names: Iterable[str], limit: int = 6) -> str:
    """``a, b and 3 more`` in sorted order, or ``nothing``."""
    ordered = sorted(names)
    shown, rest = ordered[:limit], len(ordered) - limit
    return (", ".join(shown) + (f" and {rest} more" if rest > 0 else "")) or "nothing"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the named tensors of a safetensors or PyTorch file, onto the CPU, without running what is in it.

    PyTorch files are pickles, which may run programs. They are read by its restricted reader, which knows
    tensors and containers and refuses the rest. A ``module.`` before every name (`DataParallel`'s) is dropped.

    Raises
    ------
    CheckpointError
        If the file is missing or damaged, or holds anything but named tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"expected a file of weights at {path}; there is none: check the path")
    state = _read_safetensors(path) if path.suffix.lower() == ".safetensors" else _read_pickled(path)
    prefix = "module."
    if state and all(name.startswith(prefix) for name in state):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"the weights in {path} cannot be read ({error}): fetch or train it again") from error


UNREADABLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What PyTorch's restricted reader raises on files that it refuses, and on damaged ones."""


def _read_pickled(path: Path) -> dict[str, Tensor]:
    refusal = f"expected a PyTorch file of named tensors at {path}, and nothing else; "
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise CheckpointError(
            f"{refusal}it was refused unopened, since such files can run programs ({reason}): "
            "get it again from its source"
        ) from error
    if not isinstance(loaded, dict):
        raise CheckpointError(f"{refusal}got a {type(loaded).__name__}: pass a file of weights (a state dict)")
    odd = [str(name) for name, value in loaded.items() if not (isinstance(name, str) and _is_dense(value))]
    if odd:
        raise CheckpointError(f"{refusal}got other entries: {list_names(odd)}: pass a file of weights (a state dict)")
    return dict(loaded)


def _is_dense(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.layout is torch.strided and not value.is_quantized
