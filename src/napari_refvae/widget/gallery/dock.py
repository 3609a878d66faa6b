"""The gallery as a dock widget of its own, for napari's menus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_refvae.widget.closing import ClosingWatcher
from napari_refvae.widget.docking import DockPlacing
from napari_refvae.widget.gallery.place import GalleryPlace
from napari_refvae.widget.results.runs import Runs

if TYPE_CHECKING:
    import napari

__all__ = ["GalleryDock"]


MARGINS = (8, 6, 6, 8)
"""Pixels: left, top, right, bottom; those of the widget for upscaling."""


class GalleryDock(GalleryPlace):
    """The gallery of a viewer's runs, whoever made them: the widget or `napari_refvae.upscale_layer`.

    Where the widget for upscaling has it in a tab, it moves here, and back when this dock is closed.

    Parameters
    ----------
    napari_viewer
        The viewer; napari passes it.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__(Runs.of_viewer(napari_viewer), napari_viewer, MARGINS)
        self.open()
        self._placing = DockPlacing(self, beside=True)
        self._watcher = ClosingWatcher(self, self.release)
