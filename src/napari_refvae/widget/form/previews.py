"""Small pictures of what is chosen: of a layer as the viewer shows it, or of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QSize, Qt, qInstallMessageHandler
from qtpy.QtGui import QImage, QImageReader, QPixmap
from qtpy.QtWidgets import QLabel

from napari_refvae.widget.results.colours import coloured
from napari_refvae.widget.results.layers import shown_plane

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.layers import Image
    from numpy.typing import NDArray

__all__ = ["Preview", "file_picture", "file_size", "layer_picture"]


class Preview(QLabel):
    """A square that shows a picture, or a word where there is none.

    Parameters
    ----------
    side
        Pixels.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self._side = side
        self.setFixedSize(side, side)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setStyleSheet("border: 1px solid rgba(128, 128, 128, 90); border-radius: 3px;")

    def show_picture(self, image: QImage | None, word: str = "") -> None:
        """Show a picture, as large as fits; without one the word."""
        if image is None or image.isNull():
            self.setPixmap(QPixmap())
            self.setText(word)
            return
        ratio = self.devicePixelRatioF()
        inner = round((self._side - 4) * ratio)
        mode = Qt.TransformationMode.SmoothTransformation
        pixmap = QPixmap.fromImage(image.scaled(inner, inner, Qt.AspectRatioMode.KeepAspectRatio, mode))
        pixmap.setDevicePixelRatio(ratio)
        self.setPixmap(pixmap)


def layer_picture(layer: Image, point: Sequence[float] | None = None, side: int = 96) -> QImage:
    """The plane of a layer that is shown, with its colours; every so many pixels of it."""
    data = layer.data[-1] if layer.multiscale else layer.data
    if not isinstance(data, np.ndarray):  # reading others may take long: napari has a small one
        return _image(np.ascontiguousarray(layer.thumbnail))
    plane = data[shown_plane(layer, point)] if not layer.multiscale else data[(0,) * (layer.ndim - 2)]
    step = max(1, max(plane.shape[:2]) // (2 * side))
    return _image(coloured(plane[::step, ::step], layer))


def file_picture(path: Path, side: int = 96) -> QImage | None:
    """A file's picture, decoded small where its format allows that; None for kinds that Qt does not read.

    What Qt has to say about a damaged file goes nowhere: a run with it says what is wrong, once.
    """
    told = qInstallMessageHandler(lambda *_: None)
    try:
        return _read_small(path, side)
    finally:
        qInstallMessageHandler(told)


def file_size(path: Path) -> tuple[int, int] | None:
    """Height and width by a file's header; None for kinds that Qt does not read."""
    told = qInstallMessageHandler(lambda *_: None)
    try:
        size = QImageReader(str(path)).size()
    finally:
        qInstallMessageHandler(told)
    return (size.height(), size.width()) if size.isValid() else None


def _read_small(path: Path, side: int) -> QImage | None:
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid():
        reader.setScaledSize(size.scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    return None if image.isNull() else image


def _image(colours: NDArray[np.uint8]) -> QImage:
    height, width = colours.shape[:2]
    image = QImage(colours.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return image.copy()  # which owns its pixels
