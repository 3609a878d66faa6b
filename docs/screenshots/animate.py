"""Make the animated pictures by driving napari: python docs/screenshots/animate.py [click] [preview].

Needs a screen; without one, run it under ``xvfb-run -a -s "-screen 0 1600x1200x24"``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from make import Session  # first: it keeps napari away from the user's settings
from napari._qt.dialogs.qt_notification import NapariQtNotification
from PIL import Image, ImageDraw
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QPushButton

from explore import Exploring

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

FOLDER = Path(__file__).parents[1] / "images"
WIDTH = 960
COLOURS = 256
COMMON = 32
"""Colours of the palette that fill most of the window, kept as they are: those of buttons and backgrounds."""

LARGEST = 2_500_000  # bytes

GLIDE = 6
"""Pictures of the cursor on its way."""

ARROW = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12))
"""The cursor, which screenshots leave out."""


@dataclass
class Film:
    """Pictures of a window with their times, and where the cursor is."""

    session: Session
    frames: list[Image.Image] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    cursor: tuple[float, float] = (0.55, 0.9)
    """In parts of the window's width and height."""

    window: Image.Image = field(init=False)
    """The window as it was last looked at, without the cursor."""

    def look(self, milliseconds: int, settle: float = 0.2) -> None:
        """Take a picture of the window."""
        self.session.settle(settle)
        for toast in self.session.window.findChildren(NapariQtNotification):
            toast.close()
            self.session.settle(0.1)
        pixels = self.session.viewer.screenshot(canvas_only=False, flash=False)
        picture = Image.fromarray(pixels[..., :3])
        height = round(picture.height * WIDTH / picture.width)
        self.window = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
        self._add(milliseconds)

    def point_at(self, widget: QWidget) -> None:
        """Move the cursor to the middle of a widget, over the picture that was taken last."""
        window = self.session.window
        middle = widget.mapTo(window, QPoint(widget.width() // 2, widget.height() // 2))
        goal = middle.x() / window.width(), middle.y() / window.height()
        start = self.cursor
        for step in range(1, GLIDE + 1):
            part = step / GLIDE
            part = part * part * (3 - 2 * part)  # slow at both ends
            self.cursor = tuple(a + part * (b - a) for a, b in zip(start, goal, strict=True))
            self._add(70)
        self._add(250)

    def press(self, widget: QWidget, click: Callable[[], object]) -> None:
        """Point at a widget, and do what a click there does."""
        self.point_at(widget)
        self._add(120, pressed=True)
        click()

    def _add(self, milliseconds: int, *, pressed: bool = False) -> None:
        frame = self.window.copy()
        pen = ImageDraw.Draw(frame)
        x, y = self.cursor[0] * frame.width, self.cursor[1] * frame.height
        if pressed:
            pen.ellipse((x - 16, y - 16, x + 16, y + 16), outline="#ffd000", width=4)
        pen.polygon([(x + dx, y + dy) for dx, dy in ARROW], fill="white", outline="black")
        self.frames.append(frame)
        self.times.append(milliseconds)

    def save(self, name: str) -> None:
        """Write the film as an endless GIF with one palette, so that only what moves is stored."""
        palette = self._palette()
        first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in self.frames]
        path = FOLDER / f"{name}.gif"
        first.save(path, save_all=True, append_images=others, duration=self.times, loop=0, optimize=True)
        size = path.stat().st_size
        sys.stdout.write(f"{path.name}: {first.size}, {len(self.frames)} pictures, {size // 1000} kB\n")
        if size > LARGEST:
            sys.exit(f"{path.name} is larger than {LARGEST // 1000} kB: take fewer pictures or colours")

    def _palette(self) -> Image.Image:
        """Colours that serve pictures from all of the film.

        The window is mostly grey. So that the colours of the image get their share, each counts by the square root of
        how often it is there.
        """
        some = self.frames[:: max(1, len(self.frames) // 8)]
        pixels = np.concatenate([np.asarray(frame).reshape(-1, 3) for frame in some])
        colours, counts = np.unique(pixels, axis=0, return_counts=True)
        weighed = np.repeat(colours, np.sqrt(counts).astype(int), axis=0)
        rest = Image.fromarray(weighed[None]).quantize(COLOURS - COMMON, kmeans=2).getpalette()
        palette = Image.new("P", (1, 1))
        palette.putpalette([*colours[np.argsort(counts)[-COMMON:]].ravel().tolist(), *rest])
        return palette


def click() -> Film:
    """From the sample photograph to four samples of it."""
    session = Session()
    film = Film(session)
    session.open("photograph", "grass")
    session.choose("cat")
    film.look(1200)
    box = session.widget.references.box
    film.press(box.native, lambda: session.choose("cat", "grass"))
    film.look(900)
    button = session.widget.bar.button.native
    film.press(button, session.start)
    film.look(300)
    seen = 0
    while session.widget.upscaling.running:
        if session.finished > seen:
            seen = session.finished
            session.frame("cat")
            film.look(700)
        else:
            film.look(160, settle=0.7)
    session.finish()
    session.frame("cat")
    film.look(1500)
    names = [
        layer.name for layer in session.viewer.layers if layer.metadata.get("napari_refvae", {}).get("kind") == "sample"
    ]
    for name in names[1:3]:
        for other in names:
            session.viewer.layers[other].visible = other == name
        film.look(900)
    [slider] = [one for one in session.window.findChildren(QPushButton) if one.text() == "Slider" and one.isVisible()]
    film.press(slider, slider.click)
    film.look(2500, settle=1)
    session.close()
    return film


def preview() -> Film:
    """Sliders of the panel that explores move, and the preview follows."""
    session = Exploring()
    film = Film(session)
    panel = session.panel
    session.viewer.scene.camera.zoom *= 1.5
    film.look(700)

    def turn(slider: QWidget, *values: float) -> None:
        film.point_at(slider)
        for value in values:
            slider.setValue(value)
            session.previewed()
            film.look(160, settle=0.1)
        film.look(500)

    turn(panel.dials.vividness, 0.0, *(step / 8 for step in range(1, 9)))
    turn(panel.dials.temperature, 0.6, 0.2, 0.0, 0.5, 1.0, 1.5)
    for _ in range(3):
        film.press(panel.dials.die, panel.dials.roll)
        session.previewed()
        film.look(450)
    film.press(panel.keep, panel.keep.click)
    session.worked()
    film.look(2000, settle=1)
    session.end()
    return film


STORIES = {"click": click, "preview": preview}


def main(*names: str) -> None:
    """Make all films, or those that are named."""
    for name in names or STORIES:
        STORIES[name]().save(name)


if __name__ == "__main__":
    main(*sys.argv[1:])
