"""Which part of a ground truth a sample is to equal."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_refvae.errors import InvalidInputError
from napari_refvae.regions import Region
from napari_refvae.widget.results.layers import LayerPlane
from napari_refvae.widget.results.truths import truth_plane

LR = Image(np.zeros((5, 7), np.uint8), name="lr")


def part(truth: Image, region: Region | None = None) -> np.ndarray:
    return truth_plane(LayerPlane.of(truth), LayerPlane.of(LR), region, 8).pixels()


def test_it_is_taken_as_it_is() -> None:
    truth = np.random.default_rng(0).integers(0, 256, (40, 56), np.uint8)
    np.testing.assert_array_equal(part(Image(truth)), truth)


def test_what_was_cropped_before_down_sampling_is_cropped() -> None:
    truth = np.random.default_rng(0).integers(0, 256, (47, 57), np.uint8)
    np.testing.assert_array_equal(part(Image(truth)), truth[:40, :56])


def test_of_the_whole_the_region_is_taken() -> None:
    truth = np.random.default_rng(0).integers(0, 256, (40, 56), np.uint8)
    region = Region(1, 2, 3, 4)
    np.testing.assert_array_equal(part(Image(truth), region), truth[8:32, 16:48])
    np.testing.assert_array_equal(part(Image(truth[8:32, 16:48]), region), truth[8:32, 16:48])


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        (Image(np.zeros((40, 48), np.uint8), name="hr"), "56 x 40, 8 times the image; got 'hr' of 48 x 40"),
        (Image(np.zeros((40, 56), np.float32), name="hr"), "grey uint8; got 'hr', grey float32"),
        (Image(np.zeros((40, 56, 3), np.uint8), name="hr", rgb=True), "grey uint8; got 'hr', RGB uint8"),
    ],
)
def test_what_does_not_fit_is_refused(truth: Image, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        part(truth)
