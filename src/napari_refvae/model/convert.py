"""From the authors' published weights to our model files, without executing a pickle.

The authors' archive (https://github.com/Holmes-Alan/RefVAE) holds ``ConVAE_8x.pth``, ``ConVAE_4x.pth``
and ``vgg_r41.pth``. The two networks have the same layers, so nothing in a file tells its scale.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

from napari_refvae.errors import CheckpointError, InvalidSpecError
from napari_refvae.model.checkpoint import (
    CheckpointInfo,
    build_model,
    check_state,
    list_names,
    read_info,
    read_tensors,
    save_checkpoint,
    sha256,
)
from napari_refvae.model.config import PRESETS, PaperConfig
from napari_refvae.model.vgg import TORCHVISION_URL, vgg19_state

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

__all__ = ["convert"]

LAYERS = {
    "feature_encoder.conv1": "init_feat.0",
    "feature_encoder.norm1": "init_feat.1",
    "feature_encoder.conv2": "init_feat.3",
    "feature_encoder.norm2": "init_feat.4",
    "feature_encoder.linear": "VAE_encoder.0",
    "feature_decoder.linear": "VAE_decoder.0",
    "feature_decoder.conv": "dec_feat.0",
    "feature_decoder.block.conv1": "dec_feat.1.conv1",
    "feature_decoder.block.conv2": "dec_feat.1.conv2",
    "modulation.conv_in": "mask.0",
    "modulation.blocks.0.conv1": "mask.1.conv1",
    "modulation.blocks.0.conv2": "mask.1.conv2",
    "modulation.blocks.1.conv1": "mask.2.conv1",
    "modulation.blocks.1.conv2": "mask.2.conv2",
    "modulation.blocks.2.conv1": "mask.3.conv1",
    "modulation.blocks.2.conv2": "mask.3.conv2",
    "modulation.conv_out": "mask.4",
    "image_decoder.conv1": "decoder.1",
    "image_decoder.conv2": "decoder.4",
    "image_decoder.conv3": "decoder.7",
    "image_decoder.mix": "decoder.9",
    "image_decoder.last": "decoder.11",
}
"""Our layers to the authors'."""

UNUSED = frozenset(f"bn.{part}" for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"))
"""A layer that the authors' class holds and never runs. Its entries may be there."""


def convert(conv_vae: Path, vgg: Path | None, output: Path, scale: int = 8) -> CheckpointInfo:
    """Write a model file of the ``paper`` (8x) or ``paper-4x`` preset from the authors' files.

    Parameters
    ----------
    conv_vae
        The authors' ``ConVAE_8x.pth`` or ``ConVAE_4x.pth``.
    vgg
        Their ``vgg_r41.pth``, whose features they trained with. Also a VGG-19 in torchvision's layout, or
        None to download torchvision's: it was trained separately, so the images will not be the authors'.
    output
        Where the model file goes, float32; an existing file is replaced.
    scale
        8 or 4.

    Returns
    -------
    CheckpointInfo
        Of the file that was written; its ``training`` names the sources.

    Raises
    ------
    InvalidSpecError
        If the scale is neither 8 nor 4, or not the one in the file's name.
    CheckpointError
        If a file holds anything but tensors, or a key is missing, unknown, misshapen or not finite; it is
        named as in the file.
    MissingWeightsError
        If VGG-19 can't be downloaded.
    OutputError
        If the model file can't be written.
    """
    config = PaperConfig(scale)
    _check_scale(conv_vae, scale)
    with torch.device("meta"):
        expected = build_model(config).state_dict()
    state = _renamed(read_tensors(conv_vae), expected, conv_vae)
    state |= {f"vgg.{name}": value for name, value in vgg19_state(vgg).items()}
    check_state(expected, state, conv_vae)
    source = {
        "source": conv_vae.name,
        "source_sha256": sha256(conv_vae),
        "vgg": TORCHVISION_URL if vgg is None else vgg.name,
        **({} if vgg is None else {"vgg_sha256": sha256(vgg)}),
    }
    preset = next(name for name, known in PRESETS.items() if known == config)
    save_checkpoint(output, state, preset=preset, config=config, training=source, dtype=torch.float32)
    return read_info(output)


def _check_scale(path: Path, scale: int) -> None:
    """Refuse a file that is named for another scale: nothing inside would show the mistake."""
    named = {int(number) for number in re.findall(r"(?<!\d)([48])x", path.stem)}
    if named and scale not in named:
        raise InvalidSpecError(
            f"expected the weights for {scale}x; {path.name} is named for {min(named)}x: "
            f"convert it with scale {min(named)}, or rename it if the name is wrong"
        )


def _renamed(found: dict[str, Tensor], expected: dict[str, Tensor], source: Path) -> dict[str, Tensor]:
    """The authors' tensors under our names; a key that does not fit is named as the authors named it."""
    names = {name: _authors_name(name) for name in expected if not name.startswith("vgg.")}
    missing, unknown = set(names.values()) - set(found), set(found) - set(names.values()) - UNUSED
    if missing or unknown:
        raise CheckpointError(
            f"expected the layers of the authors' ConVAE in {source.name}; missing: {list_names(missing)}; "
            f"unknown: {list_names(unknown)}: pass ConVAE_8x.pth or ConVAE_4x.pth as the authors published it"
        )
    for ours, theirs in names.items():
        if found[theirs].shape != expected[ours].shape:
            raise CheckpointError(
                f"{source.name}: expected {theirs} of shape {tuple(expected[ours].shape)}; "
                f"got {tuple(found[theirs].shape)}: pass the file as the authors published it"
            )
        if not torch.isfinite(found[theirs]).all():
            raise CheckpointError(f"{source.name}: {theirs} holds values that are not finite: get the file again")
    return {ours: found[theirs] for ours, theirs in names.items()}


def _authors_name(name: str) -> str:
    layer, part = name.rsplit(".", 1)
    return f"{LAYERS[layer]}.{part}"
