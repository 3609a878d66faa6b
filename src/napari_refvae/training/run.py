"""One call that trains: from folders and a config to a model file."""

from __future__ import annotations

import math
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from napari_refvae.errors import InvalidSpecError, TrainingError
from napari_refvae.model.config import PRESETS, CompactConfig
from napari_refvae.model.zoo import find_model
from napari_refvae.training.config import TrainingConfig, load_config
from napari_refvae.training.data import ExampleSource, load_photographs

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.training.trainer import Report

__all__ = ["find_config", "train"]


def train(
    config: str | Path,
    images: Path,
    output: Path,
    *,
    references: Path | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    start: str | Path | None = None,
    feature_weights: Path | None = None,
    validate: Path | None = None,
    report: Callable[[Report], None] = lambda _: None,
) -> Path:
    """Train, or go on training, in the folder ``output``; return the model file.

    Parameters
    ----------
    config
        Name of a bundled config (``compact``) or a TOML file.
    images
        Folder of photographs, searched recursively; short sides of at least a patch (192 pixels).
    output
        The run's folder. A state found there is resumed.
    references
        Folder of unrelated references; by default other photographs serve.
    minutes
        Stop after so many minutes.
    steps
        Replace the config's number of steps.
    start
        Model to start from: a name or a file.
    feature_weights
        File of the feature network, for configs whose losses need one: VGG-19 in torchvision's layout, or the
        16 times smaller distilled VGG-19. By default torchvision's VGG-19 is downloaded once.
    validate
        Folder of originals that the faithful output is scored on while training.
    report
        Called every hundred steps.

    Raises
    ------
    InvalidSpecError, TrainingError
        If the config is not valid, a folder holds no image, or the loss diverges.
    """
    try:
        from napari_refvae.training.trainer import Budget, Trainer
    except ModuleNotFoundError as error:
        hint = "install it with: pip install 'napari-refvae[train]'"
        raise TrainingError(f"training needs {error.name}, which is not installed; {hint}") from error
    settings = load_config(find_config(config))
    if steps is not None:
        settings = replace(settings, steps=steps)
    source = _examples(settings, images, references)
    trainer = Trainer(
        settings,
        source,
        output,
        start=None if start is None else find_model(str(start)),
        validate=None if validate is None else _validator(validate, source.scale),
        feature_weights=feature_weights,
    )
    trainer.run(Budget(math.inf if minutes is None else minutes), report=report)
    return output / "model.safetensors"


def find_config(name: str | Path) -> Path:
    """A bundled config by its name, or a file.

    Raises
    ------
    InvalidSpecError
        If there is neither.
    """
    path = Path(name)
    if path.is_file():
        return path
    bundled = Path(str(files("napari_refvae.training") / "configs"))
    candidate = bundled / f"{name}.toml"
    if candidate.is_file():
        return candidate
    known = ", ".join(sorted(found.stem for found in bundled.glob("*.toml")))
    raise InvalidSpecError(f"expected a training config among {known}, or a TOML file; got {str(name)!r}")


def _examples(settings: TrainingConfig, images: Path, references: Path | None) -> ExampleSource:
    preset = PRESETS[settings.preset]
    if not isinstance(preset, CompactConfig):
        raise InvalidSpecError(f"expected a preset of our own family to train; got {settings.preset!r}")
    patch = settings.data.patch * preset.scale
    photographs = load_photographs(images, smallest=patch)
    others = load_photographs(references, smallest=settings.data.reference_size) if references else []
    return ExampleSource(photographs, others, settings.data, preset.scale, settings.seed)


def _validator(folder: Path, scale: int) -> Callable[[ReferenceVAE], dict[str, float]]:
    from napari_refvae.training.validation import faithful_psnr

    originals = load_photographs(folder, smallest=4 * scale)
    return lambda model: {"faithful_psnr_y": faithful_psnr(model, originals)}
