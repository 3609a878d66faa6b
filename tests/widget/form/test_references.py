from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.layers import Image
from PIL import Image as Picture
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent

from napari_refvae.spec import PriorReference, SelfReference
from napari_refvae.widget.form.references import LAYER_DRAG, ReferenceList, fix_reference, read_choice
from napari_refvae.widget.results.layers import METADATA_KEY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bark() -> Image:
    return Image(np.arange(12, dtype=np.uint8).reshape(3, 4), name="bark")


@pytest.fixture
def references(qtbot: Any, bark: Image) -> ReferenceList:
    made = ReferenceList(50)
    qtbot.addWidget(made)
    made.offer_layers([bark])
    return made


@pytest.fixture
def stone(tmp_path: Path) -> Path:
    path = tmp_path / "stone.png"
    Picture.new("L", (5, 4)).save(path)
    return path


class LayerDrag(QMimeData):
    """What napari's layer list makes of layers that are dragged."""

    def __init__(self, *items: Image) -> None:
        super().__init__()
        self.items = items
        self.setData(LAYER_DRAG, b"")


def drop(references: ReferenceList, mime: QMimeData) -> QDropEvent:
    enter = QDragEnterEvent(
        QPoint(5, 5), Qt.DropAction.MoveAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    references.dragEnterEvent(enter)
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.MoveAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    if enter.isAccepted():
        references.dropEvent(event)
    return event


def test_it_begins_with_none(references: ReferenceList) -> None:
    assert references.choices == [PriorReference()]


def test_the_first_that_is_added_takes_the_place_of_none(references: ReferenceList, bark: Image, stone: Path) -> None:
    references.add(stone)
    assert references.choices == [stone]
    references.add(bark)
    references.add(SelfReference())
    references.add(bark)
    assert references.choices == [stone, bark, SelfReference()]


def test_what_is_taken_out_is_out(references: ReferenceList, bark: Image, stone: Path) -> None:
    for choice in (bark, stone, SelfReference()):
        references.add(choice)
    told: list[int] = []
    references.changed.connect(lambda: told.append(1))
    references.remove(stone)
    assert references.choices == [bark, SelfReference()]
    assert told == [1]


def test_choosing_a_further_one_first_moves_it(references: ReferenceList, bark: Image, stone: Path) -> None:
    references.add(bark)
    references.add(stone)
    references.box.value = stone
    assert references.choices == [stone]


def test_layers_that_are_gone_are_named_and_out(references: ReferenceList, bark: Image, stone: Path) -> None:
    moss = Image(np.zeros((3, 4)), name="moss")
    references.offer_layers([bark, moss])
    for choice in (bark, stone, moss):
        references.add(choice)
    assert sorted(references.offer_layers([])) == ["bark", "moss"]
    assert references.choices == [PriorReference(), stone]
    assert references.offer_layers([]) == []


def test_an_image_file_can_be_dropped(references: ReferenceList, stone: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(stone))])
    drop(references, mime)
    assert references.choices == [stone]


def test_a_layer_can_be_dropped_and_stays_in_its_list(references: ReferenceList, bark: Image) -> None:
    event = drop(references, LayerDrag(bark))
    assert references.choices == [bark]
    assert event.dropAction() == Qt.DropAction.IgnoreAction


def test_a_result_or_a_text_cannot(references: ReferenceList) -> None:
    drop(references, LayerDrag(Image(np.zeros((3, 4)), metadata={METADATA_KEY: {}})))
    text = QMimeData()
    text.setText("hello")
    drop(references, text)
    assert references.choices == [PriorReference()]


def test_what_the_engine_gets(bark: Image, stone: Path) -> None:
    assert read_choice(stone) is stone
    assert read_choice(SelfReference()) == SelfReference()
    read = read_choice(bark)
    assert (read.name, read.image.shape) == ("bark", (3, 4, 3))


def test_what_a_click_fixes_is_read_later(bark: Image, stone: Path) -> None:
    assert fix_reference(stone) is stone
    assert fix_reference(PriorReference()) == PriorReference()
    fixed, before = fix_reference(bark), read_choice(bark)
    bark.data[:] = 0
    np.testing.assert_array_equal(fixed.reference().image, before.image)


def test_a_file_is_decoded_once_and_when_it_changed(
    references: ReferenceList, stone: Path, bark: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr("napari_refvae.widget.form.references.file_picture", read.append)
    references.add(bark)
    references.add(stone)
    references.show_pictures(None)
    references.offer_layers([bark])
    assert read == [stone]
    os.utime(stone, ns=(0, 10**9))
    references.show_pictures(None)
    assert read == [stone, stone]
    stone.unlink()
    references.show_pictures(None)
    assert read == [stone, stone]
