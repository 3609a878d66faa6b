"""Detail copied from references into the samples of a run, where they match the input.

It comes after the network and before the projection: a window's detail is blended with what its reference has there.
Matches depend on the input and the reference only. They are found once, in blocks that lie on the whole image's grid,
so that neither tiles nor regions nor the order of windows can change one.
"""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch.nn import functional

from napari_refvae.engine.device import exactly
from napari_refvae.engine.tensors import image_to_tensor
from napari_refvae.errors import InvalidSpecError
from napari_refvae.model.matching.copying import copy_detail
from napari_refvae.model.matching.gate import GATE_SCALE, describe_cells, load_gate
from napari_refvae.model.matching.searching import (
    QUERIES,
    REACH,
    USED,
    Guide,
    Matches,
    extended,
    find_matches,
    grid_places,
    smallest_guide,
)
from napari_refvae.regions import Region
from napari_refvae.spec import ImageReference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from napari_refvae.spec import NormalizedImage, Reference, SampleSpec, SuperResolutionRequest

__all__ = ["Matcher", "begin_matching", "describe_matching", "matching_bytes", "matching_seconds"]

BLOCK = 32
"""Side of what is searched at once, in LR pixels."""

FLOAT = 4
"""Bytes."""

DESCRIPTION = 78
"""Numbers by which a place is compared."""

COPIES = 10
"""Of a window's three planes in float32: sums, what comes of them, and what the gate reads."""

PROBE = 24
"""Side of the image that the costs are measured on, in LR pixels; its reference has as many cells."""


class Matcher:
    """Blends the details of one image's samples with what matches in one reference.

    Parameters
    ----------
    image
        The input.
    reference
        Where detail is copied from.
    device
        Where to compute.
    """

    @exactly()
    def __init__(self, image: NormalizedImage, reference: ImageReference, device: torch.device) -> None:
        height, width = self._size = image.size
        self._lr = extended(image_to_tensor(image.rgb, device))
        self._guide = Guide(image_to_tensor(reference.image, device), GATE_SCALE)
        self._gate = deepcopy(load_gate().network).to(device)
        self._places = torch.zeros(height, width, USED, dtype=torch.int64, device=device)
        self._distances = torch.zeros(height, width, USED, device=device)
        self._searched: set[Region] = set()

    @exactly()
    def blended(self, window: Region, own: Tensor, spec: SampleSpec) -> Tensor:
        """A sample's detail of a window, ``(1, 3, 8h, 8w)``, with the reference's where the gate takes it.

        Pixels within `GATE_REACH` cells of the window's edges, where those are not the image's, are not what they
        would be in a larger window.
        """
        size = window.height, window.width
        matches, seen = self._matches(window), self._seen(window)
        proposals = copy_detail(self._guide, matches, size)
        numbers = describe_cells(seen, self._guide, matches, proposals, own, spec.vividness)
        amount = functional.interpolate(spec.strength * self._gate(numbers), scale_factor=GATE_SCALE, mode="bilinear")
        return own + amount * (proposals.mean - own)

    def _matches(self, window: Region) -> Matches:
        """Of a window's cells, row by row; what was not searched yet is."""
        for block in self._blocks(window):
            if block not in self._searched:
                found = find_matches(self._guide, self._patches(block))
                size = block.height, block.width, USED
                self._places[block.slices] = found.places.reshape(size)
                self._distances[block.slices] = found.distances.reshape(size)
                self._searched.add(block)
        cells = window.slices
        return Matches(self._places[cells].reshape(-1, USED), self._distances[cells].reshape(-1, USED))

    def _blocks(self, window: Region) -> Iterator[Region]:
        """The blocks of the image's grid that a window touches."""
        for y in range(window.y - window.y % BLOCK, window.y + window.height, BLOCK):
            for x in range(window.x - window.x % BLOCK, window.x + window.width, BLOCK):
                yield Region(y, x, BLOCK, BLOCK).intersect(Region(0, 0, *self._size))

    def _patches(self, block: Region) -> Tensor:
        """The input around each of a block's cells: ``(n, 3, 25)``."""
        columns = functional.unfold(self._seen(block), 2 * REACH + 1)
        return columns[0].unflatten(0, (3, -1)).permute(2, 0, 1)

    def _seen(self, region: Region) -> Tensor:
        """The input with `REACH` pixels around a region."""
        wide = Region(region.y, region.x, region.height + 2 * REACH, region.width + 2 * REACH)
        return self._lr[..., *wide.slices]


def begin_matching(request: SuperResolutionRequest, scale: int, device: torch.device) -> list[Matcher | None]:
    """A matcher for each of a run's references; None where there is nothing to copy.

    That is where matching is off, where the reference is no other image, and where it is smaller than a cell and those
    around it.

    Raises
    ------
    InvalidSpecError
        If the model's ``scale`` is not the one that the gate was trained for.
    """
    if request.matching and scale != GATE_SCALE:
        raise InvalidSpecError(
            f"matching needs a model that enlarges {GATE_SCALE} times; this one does {scale} times: "
            "choose another, or leave matching off"
        )
    return [
        Matcher(request.image, reference, device) if request.matching and _can_guide(reference) else None
        for reference in request.references
    ]


def describe_matching(matchers: Sequence[Matcher | None]) -> dict[str, Any]:
    """For the record: the gate by its content, and which references were matched."""
    return {"sha256": load_gate().identity, "references": [matcher is not None for matcher in matchers]}


def _can_guide(reference: Reference) -> TypeGuard[ImageReference]:
    return isinstance(reference, ImageReference) and min(reference.image.shape[:2]) >= smallest_guide(GATE_SCALE)


@dataclass(frozen=True, slots=True)
class _Costs:
    """Seconds: once a cell, once a cell and place of the grid, once a sample and cell."""

    refine: float
    compare: float
    copy: float


def matching_seconds(references: Sequence[tuple[int, int]], cells: int, samples: int, device: torch.device) -> float:
    """How long matching will take in all, on an idle machine.

    Parameters
    ----------
    references
        Height and width of each.
    cells
        LR pixels of a sample that are finished.
    samples
        A reference.
    device
        Where it runs.
    """
    sizes = _usable(references)
    if not sizes:
        return 0.0
    costs = _measured(device)
    searching = sum(costs.refine + costs.compare * grid_places(size, GATE_SCALE) for size in sizes)
    return cells * (searching + samples * len(sizes) * costs.copy)


def matching_bytes(references: Sequence[tuple[int, int]], cells: int, window: int) -> int:
    """What matching holds at its worst moment, beyond the references' stored pixels.

    Of references of such heights and widths, an image of so many LR pixels, and windows of at most so many.
    """
    sizes = _usable(references)
    if not sizes:
        return 0
    places = [grid_places(size, GATE_SCALE) for size in sizes]
    guides = sum(2 * 3 * FLOAT * height * width for height, width in sizes) + DESCRIPTION * FLOAT * sum(places)
    found = len(sizes) * cells * USED * (8 + FLOAT)
    return guides + found + max(2 * FLOAT * QUERIES * max(places), COPIES * 3 * FLOAT * GATE_SCALE**2 * window)


def _usable(references: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [size for size in references if min(size) >= smallest_guide(GATE_SCALE)]


@lru_cache(maxsize=4)
@exactly()
def _measured(device: torch.device) -> _Costs:
    """Measured once, in half a second or so: a search in a small reference and in a larger one, and the copying."""
    cells, generator = PROBE**2, torch.Generator().manual_seed(0)
    seconds, places = [], []
    for side in (3 * PROBE, 3 * PROBE, 16 * PROBE):  # the first warms up
        guide = Guide(torch.rand(1, 3, side, side, generator=generator).to(device), GATE_SCALE)
        patches = torch.rand(cells, 3, (2 * REACH + 1) ** 2, generator=generator).to(device)
        started = time.perf_counter()
        matches = find_matches(guide, patches)
        matches.distances.cpu()  # waits for the device
        seconds.append((time.perf_counter() - started) / cells)
        places.append(guide.grid.numel())
    started = time.perf_counter()
    copy_detail(guide, matches, (PROBE, PROBE)).mean.cpu()
    copying = (time.perf_counter() - started) / cells
    compare = max(0.0, seconds[2] - seconds[1]) / (places[2] - places[1])
    return _Costs(max(0.0, seconds[1] - compare * places[1]), compare, copying)
