"""VGG-19 up to relu4_1, the paper's feature extractor (section 3.1), and where its weights come from.

The layers are those of the style-transfer literature: a 1x1 convolution that embeds the
preprocessing of RGB in 0..1, nine 3x3 convolutions with **reflection** padding, and max pooling.
Two sets of weights fit: ``vgg_r41.pth``, which the authors of the paper used (the normalised Caffe
VGG-19 of the WCT and AdaIN papers), and torchvision's VGG-19, which was trained separately. A
network trained on the features of one gets other features from the other.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_refvae.errors import CheckpointError
from napari_refvae.model.cache import cached, fetch
from napari_refvae.model.checkpoint import list_names, read_tensors
from napari_refvae.model.parts import STRIP_BYTES, in_strips, strip_rows

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

__all__ = ["TORCHVISION_SHA256", "VGG19", "VGG19_FILE", "cached_vgg19", "fetch_vgg19", "vgg19_state"]

CONVOLUTIONS = {
    "conv1_1": (3, 64),
    "conv1_2": (64, 64),
    "conv2_1": (64, 128),
    "conv2_2": (128, 128),
    "conv3_1": (128, 256),
    "conv3_2": (256, 256),
    "conv3_3": (256, 256),
    "conv3_4": (256, 256),
    "conv4_1": (256, 512),
}
"""Name to channels in and out, in order."""

STAGES = tuple(tuple(name for name in CONVOLUTIONS if name.startswith(f"conv{stage}_")) for stage in range(1, 5))
"""Convolutions on one grid each; 2x2 max pooling lies between."""

TORCHVISION_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
TORCHVISION_SHA256 = "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"
VGG19_FILE = TORCHVISION_URL.rsplit("/", 1)[1]
"""What torchvision's VGG-19 is called in the cache."""

TORCHVISION_LAYERS = dict(zip(CONVOLUTIONS, (0, 2, 5, 7, 10, 12, 14, 16, 19), strict=True))
"""Name to index in torchvision's ``features``."""

TORCHVISION_MEAN = (0.485, 0.456, 0.406)
TORCHVISION_STD = (0.229, 0.224, 0.225)

AUTHORS_LAYERS = {name: f"conv{index}" for index, name in enumerate(("embed", *CONVOLUTIONS), start=1)}
"""Name to name in ``vgg_r41.pth``: conv1 (1x1) to conv10."""


class VGG19(nn.Module):
    """VGG-19 from the pixels to relu4_1, reflection-padded; 3.51 M parameters.

    Built with random weights; `vgg19_state` gives trained ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 3, 1)
        for name, (width_in, width_out) in CONVOLUTIONS.items():
            self.add_module(name, nn.Conv2d(width_in, width_out, 3))

    def forward(self, image: Tensor) -> Tensor:
        """``(B, 3, H, W)`` in 0..1, H and W at least 8, to relu4_1 ``(B, 512, H // 8, W // 8)``."""
        x = image
        for names in STAGES:
            width = CONVOLUTIONS[names[-1]][1]
            rows, reach = strip_rows(x, width, STRIP_BYTES), 2 * math.ceil(len(names) / 2)
            x = in_strips(partial(self._stage, names), x, rows=rows, reach=reach, step=2)
        return x

    def _stage(self, names: tuple[str, ...], x: Tensor) -> Tensor:
        """Convolutions on one grid, and the pooling behind them; the first stage embeds the pixels before."""
        if names == STAGES[0]:
            x = self.embed(x)
        for name in names:
            x = functional.relu(self.get_submodule(name)(_reflect(x)), inplace=True)
        return x if names == STAGES[-1] else functional.max_pool2d(x, 2)


def vgg19_state(path: Path | None = None) -> dict[str, Tensor]:
    """State of a `VGG19`, float32.

    Parameters
    ----------
    path
        A file in torchvision's layout (``features.N.weight``; further layers are ignored), whose mean
        and standard deviation are then folded into ``embed``, or the authors' ``vgg_r41.pth``
        (``conv1`` to ``conv10``). ``.pth`` or ``.safetensors``. None: torchvision's VGG-19, downloaded
        once (548 MiB) and checked by its sha256.

    Raises
    ------
    CheckpointError
        If the file is of neither layout, if a key is missing, unknown or misshapen (it is named), or if
        it holds anything but tensors.
    MissingWeightsError
        If the download fails; the sentence says where to put the file by hand.
    """
    source = fetch_vgg19() if path is None else path
    found = read_tensors(source)
    if any(key.startswith("features.") for key in found):
        return _from_torchvision(found, source)
    return _from_authors(found, source)


def fetch_vgg19() -> Path:
    """Path of torchvision's VGG-19, downloaded once (548 MiB) and checked by its sha256.

    Raises
    ------
    MissingWeightsError
        If the download fails; the sentence says where to put the file by hand.
    """
    return fetch(TORCHVISION_URL, TORCHVISION_SHA256, VGG19_FILE)


def cached_vgg19() -> Path | None:
    """Path of torchvision's VGG-19 if it is in the cache; nothing is downloaded.

    Raises
    ------
    CheckpointError
        If the file of its name is another one, or damaged.
    """
    return cached(VGG19_FILE, TORCHVISION_SHA256)


def _from_torchvision(found: dict[str, Tensor], source: Path) -> dict[str, Tensor]:
    names = {
        f"{name}.{part}": f"features.{index}.{part}"
        for name, index in TORCHVISION_LAYERS.items()
        for part in ("weight", "bias")
    }
    unknown = {key for key in found if not key.startswith(("features.", "classifier."))}
    _refuse(source, "torchvision's VGG-19", set(names.values()) - set(found), unknown)
    mean, std = torch.tensor(TORCHVISION_MEAN), torch.tensor(TORCHVISION_STD)
    state = {ours: found[theirs] for ours, theirs in names.items()}
    state["embed.weight"] = torch.diag(1 / std)[:, :, None, None]
    state["embed.bias"] = -mean / std
    return _checked(state, names, source)


def _from_authors(found: dict[str, Tensor], source: Path) -> dict[str, Tensor]:
    names = {
        f"{ours}.{part}": f"{theirs}.{part}" for ours, theirs in AUTHORS_LAYERS.items() for part in ("weight", "bias")
    }
    _refuse(source, "a VGG-19 up to relu4_1", set(names.values()) - set(found), set(found) - set(names.values()))
    return _checked({ours: found[theirs] for ours, theirs in names.items()}, names, source)


def _refuse(source: Path, kind: str, missing: set[str], unknown: set[str]) -> None:
    if missing or unknown:
        raise CheckpointError(
            f"expected {kind} in {source.name}; missing: {list_names(missing)}; unknown: {list_names(unknown)}: "
            "pass torchvision's vgg19 file, or the authors' vgg_r41.pth"
        )


def _checked(state: dict[str, Tensor], names: dict[str, str], source: Path) -> dict[str, Tensor]:
    with torch.device("meta"):
        expected = VGG19().state_dict()
    for name, value in state.items():
        if value.shape != expected[name].shape:
            raise CheckpointError(
                f"{source.name}: expected {names[name]} of shape {tuple(expected[name].shape)}; "
                f"got {tuple(value.shape)}: get the file again"
            )
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{source.name}: {names[name]} holds values that are not finite: get the file again")
    return {name: value.float() for name, value in state.items()}


def _reflect(x: Tensor) -> Tensor:
    """One pixel more a side by reflection; an axis of a single pixel, which has no mirror image, repeats it."""
    height, width = x.shape[-2:]
    if min(height, width) > 1:
        return functional.pad(x, (1, 1, 1, 1), mode="reflect")
    x = functional.pad(x, (0, 0, 1, 1), mode="reflect" if height > 1 else "replicate")
    return functional.pad(x, (1, 1, 0, 0), mode="reflect" if width > 1 else "replicate")
