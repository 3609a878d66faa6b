from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Image

from napari_refvae.errors import InvalidInputError
from napari_refvae.spec import IntensityRange
from napari_refvae.widget.layers import (
    METADATA_KEY,
    RESIDUAL_GAIN,
    Geometry,
    is_result,
    layers_from_result,
    read_input,
    read_reference,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_refvae.engine.result import SuperResolutionResult

    LayersOf = Callable[..., list[Image]]

finite = st.floats(-50, 50)
positive = st.floats(0.1, 10)


@pytest.fixture
def layers_of(make_result: Callable[..., SuperResolutionResult]) -> Callable[..., list[Image]]:
    """The layers that a run on a layer gives."""

    def make(layer: Image, **options: Any) -> list[Image]:
        made = layers_from_result(make_result(np.asarray(layer.data), **options), read_input(layer), "run1")
        return [Image(data, **keywords) for data, keywords, kind in made if kind == "image"]

    return make


def to_world(layer: Image, position: np.ndarray) -> np.ndarray:
    return np.array(layer.data_to_world(position))


class TestGeometry:
    @settings(max_examples=60, deadline=None)
    @given(
        scale=st.tuples(positive, positive),
        translate=st.tuples(finite, finite),
        rotate=st.floats(-180, 180),
        shear=st.floats(-2, 2),
        affine=st.tuples(positive, finite, positive),
        factor=st.sampled_from([2, 4, 8]),
    )
    def test_every_point_stays_where_it_is_in_the_world(
        self,
        scale: tuple[float, float],
        translate: tuple[float, float],
        rotate: float,
        shear: float,
        affine: tuple[float, float, float],
        factor: int,
    ) -> None:
        extra = np.array([[affine[0], 0.3, affine[1]], [-0.2, affine[2], 1.0], [0, 0, 1]])
        lr = Image(np.zeros((5, 7)), scale=scale, translate=translate, rotate=rotate, shear=[shear], affine=extra)
        hr = Image(np.zeros((5 * factor, 7 * factor)), **Geometry.of(lr).refined(factor).as_keywords())
        for corner in ([-0.5, -0.5], [4.5, -0.5], [-0.5, 6.5], [4.5, 6.5], [1.25, 3.0]):
            fine = (np.array(corner) + 0.5) * factor - 0.5
            np.testing.assert_allclose(to_world(hr, fine), to_world(lr, np.array(corner)), rtol=1e-9, atol=1e-7)

    def test_units_and_axis_labels_are_copied(self, layers_of: LayersOf) -> None:
        lr = Image(np.zeros((5, 7)), units=("um", "um"), axis_labels=("y", "x"))
        for layer in layers_of(lr):
            assert layer.units == lr.units
            assert layer.axis_labels == ("y", "x")


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

    def test_a_stack_is_refused(self) -> None:
        with pytest.raises(InvalidInputError, match="one plane"):
            read_input(Image(np.zeros((3, 5, 7)), name="stack"))

    def test_a_reference_keeps_its_name_and_size(self) -> None:
        reference = read_reference(Image(np.zeros((11, 13, 4), np.uint8), name="bark", rgb=True))
        assert reference.name == "bark"
        assert reference.image.shape == (11, 13, 3)


class TestResults:
    def test_a_sample_and_its_residual_for_each(self, layers_of: LayersOf) -> None:
        layers = layers_of(Image(np.zeros((5, 7), np.uint8), name="cell"), samples=2, reference="bark")
        assert [layer.name for layer in layers] == [
            "cell 8x by bark #2 residual",
            "cell 8x by bark #2",
            "cell 8x by bark #1 residual",
            "cell 8x by bark #1",
        ]
        assert [layer.visible for layer in layers] == [False, True, False, True]

    @pytest.mark.parametrize("channels", [None, 3, 4])
    def test_samples_keep_dtype_and_kind(self, layers_of: LayersOf, channels: int | None) -> None:
        shape = (5, 7) if channels is None else (5, 7, channels)
        layers = layers_of(Image(np.zeros(shape, np.uint8), rgb=channels is not None))
        samples = [layer for layer in layers if layer.metadata[METADATA_KEY]["kind"] == "sample"]
        for sample in samples:
            assert sample.rgb == (channels is not None)
            assert sample.data.dtype == np.uint8
            assert sample.data.shape[:2] == (40, 56)

    def test_a_grey_sample_looks_like_its_input(self, layers_of: LayersOf) -> None:
        lr = Image(np.zeros((5, 7), np.uint16), contrast_limits=(3, 900), gamma=0.7, colormap="green")
        sample = layers_of(lr)[-1]
        assert list(sample.contrast_limits) == [3, 900]
        assert sample.gamma == pytest.approx(0.7)
        assert sample.colormap.name == "green"

    def test_residuals_are_diverging_symmetric_and_comparable(self, layers_of: LayersOf) -> None:
        layers = layers_of(Image(np.zeros((5, 7), np.uint8)), samples=3)
        residuals = [layer for layer in layers if layer.metadata[METADATA_KEY]["kind"] == "residual"]
        assert len(residuals) == 3
        for layer in residuals:
            assert list(layer.contrast_limits) == [-255 / RESIDUAL_GAIN, 255 / RESIDUAL_GAIN]
            assert layer.colormap.name == "bwr"
        np.testing.assert_array_equal(residuals[-1].data, np.ones((40, 56)))

    def test_a_colour_residual_is_its_luma_without_alpha(self, layers_of: LayersOf) -> None:
        layers = layers_of(Image(np.zeros((5, 7, 4), np.uint8), rgb=True), samples=1)
        assert layers[0].data.shape == (40, 56)
        np.testing.assert_allclose(layers[0].data, 1, rtol=1e-6)

    def test_metadata_say_what_made_the_layer(self, layers_of: LayersOf) -> None:
        lr = Image(np.zeros((5, 7), np.uint8))
        layers = layers_of(lr, samples=2)
        assert not is_result(lr)
        assert all(is_result(layer) for layer in layers)
        record = layers[-1].metadata[METADATA_KEY]
        assert record["run"] == "run1"
        assert (record["sample"], record["seed"], record["lr_psnr"]) == (0, 0, 50.0)
        assert record["provenance"] == {"format": "test"}
