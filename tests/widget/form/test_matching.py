"""Where detail can be copied from references, and from how many pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image
from PIL import Image as Picture

from napari_refvae.model.matching.gate import GATE_SCALE
from napari_refvae.spec import PriorReference, SelfReference
from napari_refvae.widget.form.matching import SCALE, MatchingField, matching_problem, reference_sizes

LAYER = Image(np.zeros((3, 4), np.uint8))


def test_the_scale_is_the_gates() -> None:
    assert SCALE == GATE_SCALE


@pytest.mark.parametrize("reference", [LAYER, Path("nearby.png")])
@pytest.mark.parametrize("scale", [None, SCALE])
def test_layers_and_files_can_be_copied_from(reference: Any, scale: int | None) -> None:
    assert matching_problem([PriorReference(), reference], 1, scale) == ""


@pytest.mark.parametrize(
    ("references", "channels", "scale", "said"),
    [
        ([PriorReference(), SelfReference()], 1, SCALE, "nothing to copy from"),
        ([LAYER], 2, SCALE, "Not for channels"),
        ([LAYER], 1, 4, "this one does 4 times"),
    ],
)
def test_else_the_reason_is_said(references: list[Any], channels: int, scale: int, said: str) -> None:
    assert said in matching_problem(references, channels, scale)


def test_a_tick_counts_again_when_there_is_something_to_copy_from(qtbot: Any) -> None:
    field = MatchingField()
    qtbot.addWidget(field.native)
    field.value = True
    assert field.on
    field.allow("No.")
    assert not field.on
    assert field.tooltip.endswith("No.")
    field.allow("")
    assert field.on
    assert not field.tooltip.endswith("No.")


def test_sizes_are_those_of_full_resolution_planes_and_of_headers(tmp_path: Path) -> None:
    Picture.new("L", (5, 4)).save(tmp_path / "stone.png")
    (tmp_path / "text.png").write_text("no picture")
    pyramid = Image([np.zeros((2, 8, 6), np.uint8), np.zeros((2, 4, 3), np.uint8)], multiscale=True)
    colours = Image(np.zeros((7, 9, 3), np.uint8), rgb=True)
    references = [SelfReference(), pyramid, colours, tmp_path / "stone.png", tmp_path / "text.png", tmp_path / "gone"]
    assert reference_sizes(references) == [(8, 6), (7, 9), (4, 5)]
