"""Enlarging in parts: the activations of a decoder's finest grids take most memory, and need little context."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from napari_refvae.regions import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

__all__ = ["enlarge_in_parts"]


def enlarge_in_parts(enlarge: Callable[[Tensor], Tensor], x: Tensor, *, scale: int, reach: int, largest: int) -> Tensor:
    """Enlarge equal parts of at most ``largest`` x ``largest`` pixels, each seen with its context.

    Parameters
    ----------
    enlarge
        From ``(N, C, h, w)`` to ``(N, 3, scale*h, scale*w)``.
    x
        What to enlarge.
    scale
        Of ``enlarge``.
    reach
        How many pixels of context ``enlarge`` looks at; with them, the parts are those of the whole.
    largest
        A smaller ``x`` is enlarged at once.
    """
    size = x.shape[-2], x.shape[-1]
    if max(size) <= largest:
        return enlarge(x)
    whole = x.new_empty(x.shape[0], 3, scale * size[0], scale * size[1])
    for part in _parts(size, largest):
        read = part.padded(reach, size)
        made = enlarge(x[..., *read.slices])
        whole[..., *part.scaled(scale).slices] = made[..., *part.relative_to(read).scaled(scale).slices]
    return whole


def _parts(size: tuple[int, int], largest: int) -> Iterator[Region]:
    cuts = []
    for length in size:
        count = math.ceil(length / largest)
        cuts.append([length * index // count for index in range(count + 1)])
    for top, bottom in pairwise(cuts[0]):
        for left, right in pairwise(cuts[1]):
            yield Region(top, left, bottom - top, right - left)
