"""What the last run says of the next one's time."""

from __future__ import annotations

import pytest
from napari.components import ViewerModel

from napari_refvae.widget.running.pace import Pace

ENGINE, OTHER = ("compact", "cpu", "auto"), ("full", "cpu", "auto")


def test_the_next_run_takes_as_many_times_as_long_as_the_last() -> None:
    pace = Pace()
    assert pace.factor(ENGINE) == 1
    pace.begin(ENGINE, 5.0)
    pace.end(53.6)
    assert pace.factor(ENGINE) == pytest.approx(10.72)
    assert pace.factor(OTHER) == 1
    pace.begin(ENGINE, 5.0)  # the forecast is the idle machine's again, not what was made of it
    pace.end(5.0)
    assert pace.factor(ENGINE) == 1


@pytest.mark.parametrize("forecast", [None, 0.1])
def test_a_run_without_forecast_or_a_very_short_one_says_nothing(forecast: float | None) -> None:
    pace = Pace()
    pace.begin(ENGINE, 5.0)  # and was stopped
    pace.begin(ENGINE, forecast)
    pace.end(3.0)
    pace.end(3.0)
    assert pace.factor(ENGINE) == 1


def test_a_viewer_keeps_its_own() -> None:
    one, other = ViewerModel(), ViewerModel()
    assert Pace.of_viewer(one) is Pace.of_viewer(one)
    assert Pace.of_viewer(one) is not Pace.of_viewer(other)
