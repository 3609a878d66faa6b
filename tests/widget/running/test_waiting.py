from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QPushButton

from napari_refvae.widget.running.waiting import no_input


def test_clicks_keys_and_closing_wait_and_escape_is_noticed(qtbot: Any) -> None:
    button = QPushButton("Upscale")
    qtbot.addWidget(button)
    clicks: list[bool] = []
    button.clicked.connect(clicks.append)
    button.show()
    with no_input() as stopped:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.keyClick(button, Qt.Key.Key_Space)
        assert not button.close()
        assert button.isVisible()
        assert not stopped()
        qtbot.keyClick(button, Qt.Key.Key_Escape)
        assert stopped()
        assert QApplication.overrideCursor() is not None
    assert clicks == []
    assert QApplication.overrideCursor() is None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert clicks == [False]
    assert button.close()
