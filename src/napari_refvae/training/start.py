"""The network that a run begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_refvae.errors import TrainingError
from napari_refvae.model.checkpoint import build_model, load_checkpoint, read_info
from napari_refvae.model.config import PRESETS
from napari_refvae.model.paper import PaperRefVAE
from napari_refvae.model.vgg import vgg19_state
from napari_refvae.training.objective import silence_latents

if TYPE_CHECKING:
    from pathlib import Path

    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.training.config import TrainingConfig

__all__ = ["BEST", "MODEL", "STATE", "first_model"]

STATE, MODEL, BEST = "last.safetensors", "model.safetensors", "best.safetensors"
"""Files of a run: its whole state, and the last and the best model for everybody else."""


def first_model(
    config: TrainingConfig, folder: Path, scale: int, start: Path | None, feature_weights: Path | None
) -> tuple[ReferenceVAE, str]:
    """The network of a run in ``folder``, and its preset's name.

    It is that of the file ``start``; without one, a network of the kind whose state lies in the folder, or a new
    one. The paper's network begins with VGG-19's weights, which it keeps.

    Raises
    ------
    TrainingError
        If the config measures samples with the model it starts from, and there is none, or if the network is not
        one for ``scale``, as the examples are.
    MissingWeightsError, CheckpointError
        If VGG-19 cannot be had, or a file is not what it should be.
    """
    resumed = (folder / STATE).exists()
    if start is not None:
        model, info = load_checkpoint(start)
        preset = info.preset
    elif resumed and (folder / MODEL).exists():
        found = read_info(folder / MODEL)
        model, preset = build_model(found.config), found.preset
    else:
        model, preset = build_model(PRESETS[config.preset]), config.preset
        if config.perceptual_network == "own" and not resumed:
            raise TrainingError(
                "this config measures samples with the model it starts from; name one, such as --start compact"
            )
        if isinstance(model, PaperRefVAE) and not resumed:
            model.vgg.load_state_dict(vgg19_state(feature_weights))
    if model.scale != scale:
        raise TrainingError(
            f"expected a model for {scale}x, as the config's preset is; got one for {model.scale}x: "
            "choose another --start"
        )
    if not config.latents:
        silence_latents(model)
    return model, preset
