"""What the widget shows while the viewer has no image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Welcome", "open_sample"]

TEXT = (
    "<p><b>Open a small image to begin</b></p>"
    "<p>RefVAE makes it 8 times as large, several times over. The versions differ in the detail that they invent; "
    "each one, made small again, gives your image back.</p>"
)


class Welcome(QWidget):
    """A sentence, and a button that opens the sample photograph.

    Parameters
    ----------
    open_sample
        Called by the button.
    """

    def __init__(self, open_sample: Callable[[], None]) -> None:
        super().__init__()
        text = QLabel(TEXT)
        text.setWordWrap(True)
        text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.button = QPushButton("Open the sample photograph")
        self.button.setMinimumHeight(30)
        self.button.clicked.connect(lambda: open_sample())
        hint = QLabel("More under File > Open Sample > RefVAE")
        hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 24, 8, 8)
        column.setSpacing(10)
        for part in (text, self.button, hint):
            column.addWidget(part)
        column.addStretch()


def open_sample(viewer: Any) -> None:
    """Open the sample photograph."""
    from napari_refvae.widget.sample_data import photograph

    for data, keywords, _ in photograph():
        viewer.add_image(data, **keywords)
