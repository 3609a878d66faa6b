"""Which models there are, and where their files lie: in the package, in the cache, or where a path says.

The cache is the folder in ``REFVAE_CACHE``, or else the system's cache folder for ``napari-refvae``. Any
model file put there is found by its name without ``.safetensors``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from napari_refvae.errors import CheckpointError, MissingWeightsError, UnknownModelError
from napari_refvae.model.cache import cache_dir, fetch
from napari_refvae.model.checkpoint import build_model, read_info
from napari_refvae.model.config import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_refvae.model.config import ModelConfig

__all__ = ["MODELS", "ModelEntry", "RegisteredModel", "cache_dir", "fetch", "find_model", "list_models"]

WEIGHTS_DIR = Path(__file__).parent.parent / "weights"
SUFFIX = ".safetensors"

Where = Literal["bundled", "download", "user"]


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A model that the package knows by name.

    Attributes
    ----------
    name, preset, file, description
        What it is called, its architecture, its file's name, and a sentence for people who choose.
    where
        ``bundled`` in the package, ``download``: fetched into the cache when it is first used, or ``user``:
        put into the cache by the user.
    missing
        What to do if the file is not there.
    url, sha256
        Of a download.
    """

    name: str
    preset: str
    where: Where
    file: str
    description: str
    missing: str = ""
    url: str = ""
    sha256: str = ""

    @property
    def path(self) -> Path:
        """Where the file lies, or would lie."""
        return (WEIGHTS_DIR if self.where == "bundled" else cache_dir()) / self.file


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A line of `list_models`. ``sha256`` is None, and ``parameters`` the preset's, where no file is there."""

    name: str
    preset: str
    parameters: int
    location: Path
    available: bool
    sha256: str | None
    description: str


_CONVERT = (
    "its weights belong to the paper's authors and are not ours to pass on: get {source} and vgg_r41.pth as "
    "https://github.com/Holmes-Alan/RefVAE says, and run `refvae convert` on them to write"
)

MODELS: dict[str, RegisteredModel] = {
    model.name: model
    for model in (
        RegisteredModel(
            "compact",
            "compact",
            "bundled",
            "compact-8x.safetensors",
            "ours, 8x, the default: quick on a laptop",
            missing="it comes with the package, so the installation is damaged: install napari-refvae again to get",
        ),
        RegisteredModel(
            "full",
            "full",
            "user",
            "full-8x.safetensors",
            "ours, 8x, wider and deeper: for a GPU; not trained yet",
            missing="nobody has trained it yet: train it with `refvae train` (preset full) and copy the model file to",
        ),
        RegisteredModel(
            "paper",
            "paper",
            "user",
            "paper-8x.safetensors",
            "the paper's network, 8x, with its authors' weights once you convert them",
            missing=_CONVERT.format(source="ConVAE_8x.pth"),
        ),
        RegisteredModel(
            "paper-4x",
            "paper-4x",
            "user",
            "paper-4x.safetensors",
            "the paper's network, 4x, with its authors' weights once you convert them",
            missing=_CONVERT.format(source="ConVAE_4x.pth"),
        ),
    )
}
"""The registry. The first is the default."""


def find_model(name_or_path: str | Path) -> Path:
    """Resolve a model's name, or the path of a model file, to an existing file.

    Raises
    ------
    UnknownModelError
        If there is no such name and no such file; the sentence lists the names.
    MissingWeightsError
        If the model is known but its weights are not here; the sentence says how to get them.
    """
    name = str(name_or_path)
    if name in MODELS:
        return _registered(MODELS[name])
    for path in (Path(name).expanduser(), *_cached(name)):
        if os.path.isfile(path):  # unlike Path.is_file, False for every name that cannot be a file's
            return path
    known = sorted({*MODELS, *(path.stem for path in _other_files())})
    raise UnknownModelError(
        f"expected a model among {', '.join(known)}, or the path of a model file; got {name!r}, which is neither: "
        "see `refvae models`"
    )


def list_models() -> list[ModelEntry]:
    """Every registered model, then every other model file in the cache.

    A damaged file is listed as not available, with what is wrong as its description.
    """
    registered = [_entry(model.name, model.preset, model.path, model.description) for model in MODELS.values()]
    return [*registered, *(_entry(path.stem, "", path, "found in the cache") for path in _other_files())]


def _registered(model: RegisteredModel) -> Path:
    if model.where == "download":
        return fetch(model.url, model.sha256, model.file)
    if not model.path.is_file():
        raise MissingWeightsError(f"the weights of {model.name!r} are not here; {model.missing} {model.path}")
    return model.path


def _cached(name: str) -> Iterator[Path]:
    """The file of a bare name in the cache."""
    if Path(name).name == name:
        yield cache_dir() / (name + SUFFIX)


def _other_files() -> list[Path]:
    """Model files in the cache that the registry does not know."""
    known = {model.file for model in MODELS.values()}
    return sorted(path for path in cache_dir().glob("*" + SUFFIX) if path.name not in known)


def _entry(name: str, preset: str, path: Path, description: str) -> ModelEntry:
    if not path.is_file():
        return ModelEntry(name, preset, _parameters(PRESETS[preset]), path, False, None, description)
    try:
        info = read_info(path)
    except CheckpointError as error:
        parameters = _parameters(PRESETS[preset]) if preset else 0
        return ModelEntry(name, preset, parameters, path, False, None, str(error))
    return ModelEntry(name, info.preset, _parameters(info.config), path, True, info.identity, description)


def _parameters(config: ModelConfig) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build_model(config).parameters())
