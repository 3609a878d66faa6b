from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.widget.results.maps import BAND, LUMA, MapSpec, baseline, finished_maps, residual_map, spread_map

if TYPE_CHECKING:
    from collections.abc import Callable

HEIGHT = BAND + 37  # more than one band
GENERATOR = np.random.default_rng(0)


def samples(channels: int | None) -> np.ndarray[Any, Any]:
    shape = (3, HEIGHT, 5) if channels is None else (3, HEIGHT, 5, channels)
    return GENERATOR.integers(0, 256, shape, np.uint8)


def test_a_grey_residual_is_the_difference() -> None:
    first, second, _ = samples(None)
    np.testing.assert_array_equal(residual_map(first, second), first.astype(float) - second)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_colour_residual_is_its_luma_without_alpha(channels: int) -> None:
    first, second, _ = samples(channels)
    expected = (first[..., :3].astype(float) - second[..., :3]) @ LUMA.astype(float)
    np.testing.assert_allclose(residual_map(first, second), expected, atol=1e-3)


@pytest.mark.parametrize("channels", [None, 3, 4])
def test_the_spread_is_the_standard_deviation_over_samples(channels: int | None) -> None:
    stack = samples(channels)
    expected = stack[..., :3].std(axis=0).mean(axis=2) if channels else stack.std(axis=0)
    np.testing.assert_allclose(spread_map(stack), expected, rtol=1e-4, atol=1e-3)


def test_baselines(make_result: Callable[..., Any]) -> None:
    result = make_result(np.zeros((5, 7), np.uint8), 2)
    truth = np.full((40, 56), 9, np.uint8)
    assert baseline(result, "bicubic").max() == 0
    np.testing.assert_array_equal(baseline(result, "mean"), np.full((40, 56), 1.5))
    assert baseline(result, "truth", truth) is truth
    with pytest.raises(InvalidInputError, match="ground truth"):
        baseline(result, "truth")


def test_an_image_of_another_shape_cannot_be_subtracted() -> None:
    with pytest.raises(InvalidInputError, match="shape"):
        residual_map(np.zeros((5, 7)), np.zeros((5, 8)))


@pytest.mark.parametrize("spec", [MapSpec(), MapSpec(None), MapSpec("mean", spread=False)])
@pytest.mark.parametrize("count", [1, 3])
def test_what_maps_hold_is_known_before(make_result: Callable[..., Any], spec: MapSpec, count: int) -> None:
    result = make_result(np.zeros((5, 7, 3), np.uint8), count)
    held = sum(made.values.nbytes for made in finished_maps(result, spec))
    assert spec.held_bytes(result.sr.shape[1:3], count) == held


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(InvalidSpecError, match="gain"):
        MapSpec(gain=0)
    with pytest.raises(InvalidSpecError, match="against"):
        MapSpec(against="median")  # type: ignore[arg-type]
