"""How much of the copied detail replaces a sample's own, cell by cell, says a small network.

It sees twelve numbers a cell: how near the best match is, how much structure there is to tell them by, how strong the
copied detail is and whether the proposals agree, whether neighbouring cells matched neighbouring places, how strong
the sample's own detail is and whether it agrees with the copied one, and the vividness. It sees no feature of a
super-resolution network, so it serves others than those whose samples it was trained beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_refvae.model.blocks import leaky
from napari_refvae.model.cache import sha256
from napari_refvae.model.checkpoint import check_state, read_tensors
from napari_refvae.model.matching.copying import NOISE
from napari_refvae.model.matching.searching import REACH

if TYPE_CHECKING:
    from torch import Tensor

    from napari_refvae.model.matching.copying import Proposals
    from napari_refvae.model.matching.searching import Guide, Matches

__all__ = ["GATE_FILE", "GATE_REACH", "GATE_SCALE", "MatchingGate", "describe_cells", "load_gate"]

GATE_FILE = Path(__file__).parents[2] / "weights" / "matching-8x.safetensors"

GATE_SCALE = 8
"""It was trained at this scale only."""

GATE_REACH = 4
"""Cells that a pixel's gate looks beyond its own: one for the neighbours' matches, one each for two convolutions, and
one for the interpolation."""

WIDTH = 16
NUMBERS = 12

MOST = 3.0
"""Spreads from the mean at which numbers end: nothing is known of what lies further out."""

LEVEL = 1 / 255
NEAR, FAR = 1, 4
"""Pixels of the reference by which a neighbour's match may be off and still count as its neighbour."""


class MatchingGate(nn.Module):
    """Two 3x3 convolutions between 1x1 ones, on numbers that are first made alike in mean and spread."""

    mean: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, NUMBERS, 1, 1))
        self.register_buffer("spread", torch.ones(1, NUMBERS, 1, 1))
        self.read = nn.Conv2d(NUMBERS, WIDTH, 1)
        self.first = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.second = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.say = nn.Conv2d(WIDTH, 1, 1)

    def forward(self, numbers: Tensor) -> Tensor:
        """``(B, 12, h, w)`` of `describe_cells` to ``(B, 1, h, w)`` in 0..1: 0 keeps a sample's own detail."""
        known = ((numbers - self.mean) / self.spread).clamp(-MOST, MOST)
        x = leaky(self.read(known))
        x = x + leaky(self.first(x))
        x = x + leaky(self.second(x))
        said: Tensor = torch.sigmoid(self.say(x))
        return said


@dataclass(frozen=True, slots=True, eq=False)
class LoadedGate:
    """The bundled gate, and the sha256 of its file."""

    network: MatchingGate
    identity: str


@lru_cache(maxsize=1)
def load_gate() -> LoadedGate:
    """Read the bundled gate, once.

    Raises
    ------
    CheckpointError
        If its file is missing or damaged.
    """
    with torch.device("meta"):
        gate = MatchingGate()
    state = {name: value.float() for name, value in read_tensors(GATE_FILE).items()}
    check_state(gate.state_dict(), state, GATE_FILE)
    gate.load_state_dict(state, assign=True)
    return LoadedGate(gate.eval().requires_grad_(False), sha256(GATE_FILE))


def describe_cells(
    lr: Tensor, guide: Guide, matches: Matches, proposals: Proposals, own: Tensor, vividness: float
) -> Tensor:
    """What the gate reads of ``h * w`` cells.

    Parameters
    ----------
    lr
        ``(1, 3, h + 4, w + 4)``: the input with two pixels around.
    guide, matches, proposals
        The reference, where the cells matched it, and what that proposes.
    own
        The sample's own detail, ``(1, 3, scale*h, scale*w)``.
    vividness
        Of the sample.

    Returns
    -------
    Tensor
        ``(1, 12, h, w)``.
    """
    size = lr.shape[-2] - 2 * REACH, lr.shape[-1] - 2 * REACH
    nearest = matches.distances[:, 0].clamp(min=0).reshape(1, 1, *size)
    structure = _variance(lr)
    copied, doubt, strength, apart = (
        _mean_of_cells(x, guide.scale)
        for x in (proposals.mean.square(), proposals.variance, own.square(), (own - proposals.mean).square())
    )
    alike = _mean_of_cells(own * proposals.mean, guide.scale) / (strength * copied + 1e-9).sqrt()
    rows = [
        *(_log(x) for x in (nearest, structure, copied, doubt)),
        copied / (copied + doubt + 1e-7),
        *(_coherence(guide, matches, size, by) for by in (NEAR, FAR)),
        nearest / (nearest + structure + NOISE),
        _log(strength),
        alike,
        _log(apart),
        torch.full_like(nearest, vividness),
    ]
    return torch.cat(rows, dim=1)


def _coherence(guide: Guide, matches: Matches, size: tuple[int, int], by: int) -> Tensor:
    """Part of the eight neighbours whose best match is the neighbour of a cell's own, to ``by`` pixels."""
    places, (height, width) = matches.places[:, 0].reshape(size), size
    rows = places // guide.size[1] - guide.scale * torch.arange(height, device=places.device)[:, None]
    columns = places % guide.size[1] - guide.scale * torch.arange(width, device=places.device)
    shift = torch.stack([rows, columns]).float()[None]
    around = functional.pad(shift, (1, 1, 1, 1), mode="replicate")
    total = torch.zeros(1, 1, *size, device=places.device)
    for y in range(3):
        for x in range(3):
            if (y, x) != (1, 1):
                off = (around[..., y : y + height, x : x + width] - shift).abs().amax(dim=1, keepdim=True)
                total += (off <= by) / 8
    return total


def _variance(lr: Tensor) -> Tensor:
    """Of the 5 x 5 pixels around each, mean over channels."""
    mean, squares = (functional.avg_pool2d(x, 2 * REACH + 1, stride=1) for x in (lr, lr.square()))
    return (squares - mean.square()).mean(dim=1, keepdim=True).clamp(min=0)


def _mean_of_cells(x: Tensor, scale: int) -> Tensor:
    return functional.avg_pool2d(x.mean(dim=1, keepdim=True), scale)


def _log(x: Tensor) -> Tensor:
    """Of squares of normalised values: decades of squared grey levels."""
    return torch.log10(x / LEVEL**2 + 0.1)
