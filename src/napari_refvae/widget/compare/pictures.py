"""What can be looked at beside each other: the samples of a run, and what they are judged against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_refvae.widget.results.geometry import Geometry, StackPlace
from napari_refvae.widget.results.layers import METADATA_KEY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.widget.results.run import Run

__all__ = [
    "FAITHFUL",
    "INPUT",
    "SAMPLE",
    "TRUTH",
    "Picture",
    "comparison_metadata",
    "layer_over",
    "pictures_of",
    "sample_key",
]

INPUT = "input"
TRUTH = "truth"
FAITHFUL = "faithful"
SAMPLE = "sample"
"""What the keys of samples begin with."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image of a run, whether a layer of the viewer shows it or not.

    Attributes
    ----------
    key
        `INPUT`, `TRUTH`, `FAITHFUL` or what `sample_key` gives: the same for the same picture of a run.
    title
        For people.
    run
        The run's id.
    pixels
        ``(h, w)``, ``(h, w, 3)`` or ``(h, w, 4)``, in the input's dtype.
    geometry
        Where they lie.
    look
        The layer whose colormap, contrast limits and gamma show the pixels.
    layer
        The layer that holds these very pixels, if there is one.
    stack
        Where they lie in a stack, if the input is a plane of one.
    to_world
        From ``(row, column, 1)`` of a pixel to the world: ``(3, 3)``.
    """

    key: str
    title: str
    run: str
    pixels: NDArray[Any]
    geometry: Geometry
    look: Image
    layer: Image | None = None
    stack: StackPlace | None = None
    to_world: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "to_world", self.geometry.to_world)

    @property
    def parts(self) -> tuple[Picture, ...]:
        """Itself: the one picture that it shows."""
        return (self,)

    @property
    def extent(self) -> NDArray[np.float64]:
        """The upright box around it in the world, with its outer pixels: ``((top, left), (bottom, right))``."""
        height, width = self.pixels.shape[:2]
        edges = np.array([(y, x, 1) for y in (-0.5, height - 0.5) for x in (-0.5, width - 0.5)])
        corners = (edges @ self.to_world.T)[:, :2]
        return np.stack([corners.min(axis=0), corners.max(axis=0)])

    @property
    def pixel_size(self) -> float:
        """Side of a square as large as one pixel, in world units."""
        return float(np.sqrt(abs(np.linalg.det(self.to_world[:2, :2]))))

    def temporary_layer(self) -> Image:
        """A new layer of these pixels, shown as ``look`` is, that no list of layers offers as an input."""
        look = self.look
        shown = {"blending": look.blending, "gamma": look.gamma, "contrast_limits": look.contrast_limits}
        if self.pixels.ndim == 2:
            shown["colormap"] = look.colormap
        return layer_over(self, self.pixels, **shown)


def layer_over(picture: Picture, pixels: NDArray[Any], **shown: Any) -> Image:
    """A layer of ``pixels`` that lies where a picture of their size does, and counts as a result."""
    where, stack = picture.geometry, picture.stack
    return Image(
        pixels if stack is None else stack.lifted(pixels),
        rgb=pixels.ndim == 3,
        name=picture.title,
        metadata=comparison_metadata(picture.run),
        **(where.as_keywords() if stack is None else stack.around(where)),
        **shown,
    )


def pictures_of(run: Run) -> list[Picture]:
    """What there is to see of a run: input, ground truth, faithful image, samples; nothing before its first sample."""
    if not run.samples:
        return []
    ordered = [run.samples[index] for index in sorted(run.samples)]
    look, origin = ordered[0].image, run.origin
    found = [Picture(INPUT, "Input", run.id, origin.lr, origin.geometry, look, stack=origin.stack)]
    if run.truth is not None:
        finer = origin.geometry.refined(run.truth.shape[0] // origin.lr.shape[0])
        found.append(Picture(TRUTH, "Ground truth", run.id, run.truth, finer, look, stack=origin.stack))
    if run.faithful is not None:
        found.append(_of_layer(FAITHFUL, "Faithful", run, run.faithful))
    return found + [_of_layer(sample_key(kind.index), f"#{kind.index + 1}", run, kind.image) for kind in ordered]


def sample_key(index: int) -> str:
    """The key of a sample's picture."""
    return f"{SAMPLE} {index}"


def comparison_metadata(run: str) -> dict[str, Any]:
    """What marks a layer that is there for a comparison only."""
    return {
        METADATA_KEY: {
            "kind": "comparison",
            "run": run,
            "sample": None,
            "reference": None,
            "seed": None,
            "lr_psnr": None,
            "provenance": None,
        }
    }


def _of_layer(key: str, title: str, run: Run, layer: Image) -> Picture:
    pixels = layer.data[(0,) * (layer.ndim - 2)]  # of a stack of one
    return Picture(key, title, run.id, pixels, Geometry.of(layer), layer, layer, run.origin.stack)
