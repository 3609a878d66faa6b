"""Whether detail is copied from references that show the same thing, where that can be done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox
from napari.layers import Image

from napari_refvae.widget.form.previews import file_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.widget.form.references import ReferenceItem

__all__ = ["MatchingField", "matching_problem", "reference_sizes"]

SCALE = 8
"""What models have to enlarge by: that for which the package's gate was trained."""

TOOLTIP = (
    "For references that show the same thing (an earlier photograph of the place, an overlapping field of the slide),\n"
    "upright and at the result's scale: copies their detail where it fits, in proportion to Strength. Elsewhere, and\n"
    "from other references, nothing is copied. Takes longer the larger image and reference are."
)


class MatchingField(CheckBox):
    """A box that can be ticked where there is something to copy from; the tooltip says where there is not.

    A tick stays while it does not count, so that it does again with the next reference.
    """

    def __init__(self) -> None:
        super().__init__(value=False, text="copy what it shows", tooltip=TOOLTIP)
        self.allow("")

    @property
    def on(self) -> bool:
        """Whether detail is to be copied: the box is ticked, and it can be done."""
        return bool(self.value and not self._problem)

    def allow(self, problem: str) -> None:
        """Take ticks, or none for a reason."""
        self._problem = problem
        self.enabled = not problem
        self.tooltip = f"{TOOLTIP}\n{problem}" if problem else TOOLTIP


def matching_problem(references: Sequence[ReferenceItem], channels: int, scale: int | None) -> str:
    """Why detail cannot be copied; empty where it can.

    Parameters
    ----------
    references
        All that are chosen.
    channels
        How many layers are super-resolved together.
    scale
        What the model enlarges by; None while that is not known.
    """
    if not any(isinstance(one, Image | Path) for one in references):
        return "Now there is nothing to copy from: choose a layer or a file as reference."
    if channels > 1:
        return "Not for channels, which a reference does not show one by one: choose one layer as the image."
    if scale not in (None, SCALE):
        return f"Needs a model that enlarges {SCALE} times; this one does {scale} times."
    return ""


def reference_sizes(references: Sequence[ReferenceItem]) -> list[tuple[int, int]]:
    """Height and width of each layer and file among references; without files whose header does not tell."""
    sizes = [file_size(one) if isinstance(one, Path) else _layer_size(one) for one in references]
    return [size for size in sizes if size is not None]


def _layer_size(reference: ReferenceItem) -> tuple[int, int] | None:
    """Of the full resolution's plane; None for what is no layer."""
    if not isinstance(reference, Image):
        return None
    shape = (reference.data[0] if reference.multiscale else reference.data).shape
    height, width = shape[reference.ndim - 2 : reference.ndim]
    return int(height), int(width)
