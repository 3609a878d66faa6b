from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_refvae.errors import InvalidInputError
from napari_refvae.spec import IntensityRange, Region
from napari_refvae.widget.results.layers import read_input, read_reference, read_truth


class TestReading:
    @pytest.mark.parametrize(
        ("shape", "dtype"), [((5, 7), np.uint16), ((5, 7, 3), np.uint8), ((5, 7, 4), np.uint8), ((1, 9), np.float32)]
    )
    def test_pixels_are_copied_as_they_are(self, shape: tuple[int, ...], dtype: type) -> None:
        data = np.arange(np.prod(shape), dtype=dtype).reshape(shape) / dtype(1)
        data = data.astype(dtype)
        read = read_input(Image(data, rgb=len(shape) == 3))
        np.testing.assert_array_equal(read.pixels, data)
        assert read.pixels.dtype == dtype
        assert not np.shares_memory(read.pixels, data)

    def test_a_grey_layers_contrast_limits_are_its_range(self) -> None:
        layer = Image(np.arange(100, dtype=np.uint16).reshape(10, 10), contrast_limits=(10, 80))
        assert read_input(layer).intensity_range == IntensityRange(10, 80)
        reference = read_reference(layer).image
        assert reference[0, 0, 0] == 0
        assert reference[-1, -1, 0] == 1
        assert reference[4, 5, 0] == pytest.approx(0.5)

    def test_a_colour_layer_has_the_range_of_its_dtype(self) -> None:
        assert read_input(Image(np.zeros((5, 7, 3), np.uint8), rgb=True)).intensity_range is None

    def test_the_full_resolution_of_a_pyramid_is_read(self) -> None:
        pyramid = Image([np.ones((16, 16)), np.zeros((8, 8))], multiscale=True)
        assert read_input(pyramid).pixels.shape == (16, 16)

    @pytest.mark.parametrize(("point", "plane"), [(None, 0), ((6.0, 0, 0), 2), ((99.0, 0, 0), 3), ((-5.0, 0, 0), 0)])
    def test_of_a_stack_the_shown_plane_is_read(self, point: tuple[float, ...] | None, plane: int) -> None:
        stack = Image(np.arange(4)[:, None, None] * np.ones((4, 5, 7)), scale=(3, 1, 1), name="stack")
        read = read_input(stack, point)
        assert read.pixels.shape == (5, 7)
        assert (read.pixels == plane).all()
        assert (read.plane, read.title) == ((plane,), f"stack[{plane}]")
        assert read_reference(stack, point).image.shape == (5, 7, 3)

    def test_a_viewer_with_more_axes_than_the_stack_shows_its_last_ones(self) -> None:
        stack = Image(np.arange(4)[:, None, None] * np.ones((4, 5, 7)))
        assert read_input(stack, (9.0, 2.0, 0, 0)).plane == (2,)

    def test_a_reference_keeps_its_name_and_size(self) -> None:
        reference = read_reference(Image(np.zeros((11, 13, 4), np.uint8), name="bark", rgb=True))
        assert reference.name == "bark"
        assert reference.image.shape == (11, 13, 3)


class TestRegion:
    def test_a_region_keeps_the_whole_for_the_engine_and_knows_its_part(self) -> None:
        whole = read_input(Image(np.arange(35.0).reshape(5, 7), scale=(2, 2)))
        part = whole.within(Region(1, 2, 3, 4))
        assert part.pixels is whole.pixels
        np.testing.assert_array_equal(part.lr, whole.pixels[1:4, 2:6])
        np.testing.assert_allclose(part.geometry.translate, (2, 4))


class TestTruth:
    LR = Image(np.zeros((5, 7), np.uint8), name="lr")

    def test_it_is_taken_as_it_is(self) -> None:
        truth = np.random.default_rng(0).integers(0, 256, (40, 56), np.uint8)
        np.testing.assert_array_equal(read_truth(Image(truth), read_input(self.LR), 8), truth)

    def test_what_was_cropped_before_down_sampling_is_cropped(self) -> None:
        truth = np.random.default_rng(0).integers(0, 256, (47, 57), np.uint8)
        np.testing.assert_array_equal(read_truth(Image(truth), read_input(self.LR), 8), truth[:40, :56])

    def test_of_the_whole_the_region_is_taken(self) -> None:
        truth = np.random.default_rng(0).integers(0, 256, (40, 56), np.uint8)
        part = read_input(self.LR).within(Region(1, 2, 3, 4))
        np.testing.assert_array_equal(read_truth(Image(truth), part, 8), truth[8:32, 16:48])
        np.testing.assert_array_equal(read_truth(Image(truth[8:32, 16:48]), part, 8), truth[8:32, 16:48])

    @pytest.mark.parametrize(
        ("truth", "says"),
        [
            (Image(np.zeros((40, 48), np.uint8), name="hr"), "56 x 40, 8 times the image; got 'hr' of 48 x 40"),
            (Image(np.zeros((40, 56), np.float32), name="hr"), "grey uint8; got 'hr', grey float32"),
            (Image(np.zeros((40, 56, 3), np.uint8), name="hr", rgb=True), "grey uint8; got 'hr', RGB uint8"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, truth: Image, says: str) -> None:
        with pytest.raises(InvalidInputError, match=says):
            read_truth(truth, read_input(self.LR), 8)
