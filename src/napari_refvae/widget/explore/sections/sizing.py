"""The same sample at smaller scales: projected anew, so consistent too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_refvae.widget.explore.parts import button, column, note, row
from napari_refvae.widget.explore.sections.base import Section

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from napari_refvae.widget.explore.explorer import Explorer
    from napari_refvae.widget.explore.ground import Ground

__all__ = ["Sizing"]

SCALES = (2, 4)


class Sizing(Section):
    """Makes the recipe's sample at 2x and 4x, each a layer.

    Parameters
    ----------
    explorer, ground
        As of `Section`.
    """

    def __init__(self, explorer: Explorer, ground: Ground) -> None:
        super().__init__(explorer, ground)
        self.buttons = {
            scale: button(f"{scale}x", f"The same sample, {scale} times as large as the image", self._maker(scale))
            for scale in SCALES
        }
        column(self, note("The same sample with fewer pixels, projected anew."), row(*self.buttons.values()))

    @property
    def starters(self) -> list[QWidget]:
        return list(self.buttons.values())

    def make(self, scale: int) -> None:
        """Make it at a scale."""
        self.explorer.make(
            [self.explorer.recipe], [scale], lambda count: self.tell(f"Added the same sample at {scale}x.")
        )

    def _maker(self, scale: int) -> Callable[[], None]:
        return lambda: self.make(scale)
