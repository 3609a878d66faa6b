"""The network of LPIPS: AlexNet's features and the learned weights of their channels (Zhang et al., 2018).

Neither is part of this package: AlexNet is torchvision's, downloaded once; the learned weights, 1,152 numbers, come
with torchmetrics, which the extras ``train`` and ``evaluate`` bring.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_refvae.errors import CheckpointError, MissingWeightsError
from napari_refvae.model.checkpoint import list_names, read_tensors
from napari_refvae.model.zoo import fetch

__all__ = ["SMALLEST", "LpipsNetwork", "fetch_alexnet"]

ALEXNET_URL = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
ALEXNET_SHA256 = "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Subtracted from and divided by, of RGB in -1..1."""

CONVOLUTIONS = {"0": (4, 2, False), "3": (1, 2, True), "6": (1, 1, True), "8": (1, 1, False), "10": (1, 1, False)}
"""Index in torchvision's ``features`` to stride, padding, and whether a 3x3 max pooling comes before."""

VECTORS = [f"lin{layer}.model.1.weight" for layer in range(len(CONVOLUTIONS))]

SMALLEST = 31
"""Pixels a side below which AlexNet's second pooling has nothing to pool."""


class LpipsNetwork(nn.Module):
    """AlexNet's five rectified feature maps; with ``channels`` they give LPIPS v0.1."""

    def __init__(self, alexnet: dict[str, Tensor], learned: list[Tensor]) -> None:
        super().__init__()
        self.weights = nn.ParameterDict(
            {
                name.replace(".", "/"): nn.Parameter(value.float(), requires_grad=False)
                for name, value in alexnet.items()
            }
        )
        self.learned = nn.ParameterList(nn.Parameter(value.float().flatten(), requires_grad=False) for value in learned)

    @classmethod
    def load(cls, weights: Path | None = None, *, advice: str) -> LpipsNetwork:
        """Read or fetch both sets of weights.

        Parameters
        ----------
        weights
            File of AlexNet in torchvision's layout (``features.0.weight`` ...), by default downloaded once. If it also
            holds ``lin0.model.1.weight`` to ``lin4.model.1.weight``, the learned vectors are taken from it too.
        advice
            What to do where torchmetrics, which brings the learned vectors, is not installed.

        Raises
        ------
        MissingWeightsError
            If AlexNet cannot be downloaded, or torchmetrics is not installed.
        CheckpointError
            If a file is not what it should be.
        """
        vectors = None if weights else _bundled_vectors(advice)  # before a download that would be for nothing
        path = weights or fetch_alexnet()
        named = read_tensors(path)
        names = [f"features.{index}.{part}" for index in CONVOLUTIONS for part in ("weight", "bias")]
        found = _taken(named, names, path)
        if vectors is None:
            vectors = named if VECTORS[0] in named else _bundled_vectors(advice)
        learned = _taken(vectors, VECTORS, path)
        return cls({name.removeprefix("features."): found[name] for name in names}, list(learned.values()))

    @property
    def channels(self) -> list[Tensor]:
        """The learned weights of each layer's channels, ``(C_i,)`` each."""
        return list(self.learned)

    def forward(self, image: Tensor) -> list[Tensor]:
        """``(B, 3, H, W)`` in 0..1, at least `SMALLEST` pixels a side, to one map a layer."""
        shift, scale = (torch.tensor(values, device=image.device).view(1, 3, 1, 1) for values in (SHIFT, SCALE))
        x, taken = (2 * image - 1 - shift) / scale, []
        for index, (stride, padding, pooled) in CONVOLUTIONS.items():
            x = F.max_pool2d(x, 3, 2) if pooled else x
            x = F.relu(F.conv2d(x, self.weights[f"{index}/weight"], self.weights[f"{index}/bias"], stride, padding))
            taken.append(x)
        return taken


def fetch_alexnet() -> Path:
    """Torchvision's AlexNet (233 MiB), downloaded once.

    Raises
    ------
    MissingWeightsError
        If that fails.
    """
    return fetch(ALEXNET_URL, ALEXNET_SHA256, ALEXNET_URL.rsplit("/", 1)[1])


def _bundled_vectors(advice: str) -> dict[str, Tensor]:
    """The learned vectors in torchmetrics, found without importing it."""
    spec = find_spec("torchmetrics")
    path = Path(str(spec.origin)).parent / "functional/image/lpips_models/alex.pth" if spec else None
    if path is None or not path.is_file():
        raise MissingWeightsError(
            f"LPIPS needs the learned vectors that torchmetrics brings, which is not here: {advice}"
        )
    return read_tensors(path)


def _taken(named: dict[str, Tensor], names: list[str], path: Path) -> dict[str, Tensor]:
    if missing := set(names) - set(named):
        raise CheckpointError(
            f"expected AlexNet in torchvision's layout in {path.name}; missing: {list_names(missing)}: "
            "pass the right file"
        )
    return {name: named[name] for name in names}
