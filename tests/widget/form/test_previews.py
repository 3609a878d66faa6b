from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array
import numpy as np
import pytest
from napari.layers import Image
from PIL import Image as Picture

from napari_refvae.widget.form.previews import Preview, file_picture, layer_picture

if TYPE_CHECKING:
    from pathlib import Path


def colour(image: Any, x: int = 0, y: int = 0) -> tuple[int, ...]:
    return image.pixelColor(x, y).getRgb()[:3]


def test_a_grey_layer_is_shown_through_its_limits_and_colours(qtbot: Any) -> None:
    layer = Image(np.array([[100, 500, 900]], np.uint16), contrast_limits=(100, 900), colormap="green")
    shown = layer_picture(layer)
    assert [colour(shown, x) for x in range(3)] == [(0, 0, 0), (0, 128, 0), (0, 255, 0)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (np.full((2, 2, 3), 200, np.uint8), 200),
        (np.full((2, 2, 3), 0.5, np.float32), 128),
        (np.full((2, 2, 4), 65535, np.uint16), 255),
    ],
)
def test_a_colour_layer_is_shown_in_its_colours(qtbot: Any, data: np.ndarray[Any, Any], expected: int) -> None:
    assert colour(layer_picture(Image(data, rgb=True))) == (expected,) * 3


def test_limits_and_gamma_of_a_colour_layer_are_seen(qtbot: Any) -> None:
    layer = Image(np.full((2, 2, 3), 100, np.uint8), rgb=True, contrast_limits=(0, 200), gamma=2.0)
    assert colour(layer_picture(layer)) == (64, 64, 64)


def test_the_shown_plane_of_a_stack_is_taken(qtbot: Any) -> None:
    stack = Image(np.stack([np.zeros((2, 2)), np.ones((2, 2))]), contrast_limits=(0, 1))
    assert colour(layer_picture(stack, (1.0, 0, 0))) == (255, 255, 255)


def test_large_images_are_thinned_and_others_read_nothing(qtbot: Any) -> None:
    assert layer_picture(Image(np.zeros((4000, 100), np.uint8))).height() < 400
    lazy = Image(dask.array.zeros((400, 400), chunks=100), contrast_limits=(0, 1))
    assert layer_picture(lazy).width() <= 64


def test_a_file_is_decoded_small(qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "stone.png"
    Picture.new("RGB", (800, 400), (9, 80, 200)).save(path)
    shown = file_picture(path)
    assert shown is not None
    assert (shown.width(), shown.height()) == (96, 48)
    assert colour(shown) == (9, 80, 200)
    assert file_picture(tmp_path / "none.png") is None


def test_without_a_picture_there_is_a_word(qtbot: Any) -> None:
    preview = Preview(40)
    qtbot.addWidget(preview)
    preview.show_picture(layer_picture(Image(np.zeros((5, 5)))))
    assert preview.pixmap() is not None
    preview.show_picture(None, "tif")
    assert preview.text() == "tif"


def test_a_damaged_file_has_no_picture_and_is_not_told_of(tmp_path: Path, qtlog: Any) -> None:
    whole, damaged = tmp_path / "whole.jpg", tmp_path / "damaged.jpg"
    Picture.fromarray(np.zeros((64, 64, 3), np.uint8)).save(whole)
    damaged.write_bytes(whole.read_bytes()[:200])
    assert file_picture(damaged) is None
    assert qtlog.records == []
