import pytest

from napari_refvae.training import pace as pace_module
from napari_refvae.training.pace import Budget, Pace


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand, in seconds."""
    now = [0.0]
    monkeypatch.setattr(pace_module.time, "monotonic", lambda: now[0])
    return now


def test_the_time_left_counts_to_the_last_step(clock):
    pace = Pace(Budget())
    for second in range(1, 11):
        clock[0] = 2.0 * second
        pace.tick()
    now = pace.progress(10, 40, "one", 0.5)
    assert now.seconds_a_step == pytest.approx(2)
    assert now.seconds_left == pytest.approx(60)
    assert pace.within_budget


def test_what_comes_between_two_steps_is_of_neither(clock):
    pace = Pace(Budget())
    for _ in range(3):
        clock[0] += 2
        pace.tick()
        clock[0] += 500
        pace.resume()
    assert pace.progress(3, 13, "one", 0.5).seconds_left == pytest.approx(20)


def test_or_to_the_end_of_the_budget_if_that_comes_first(clock):
    pace = Pace(Budget(minutes=0.5))
    clock[0] = 10
    pace.tick()
    assert pace.progress(1, 1000, "one", 0.5).seconds_left == pytest.approx(20)
    clock[0] = 31
    pace.tick()
    assert not pace.within_budget
    assert pace.progress(2, 1000, "one", 0.5).seconds_left == 0
