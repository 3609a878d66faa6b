"""One call that trains: from folders and a config to a model file."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING

from napari_refvae.errors import InvalidSpecError, TrainingError
from napari_refvae.model.config import PRESETS
from napari_refvae.model.zoo import find_model
from napari_refvae.training.alone import alone_in
from napari_refvae.training.config import SMALLEST_PATCH, DataConfig, TrainingConfig, load_config
from napari_refvae.training.data import ExampleSource
from napari_refvae.training.photographs import Photographs, load_photographs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_refvae.training.journal import Report
    from napari_refvae.training.pace import TrainingProgress
    from napari_refvae.training.validation import Validator

__all__ = ["find_config", "train"]

log = logging.getLogger(__name__)

SMALLEST_ORIGINAL = 40
"""Pixels a side of an original to validate on: less leaves nothing inside the border that metrics shave off."""

REFERENCES = 4
"""So many references serve for validation."""


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
    validate_minutes: float = 12,
    memory: float | None = None,
    tensorboard: bool = True,
    report: Callable[[Report], None] = lambda _: None,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Train, or go on training, in the folder ``output``; return the model file.

    Parameters
    ----------
    config
        Name of a bundled config (``compact``) or a TOML file.
    images
        Folder of images, searched recursively. If most are smaller than the config's patches (192 pixels), the
        patches shrink; the least short side is 64 pixels.
    output
        The run's folder. A state found there is resumed.
    references
        Folder of unrelated references; by default other images serve.
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
        Folder of originals to score on while training; the best model is kept (see `training.validation`).
    validate_minutes
        How often.
    memory
        Gigabytes of decoded images of each folder to keep, instead of the config's number; the rest is decoded again
        when drawn.
    tensorboard
        Whether to write for TensorBoard, if it is installed.
    report
        Called every hundred steps and at the end, with the losses. The log has the same.
    progress
        Called after every step, with the time left.
    should_stop
        Asked after every step; the run is saved and ends if it says yes, and the same call goes on.

    Raises
    ------
    InvalidSpecError, TrainingError
        If the config is not valid, a folder holds no image, another run is at work in ``output``, or the loss diverges.
    """
    try:
        from napari_refvae.training.trainer import Trainer
    except ModuleNotFoundError as error:
        hint = "install it with: pip install 'napari-refvae[train]'"
        raise TrainingError(f"training needs {error.name}, which is not installed; {hint}") from error
    from napari_refvae.training.pace import Budget
    from napari_refvae.training.start import MODEL
    from napari_refvae.training.validation import SHOWN, sheet

    settings = load_config(find_config(config))
    settings = replace(settings, steps=settings.steps if steps is None else steps)
    if memory is not None:
        settings = replace(settings, data=replace(settings.data, memory=memory))
    settings, source = _examples(settings, images, references)
    validator = None if validate is None else _validator(validate, source, feature_weights, settings)
    shown = (source.photographs if validator is None else validator.originals)[:SHOWN]
    others = _others(source)
    with alone_in(output):
        trainer = Trainer(
            settings,
            source,
            output,
            start=None if start is None else find_model(str(start)),
            validate=validator,
            sheet=lambda model: sheet(model, shown, others),
            feature_weights=feature_weights,
            tensorboard=tensorboard,
        )
        trainer.run(
            Budget(math.inf if minutes is None else minutes),
            report=report,
            progress=progress,
            should_stop=should_stop,
            validate_minutes=validate_minutes,
        )
    return output / MODEL


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


def _examples(settings: TrainingConfig, images: Path, references: Path | None) -> tuple[TrainingConfig, ExampleSource]:
    """The source of examples, and the settings with patches that fit the images."""
    scale, memory = PRESETS[settings.preset].scale, settings.data.memory
    photographs = load_photographs(images, smallest=SMALLEST_PATCH * scale, memory=memory)
    data = _fitting(settings.data, photographs, scale)
    photographs = photographs.at_least(data.patch * scale)
    others: Sequence[NDArray[np.uint8]] = ()
    if references is not None:
        others = load_photographs(references, smallest=data.reference_size, memory=memory)
    return replace(settings, data=data), ExampleSource(photographs, others, data, scale, settings.seed)


def _fitting(data: DataConfig, photographs: Photographs, scale: int) -> DataConfig:
    """Shrink patches that would not fit half of the images."""
    patch = min(data.patch, median_low(photographs.short_sides) // scale)
    if patch == data.patch:
        return data
    log.warning("the images are small: patches of %d instead of %d pixels", patch * scale, data.patch * scale)
    side = patch * scale
    window = min(data.feature_crop, 2 * side // 3)  # still smaller than a patch, so that it moves
    return replace(data, patch=patch, reference_size=min(data.reference_size, side), feature_crop=window)


def _validator(folder: Path, source: ExampleSource, weights: Path | None, settings: TrainingConfig) -> Validator:
    """Scores with features if a network is at hand: given, or fetched for the losses anyway."""
    from napari_refvae.model.features import FeatureNetwork
    from napari_refvae.training.validation import Validator

    originals = load_photographs(folder, smallest=SMALLEST_ORIGINAL, memory=settings.data.memory)
    wanted = weights is not None or (settings.needs_features and settings.perceptual_network != "own")
    return Validator(originals, _others(source), FeatureNetwork.load(weights) if wanted else None)


def _others(source: ExampleSource) -> Sequence[NDArray[np.uint8]]:
    """A few of the references, if there are any beside the images themselves."""
    return () if source.references is source.photographs else source.references[:REFERENCES]
