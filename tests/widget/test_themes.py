"""Words that can be read on napari's dark and light grounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from napari._qt.qt_resources import get_stylesheet
from napari.utils.theme import get_theme
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_refvae.widget.form.previews import Preview
from napari_refvae.widget.welcome import Welcome

if TYPE_CHECKING:
    from collections.abc import Callable

READABLE = 4.5
"""Contrast that WCAG 2 asks of small letters."""


def luminance(colour: QColor) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.getRgbF()[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: QColor, other: QColor) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("make", [lambda: Preview(58), lambda: Welcome(lambda: None)])
def test_words_stand_out(qtbot: Any, theme: str, make: Callable[[], QWidget]) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.setStyleSheet(get_stylesheet(theme))
    made = make()
    QVBoxLayout(window).addWidget(made)
    ground = QColor(*get_theme(theme).background.as_rgb_tuple())
    labels = [made] if isinstance(made, QLabel) else made.findChildren(QLabel)
    assert labels
    for label in labels:
        label.ensurePolished()
        assert contrast(label.palette().windowText().color(), ground) >= READABLE
