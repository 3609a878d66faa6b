"""The panel that explores as a dock widget of its own, for napari's menus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_refvae.widget.closing import ClosingWatcher
from napari_refvae.widget.docking import DockPlacing
from napari_refvae.widget.explore.panel import ExplorePanel
from napari_refvae.widget.results.runs import Runs

if TYPE_CHECKING:
    import napari

__all__ = ["ExploreDock"]

MARGINS = (8, 6, 6, 8)
"""Pixels: left, top, right, bottom; those of the widget for upscaling."""


class ExploreDock(QWidget):
    """Steer among all samples of an image, without a run before.

    Parameters
    ----------
    napari_viewer
        The viewer; napari passes it.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self.panel = ExplorePanel(Runs.of_viewer(napari_viewer), napari_viewer)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self)
        column.setContentsMargins(*MARGINS)
        column.addWidget(self.panel)
        self._placing = DockPlacing(self, beside=True)
        self._watcher = ClosingWatcher(self, self.panel.detach)
