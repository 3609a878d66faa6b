from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_refvae.engine.forecasting import Forecast
from napari_refvae.regions import Region
from napari_refvae.spec import IntensityRange, Progress
from napari_refvae.widget.form.estimates import (
    bytes_text,
    duration_text,
    forecast_text,
    made_text,
    memory_text,
    progress_text,
    range_text,
    rectangle_text,
    region_text,
    samples_text,
    seconds_left,
    titles_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.1, "1 s"), (3.2, "4 s"), (42, "40 s"), (88, "90 s"), (100, "2 min"), (5000, "83 min"), (9000, "2.5 h")],
)
def test_durations_are_rounded_as_one_says_them(seconds: float, said: str) -> None:
    assert duration_text(seconds) == said


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0, 4095, "black 0, white 4095"),
        (-100, 2**31, "black -100, white 2.147e+09"),
        (0.10007, 0.8, "black 0.1001, white 0.8"),
    ],
)
def test_black_and_white_are_said_in_stored_values(low: float, high: float, said: str) -> None:
    assert range_text(IntensityRange(low, high)) == said


def test_names_are_said_in_a_row_and_long_ones_shortened() -> None:
    assert titles_text(["DAPI", "GFP"]) == "DAPI, GFP"
    assert len(titles_text(["x" * 90])) == 32


@pytest.mark.parametrize(
    ("count", "said"), [(12, "12 B"), (2048, "2.0 KB"), (34 * 2**20, "34 MB"), (3.25 * 2**30, "3.2 GB")]
)
def test_bytes_take_the_unit_that_fits(count: float, said: str) -> None:
    assert bytes_text(count) == said


def test_samples_are_counted_over_references() -> None:
    assert [samples_text(1, 1), samples_text(4, 1)] == ["1 sample", "4 samples"]
    assert samples_text(4, 2) == "8 samples (4 x 2 references)"


def test_a_region_says_what_is_computed_for_it() -> None:
    assert region_text(Region(20, 30, 10, 12), (100, 200), "bicubic") == (
        "from 12 x 10 of its 200 x 100 (computed on 44 x 42: the border makes it match the whole image)"
    )
    assert "(computed on 16 x 14:" in region_text(Region(20, 30, 10, 12), (100, 200), None)
    assert region_text(Region(0, 0, 9, 200), (9, 200), "bicubic") == "from 200 x 9 of its 200 x 9"


def test_a_rectangle_to_come_is_guidance() -> None:
    assert rectangle_text("cat") == "Draw a rectangle over cat, then click Upscale."


def test_one_tile_is_not_worth_a_word() -> None:
    forecast = Forecast((8, 8), 1, 0, 2**20, tiles=1, seconds=3)
    assert forecast_text(forecast) == "About 3 s, 1.0 MB of memory."
    assert forecast_text(replace(forecast, tiles=9)) == "About 3 s, 1.0 MB of memory, 9 tiles."


@given(done=st.integers(1, 100), elapsed=st.floats(0.1, 1e4))
def test_time_left_is_in_proportion(done: int, elapsed: float) -> None:
    left = seconds_left(Progress(done, 100, "decode"), elapsed)
    if done < 2:
        assert left is None
    else:
        assert left == pytest.approx(elapsed * (100 - done) / done)


def test_nothing_done_says_nothing_of_the_time() -> None:
    assert seconds_left(Progress(0, 10, "encode"), 60) is None


def test_too_little_memory_is_told_in_figures() -> None:
    told = memory_text(81 * 2**30, 14.2 * 2**30)
    assert told.startswith("Only 14 GB of memory are free, 81 GB are needed: take a part")


def test_progress_names_what_is_known() -> None:
    assert progress_text(Progress(0, 9, "encode"), None) == "Reading the image ..."
    step = Progress(5, 9, "decode", sample=1, samples=4, tile=2, tiles=9)
    assert progress_text(step, 12.3) == "Inventing detail, sample 2 of 4, tile 3 of 9. About 10 s left."
    assert "tile" not in progress_text(Progress(5, 9, "decode", sample=1, samples=4, tile=0, tiles=1), None)
    assert progress_text(Progress(8, 9, "project", samples=4), 3) == "Making the faithful image. About 3 s left."


def test_a_result_is_told_with_its_worst_consistency(make_result: Callable[..., Any]) -> None:
    result = make_result(np.zeros((5, 7), np.uint8), 2)
    assert made_text(result, 6.24).startswith("Made 2 samples of 56 x 40 in 6.2 s;")
    assert "50.0 dB or more" in made_text(result, 6)
    assert "NaN" not in made_text(result, 6)
    missing = replace(result, provenance={"input": {"missing": {"nan": 3, "infinite": 1}}})
    assert made_text(missing, 6).endswith(" 4 values that are NaN or infinite stay so.")
    assert "exactly" in made_text(replace(result, lr_psnr=(float("inf"),) * 2), 6)
    assert "58.0 dB or more" in made_text(replace(result, lr_psnr=(float("inf"), 58.0)), 6)
