"""The gallery as a dock widget of its own, for napari's menus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_refvae.widget.gallery import Gallery
from napari_refvae.widget.runs import Runs

if TYPE_CHECKING:
    import napari

__all__ = ["GalleryDock"]


MARGINS = (8, 6, 6, 8)
"""Pixels: left, top, right, bottom; those of the widget for upscaling."""


class GalleryDock(Gallery):
    """The gallery of a viewer's runs, whoever made them: the widget or `napari_refvae.upscale_layer`.

    Parameters
    ----------
    napari_viewer
        The viewer; napari passes it.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__(Runs.of_viewer(napari_viewer), napari_viewer)
        layout = self.layout()
        assert layout is not None  # the gallery has made it
        layout.setContentsMargins(*MARGINS)
