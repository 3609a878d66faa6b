import threading

import pytest

from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore.preview import LatestWins

SOON = 10


class Slow:
    """Makes each value only when it is let."""

    def __init__(self):
        self.begun, self.may_end = threading.Semaphore(0), threading.Semaphore(0)
        self.made, self.delivered, self.failed = [], [], []

    def make(self, value):
        self.begun.release()
        assert self.may_end.acquire(timeout=SOON)
        self.made.append(value)
        if value < 0:
            raise InvalidSpecError("no such value")
        if value == 0:
            raise KeyError("lost")
        return 10 * value


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
def latest(slow):
    preview = LatestWins(slow.make, slow.delivered.append, slow.failed.append)
    yield preview
    slow.may_end.release(9)
    preview.close(SOON)


def test_only_the_newest_of_what_waits_is_made(slow, latest):
    latest.ask(1)
    assert slow.begun.acquire(timeout=SOON)
    for value in (2, 3, 4):
        latest.ask(value)
    slow.may_end.release(2)
    assert latest.wait(SOON)
    assert slow.made == [1, 4]
    assert slow.delivered == [10, 40]


def test_what_was_asked_before_a_restart_is_dropped(slow, latest):
    latest.ask(1)
    assert slow.begun.acquire(timeout=SOON)
    latest.ask(2)
    latest.restart()
    latest.ask(3)
    slow.may_end.release(2)
    assert latest.wait(SOON)
    assert slow.made == [1, 3]
    assert slow.delivered == [30]


def test_an_error_is_told_and_the_next_value_made(slow, latest):
    slow.may_end.release(2)
    latest.ask(-1)
    assert latest.wait(SOON)
    latest.ask(5)
    assert latest.wait(SOON)
    assert [str(error) for error in slow.failed] == ["no such value"]
    assert slow.delivered == [50]


def test_what_nobody_expected_is_told_too(slow, latest):
    slow.may_end.release(2)
    latest.ask(0)
    assert latest.wait(SOON)
    latest.ask(5)
    assert latest.wait(SOON)
    assert "went wrong (KeyError: 'lost')" in str(slow.failed[0])
    assert slow.delivered == [50]


def test_a_thread_that_died_is_begun_anew(slow, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    died = []

    def deliver(value):
        if value == 10:
            died.append(threading.current_thread())
            raise SystemExit
        slow.delivered.append(value)

    latest = LatestWins(slow.make, deliver, slow.failed.append)
    slow.may_end.release(3)
    latest.ask(1)
    assert latest.wait(SOON)
    latest.ask(2)
    assert latest.wait(SOON)
    died[0].join(SOON)
    assert slow.delivered == [20]
    latest.close(SOON)


def test_nothing_comes_after_closing(slow, latest):
    latest.ask(1)
    assert slow.begun.acquire(timeout=SOON)
    slow.may_end.release()
    latest.close(SOON)
    latest.ask(2)
    assert slow.made == [1]
    assert slow.delivered == []


def test_any_number_of_threads_may_ask(slow, latest):
    slow.may_end.release(1000)
    threads = [threading.Thread(target=latest.ask, args=(value,)) for value in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    latest.ask(99)
    assert latest.wait(SOON)
    assert slow.delivered[-1] == 990
