"""What a card shows."""

from __future__ import annotations

from typing import Any

from napari_refvae.widget.gallery.captions import in_words
from napari_refvae.widget.gallery.cards import Card


def test_everything_that_can_be_known_has_a_line(qtbot: Any) -> None:
    card = Card("#1")
    qtbot.addWidget(card)
    card.resize(160, 300)
    card.show()
    lines = ["bark", "LR-PSNR 50.0 dB", *in_words({"psnr": 31.234, "ssim": 0.9, "vgg": 0.1234})]
    card.set_lines(lines)
    assert lines[2:] == ["PSNR 31.23 dB", "SSIM 0.900", "VGG 0.123"]
    assert [line.text() for line in card._lines if line.isVisible()] == lines
    card.set_lines(["a reference with a name that is too long for a card"])
    [line] = [line for line in card._lines if line.isVisible()]
    assert "\N{HORIZONTAL ELLIPSIS}" in line.text()
    assert line.toolTip().endswith("for a card")
