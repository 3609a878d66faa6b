"""What can be made of a recipe: each a part of the panel that is folded away until it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_refvae.widget.explore.sections.composing import Composing
from napari_refvae.widget.explore.sections.painting import PaintSection
from napari_refvae.widget.explore.sections.sizing import Sizing
from napari_refvae.widget.explore.sections.spreading import Spreading
from napari_refvae.widget.explore.sections.suggesting import Suggesting
from napari_refvae.widget.explore.sections.trusting import Trusting
from napari_refvae.widget.explore.sections.varying import Varying

if TYPE_CHECKING:
    from napari_refvae.widget.explore.explorer import Explorer
    from napari_refvae.widget.explore.ground import Ground
    from napari_refvae.widget.explore.sections.base import Section
    from napari_refvae.widget.explore.weights import Weights

__all__ = ["make_sections"]


def make_sections(explorer: Explorer, ground: Ground, weights: Weights) -> dict[str, Section]:
    """All of them by their titles, in the order in which they are shown."""
    return {
        "More like this": Varying(explorer, ground),
        "Paint with references": PaintSection(explorer, ground, weights),
        "A spread of samples": Spreading(explorer, ground),
        "Trust": Trusting(explorer, ground),
        "Compose": Composing(explorer, ground),
        "Other sizes": Sizing(explorer, ground),
        "References that fit": Suggesting(explorer, ground, weights),
    }
