from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels, Shapes

from napari_refvae.errors import InvalidInputError
from napari_refvae.regions import Region
from napari_refvae.widget.explore.ground import bounded
from napari_refvae.widget.explore.masks import covered, labels_on

SIZE = (10, 14)
PLACE = {"scale": (2, 3), "translate": (5, -7), "rotate": 30}


@pytest.fixture
def image():
    return Image(np.zeros(SIZE), **PLACE)


def test_labels_on_the_same_grid_come_as_they_are(image):
    plane = np.random.default_rng(0).integers(0, 4, SIZE)
    np.testing.assert_array_equal(labels_on(Labels(plane, **PLACE), image, SIZE), plane)


def test_labels_are_read_where_they_lie(image):
    fine = np.kron(np.arange(140).reshape(SIZE), np.ones((8, 8), int))
    placed = PLACE | {"scale": (2 / 8, 3 / 8)}
    shift = image.data_to_world((-7 / 16, -7 / 16))
    marks = Labels(fine, **placed | {"translate": shift})
    np.testing.assert_array_equal(labels_on(marks, image, SIZE), np.arange(140).reshape(SIZE))


def test_beside_the_labels_there_are_none(image):
    marks = Labels(np.ones((4, 4), int), **PLACE)
    found = labels_on(marks, image, SIZE)
    assert found[:4, :4].all()
    assert found.sum() == 16


def test_a_stack_is_marked_by_a_plane():
    stack = Image(np.zeros((3, *SIZE)), scale=(5, 2, 3))
    plane = np.random.default_rng(0).integers(0, 4, SIZE)
    np.testing.assert_array_equal(labels_on(Labels(plane, scale=(2, 3)), stack, SIZE), plane)


@pytest.mark.parametrize("kind", ["rectangle", "polygon"])
def test_shapes_cover_the_pixels_whose_centres_they_hold(image, kind):
    corners = np.array([(1.5, 2.5), (1.5, 6.5), (7.5, 6.5), (7.5, 2.5)])
    shapes = Shapes([corners], shape_type=kind, **PLACE)
    wanted = np.zeros(SIZE, bool)
    wanted[2:8, 3:7] = True
    np.testing.assert_array_equal(covered(shapes, image, SIZE), wanted)


def test_an_ellipse_covers_about_its_area(image):
    shapes = Shapes([np.array([(-0.5, -0.5), (-0.5, 13.5), (9.5, 13.5), (9.5, -0.5)])], shape_type="ellipse", **PLACE)
    mask = covered(shapes, image, SIZE)
    assert mask.sum() == pytest.approx(np.pi / 4 * 140, rel=0.06)
    assert not mask[0, 0]


def test_covering_nothing_is_refused(image):
    with pytest.raises(InvalidInputError, match="draw a region"):
        covered(Labels(np.zeros(SIZE, int), name="empty", **PLACE), image, SIZE)


def test_a_preview_is_bounded_around_its_middle():
    assert bounded(Region(10, 20, 300, 40), 64) == Region(128, 20, 64, 40)
    assert bounded(Region(3, 4, 5, 6), 64) == Region(3, 4, 5, 6)


class TestStacks:
    SCALE = (5, 2, 3)

    @pytest.fixture
    def stack(self):
        return Image(np.zeros((3, *SIZE)), scale=self.SCALE)

    @pytest.mark.parametrize("plane", [0, 1, 2])
    def test_of_marked_stacks_the_shown_plane_counts(self, stack, image, plane):
        planes = np.random.default_rng(0).integers(1, 4, (3, *SIZE))
        marks, point = Labels(planes, scale=self.SCALE), (5.0 * plane, 0, 0)
        np.testing.assert_array_equal(labels_on(marks, stack, SIZE, point), planes[plane])
        flat = Image(np.zeros(SIZE), scale=self.SCALE[1:])
        np.testing.assert_array_equal(labels_on(marks, flat, SIZE, point), planes[plane])

    def test_shapes_on_other_planes_cover_nothing(self, stack):
        corners = np.array([(1.5, 2.5), (1.5, 6.5), (7.5, 6.5), (7.5, 2.5)])
        drawn = [np.insert(corners + shift, 0, plane, axis=1) for plane, shift in ((0, 0), (2, 2))]
        shapes = Shapes(drawn, shape_type="polygon", scale=self.SCALE)
        for plane, rows, columns in ((0, slice(2, 8), slice(3, 7)), (2, slice(4, 10), slice(5, 9))):
            wanted = np.zeros(SIZE, bool)
            wanted[rows, columns] = True
            np.testing.assert_array_equal(covered(shapes, stack, SIZE, (5.0 * plane, 0, 0)), wanted)
        with pytest.raises(InvalidInputError, match="draw a region"):
            covered(shapes, stack, SIZE, (5.0, 0, 0))
