"""The channels of one image as one picture, mixed as the viewer mixes their layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.widget.compare.pictures import FAITHFUL, INPUT, SAMPLE, TRUTH, Picture, layer_over, pictures_of
from napari_refvae.widget.results.colours import coloured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_refvae.widget.results.geometry import Geometry, StackPlace
    from napari_refvae.widget.results.run import Run

__all__ = ["Composite", "Shown", "blended", "composed", "lie_together", "same"]

ORDER = (INPUT, TRUTH, FAITHFUL, SAMPLE)

BAND = 2**18
"""Pixels that are mixed at once: some milliseconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Composite:
    """The same picture of several channels.

    Attributes
    ----------
    parts
        One a channel, from the bottom; of one size, at one place.
    """

    parts: tuple[Picture, ...]

    @property
    def key(self) -> str:
        """That of its parts."""
        return self.parts[0].key

    @property
    def title(self) -> str:
        """For people."""
        return self.parts[0].title

    @property
    def run(self) -> str:
        """Id of the first channel's run."""
        return self.parts[0].run

    @property
    def layer(self) -> None:
        """No layer holds the mixture."""
        return None

    @property
    def geometry(self) -> Geometry:
        """Where its pixels lie."""
        return self.parts[0].geometry

    @property
    def stack(self) -> StackPlace | None:
        """Where they lie in a stack, if the inputs are planes of stacks."""
        return self.parts[0].stack

    @property
    def extent(self) -> NDArray[np.float64]:
        """The upright box around it in the world: ``((top, left), (bottom, right))``."""
        return self.parts[0].extent

    @property
    def pixel_size(self) -> float:
        """Side of a square as large as one pixel, in world units."""
        return self.parts[0].pixel_size

    @property
    def held_bytes(self) -> int:
        """Bytes of a layer of it."""
        height, width = self.parts[0].pixels.shape[:2]
        return 4 * height * width

    def temporary_layer(self) -> Image:
        """A new layer for the mixture, transparent until `mix_into` fills it; it counts as a result."""
        pixels = np.zeros((*self.parts[0].pixels.shape[:2], 4), np.uint8)
        return layer_over(self.parts[0], pixels, blending="translucent", contrast_limits=(0, 255))

    def mix_into(self, pixels: NDArray[np.uint8]) -> Iterator[None]:
        """Write the mixture into ``(h, w, 4)``, some rows at each step: whole images take seconds."""
        height, width = pixels.shape[:2]
        rows = max(1, BAND // width)
        for start in range(0, height, rows):
            band = slice(start, start + rows)
            pixels[band] = blended(
                [(coloured(part.pixels[band], part.look), part.look.blending) for part in self.parts]
            )
            yield


Shown = Picture | Composite
"""What is looked at as one image."""


def blended(layers: Sequence[tuple[NDArray[np.uint8], str]]) -> NDArray[np.uint8]:
    """Layers on each other as the viewer mixes them.

    Parameters
    ----------
    layers
        From the bottom: ``(h, w, 4)`` uint8, where there is something opaque, and napari's name of the blending:
        additive and minimum ones are mixed so, all others cover what is below them.
    """
    (mixture, _), *others = layers
    if others:
        mixture = np.where(mixture[..., 3:] > 0, mixture, 0)
    for colours, blending in others:
        inside = colours[..., 3:] > 0
        if blending == "additive":
            mixture += np.minimum(np.where(inside, colours, 0), 255 - mixture)
        elif blending == "minimum":
            np.minimum(mixture, colours, out=mixture, where=inside & (mixture[..., 3:] > 0))
        else:
            np.copyto(mixture, colours, where=inside)
    return mixture


def composed(runs: Sequence[Run]) -> list[Shown]:
    """What there is to see of runs that `lie_together`, or of one run.

    Each picture that any of them has, in the order of `pictures_of`; of channels under way those that are there.
    """
    of_runs = [{one.key: one for one in pictures_of(run)} for run in runs]
    if len(runs) == 1:
        return list(of_runs[0].values())
    keys = sorted({key for each in of_runs for key in each}, key=_order)
    return [Composite(tuple(each[key] for each in of_runs if key in each)) for key in keys]


def lie_together(runs: Sequence[Run]) -> bool:
    """Whether the images of runs cover the same pixels of the world, as channels in layers of their own do.

    The planes of one stack do not: the viewer shows one of them at a time.
    """
    first, *others = (_place(run) for run in runs)
    return all(len(first) == len(other) and np.allclose(first, other) for other in others)


def same(one: Shown, other: Shown) -> bool:
    """Whether two are the same pictures of the same layers."""
    first, second = ([(part.run, part.key, part.layer) for part in each.parts] for each in (one, other))
    return first == second


def _order(key: str) -> tuple[int, int]:
    """The place of a key among others, as `pictures_of` has them."""
    name, _, index = key.partition(" ")
    return ORDER.index(name), int(index or 0)


def _place(run: Run) -> list[Any]:
    """Numbers that say where the image of a run lies, and how large it is."""
    origin = run.origin
    plane = () if origin.stack is None else origin.stack.point
    return [*origin.lr.shape[:2], *origin.geometry.to_world.ravel(), *plane]
