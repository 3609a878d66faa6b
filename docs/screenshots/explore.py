"""Make the pictures of the panel that explores, from napari itself: python docs/screenshots/explore.py [NAME...].

Needs a screen; without one, run it under ``xvfb-run -a -s "-screen 0 1600x1200x24"``.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from make import PLUGIN, SIZE, WIDGETS, Session  # first: it gives napari settings of its own

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCK = "Explore samples"
WIDGETS[DOCK] = f"{PLUGIN}.explore"


class Exploring(Session):
    """A napari window with the panel alone, driven as a user would."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer()
        self.window = self.viewer.window._qt_window
        self.window.resize(*SIZE)
        self.open("photograph", "grass", "gravel")
        for name in ("grass", "gravel"):
            self.viewer.layers[name].visible = False
        self.panel: Any = self.dock(DOCK).panel
        self.panel.ground.image.value = self.viewer.layers["cat"]
        for name in ("grass", "gravel"):
            self.panel.weights.add(self.viewer.layers[name])
        self.frame("cat")
        self.settle()

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        return int(self.viewer.layers["cat"].data.shape[0])

    def previewed(self) -> None:
        """Wait until the preview shows what the dials say, and the history has it."""
        explorer = self.panel.explorer

        def is_shown() -> bool:
            glimpse = explorer._shown
            return glimpse is not None and glimpse.wish.recipe is explorer.recipe

        self.wait(is_shown, "the preview")
        self.settle(1)

    def worked(self) -> None:
        """Wait for the end of a job."""
        self.wait(lambda: not self.panel.explorer.tasks.running, "the job")
        self.settle()

    def open_drawer(self, title: str) -> Any:
        """Open a part of the panel, and bring it into view."""
        drawer = self.panel.drawers[title]
        drawer.set_open(True)
        self.settle()
        self.panel.scroller.ensureWidgetVisible(drawer)
        return self.panel.sections[title]

    def blend(self) -> None:
        """Turn some dials."""
        for weights in ((0.3, 0.0), (0.5, 0.3)):
            for slider, weight in zip(self.panel.weights.sliders, weights, strict=True):
                slider.setValue(weight)
            self.previewed()
        self.panel.dials.seed.setValue(4)
        self.previewed()

    def end(self) -> None:
        """Close panel and window."""
        self.panel.detach()
        self.close()


def dials() -> Iterator[tuple[str, Exploring]]:
    """Sliders with a live preview; then variations of it, a region locked."""
    session = Exploring()
    session.blend()
    yield "explore", session
    near = session.open_drawer("More like this")
    eye = [np.array([(9.0, 15.5), (9.0, 27.5), (20.0, 27.5), (20.0, 15.5)])]
    place = {name: getattr(session.viewer.layers["cat"], name) for name in ("scale", "translate", "units")}
    near.lock.value = session.viewer.add_shapes(
        eye, shape_type="ellipse", name="eye", face_color="transparent", edge_color="#ffb000", edge_width=0.3, **place
    )
    near.amount.setValue(0.7)
    near.count.setValue(3)
    near.make.click()
    session.worked()
    layers = session.viewer.layers
    layers.move(layers.index("eye"), len(layers))  # over the samples
    layers.selection.active = next(layer for layer in layers if "varied" in layer.name and layer.visible)
    session.settle()
    yield "explore-vary", session
    session.end()


def regions() -> Iterator[tuple[str, Exploring]]:
    """References painted on the image; where the detail is invention."""
    session = Exploring()
    paint = session.open_drawer("Paint with references")
    paint.begin.click()
    labels = paint.labels
    for x in range(4, 20, 3):
        for y in range(3, session.height - 2, 3):
            labels.paint((y, x - y // 6), 1)
    paint.brushes[2].click()
    for y in range(4, session.height - 3, 3):
        labels.paint((y, 50 - y // 8), 2)
    paint.softness.setValue(1.5)
    session.previewed()
    session.open_drawer("Paint with references")
    yield "explore-paint", session
    paint.end.click()
    trust = session.open_drawer("Trust")
    trust.make.click()
    session.worked()
    yield "explore-trust", session
    session.end()


def main() -> None:
    """Make all pictures, or those that are named."""
    wanted = sys.argv[1:]
    for scene in (dials, regions):
        for name, session in scene():
            if not wanted or name in wanted:
                session.shoot(name)


if __name__ == "__main__":
    main()
