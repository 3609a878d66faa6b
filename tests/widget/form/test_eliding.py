from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

from napari_refvae.widget.form.choices import ChoiceBox
from napari_refvae.widget.form.eliding import ElidedLabel, ElidedText, shortened

LONG = "2024-03-11_plate-7_well-B4_field-012_channel-DAPI.ome.tif"


@pytest.mark.parametrize("longest", [8, 9, 32, 100])
def test_a_name_in_a_sentence_keeps_both_ends(longest: int) -> None:
    short = shortened(LONG, longest)
    assert len(short) == min(longest, len(LONG))
    assert (short[:3], short[-3:]) == (LONG[:3], LONG[-3:])
    assert shortened("cat") == "cat"


def test_a_label_gives_way_and_says_all_in_its_tooltip(qtbot: Any) -> None:
    label = ElidedLabel(LONG)
    qtbot.addWidget(label)
    label.resize(100, 20)
    label.show()
    assert label.text().startswith("20")
    assert "\N{HORIZONTAL ELLIPSIS}" in label.text()
    label.resize(2000, 20)
    assert label.text() == label.toolTip() == LONG
    label.say("cat")
    assert label.text() == label.toolTip() == "cat"


def test_a_box_draws_what_fits(qtbot: Any) -> None:
    box = QComboBox()
    qtbot.addWidget(box)
    box.addItems(["cat", LONG])
    elided = ElidedText(box)
    box.resize(120, 26)
    box.show()
    assert elided.text == "cat"
    box.setCurrentText(LONG)
    assert "\N{HORIZONTAL ELLIPSIS}" in elided.text
    assert not box.grab().isNull()
    box.resize(2000, 26)
    assert elided.text == box.currentText() == LONG


def test_the_list_that_opens_shows_whole_names(qtbot: Any) -> None:
    box = ChoiceBox("", [(LONG, 1), ("cat", 2)], 1).native
    qtbot.addWidget(box)
    assert box.view().minimumWidth() > 300
    assert box.itemData(0, Qt.ItemDataRole.ToolTipRole) == LONG
    assert box.sizeHint().width() < 300
