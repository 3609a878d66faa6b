from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.layers import Image

from napari_refvae.errors import InvalidInputError
from napari_refvae.spec import IntensityRange, Region
from napari_refvae.widget.results.layers import InputPlane, LayerPlane, read_input, read_reference

if TYPE_CHECKING:
    from pathlib import Path


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

    def test_so_are_those_of_colours_unless_they_fill_their_dtype(self) -> None:
        assert read_input(Image(np.zeros((5, 7, 3), np.uint8), rgb=True)).intensity_range is None
        twelve_bits = np.array([0, 1023, 4092], np.uint16)[:, None, None].repeat(3, 2)
        for limits in ((0, 4092), (-50, 2046)):
            layer = Image(twelve_bits, rgb=True, contrast_limits=limits)
            assert read_input(layer).intensity_range == IntensityRange(*limits)
            shown = (twelve_bits - float(limits[0])) / (limits[1] - limits[0])
            np.testing.assert_allclose(read_reference(layer).image, shown.clip(0, 1), atol=1e-6)
        assert read_input(layer).span == 2096

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


class Store:
    """An array whose pixels are elsewhere: it knows its shape, and counts how often it is read."""

    def __init__(self, pixels: np.ndarray, error: Exception | None = None) -> None:
        self.shape, self.dtype, self.ndim = pixels.shape, pixels.dtype, pixels.ndim
        self.size = pixels.size
        self.pixels, self.error, self.reads = pixels, error, 0

    def __getitem__(self, index: object) -> np.ndarray:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.pixels[index]

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        return self[()]


class TestReadingLater:
    STACK = np.arange(4 * 12 * 10, dtype=np.uint16).reshape(4, 12, 10)

    def layer(self, store: object) -> Image:
        return Image(store, name="stack", contrast_limits=(0, 480), cache=False)

    def test_what_lies_elsewhere_is_read_when_it_is_asked_for(self) -> None:
        store = Store(self.STACK)
        layer = self.layer(store)
        before = store.reads
        plane = InputPlane.of(layer, (2, 0, 0)).held()
        assert (plane.source.shape, plane.source.dtype) == ((12, 10), np.uint16)
        assert store.reads == before
        np.testing.assert_array_equal(plane.read().pixels, self.STACK[2])
        assert store.reads == before + 1

    def test_what_is_in_memory_is_fixed_at_once(self) -> None:
        pixels = self.STACK.copy()
        plane = LayerPlane.of(self.layer(pixels), (2, 0, 0)).held()
        pixels[:] = 0
        np.testing.assert_array_equal(plane.pixels(), self.STACK[2])
        assert plane.data.size == 120  # and not the stack

    def test_so_are_its_limits_and_what_it_is_called(self) -> None:
        layer = self.layer(Store(self.STACK))
        plane = InputPlane.of(layer, (2, 0, 0))
        layer.contrast_limits, layer.name, layer.scale = (5, 9), "other", (2, 2, 2)
        read = plane.read()
        assert (read.intensity_range, read.title) == (IntensityRange(0, 480), "stack[2]")
        np.testing.assert_array_equal(read.geometry.scale, 1)

    def test_a_mapped_file_is_read_later_too(self, tmp_path: Path) -> None:
        np.save(tmp_path / "stack.npy", self.STACK)
        mapped = np.load(tmp_path / "stack.npy", mmap_mode="r")
        plane = LayerPlane.of(self.layer(mapped), (1, 0, 0)).held()
        assert np.shares_memory(plane.data, mapped)
        read = plane.pixels()
        np.testing.assert_array_equal(read, self.STACK[1])
        assert not np.shares_memory(read, mapped)

    def test_a_part_is_read_alone(self) -> None:
        plane = LayerPlane.of(self.layer(Store(self.STACK)), (1, 0, 0)).cropped(Region(2, 3, 4, 5))
        assert plane.shape == (4, 5)
        np.testing.assert_array_equal(plane.pixels(), self.STACK[1, 2:6, 3:8])
        copied = LayerPlane.of(self.layer(self.STACK), (1, 0, 0)).cropped(Region(2, 3, 4, 5)).held()
        np.testing.assert_array_equal(copied.pixels(), self.STACK[1, 2:6, 3:8])

    def test_a_store_that_cannot_be_reached_is_named(self) -> None:
        layer = self.layer(store := Store(self.STACK))
        store.error = OSError("connection refused")
        for read in (read_input, read_reference):
            with pytest.raises(
                InvalidInputError, match=r"the pixels of 'stack'; got OSError: connection refused: check"
            ):
                read(layer)
