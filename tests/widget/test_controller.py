"""The controller with a fake engine. Everything it reports must arrive on the main thread."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from napari.utils.notifications import NotificationSeverity, notification_manager

from napari_refvae.errors import InvalidSpecError
from napari_refvae.spec import Progress
from napari_refvae.widget.controller import UpscaleController

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


class Recorder:
    """A controller whose reports are kept, with the thread that they came on."""

    def __init__(self, steps: Callable[..., Generator[Progress, None, Any]]) -> None:
        self.progress: list[Progress] = []
        self.results: list[Any] = []
        self.ends = 0
        self.threads: set[int] = set()
        self.controller = UpscaleController(
            on_progress=self._progressed, on_result=self._returned, on_end=self._ended, steps=steps
        )

    def _progressed(self, progress: Progress) -> None:
        self.threads.add(threading.get_ident())
        self.progress.append(progress)

    def _returned(self, result: Any) -> None:
        self.threads.add(threading.get_ident())
        self.results.append(result)

    def _ended(self) -> None:
        self.threads.add(threading.get_ident())
        self.ends += 1


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """Messages of errors that reach napari's notifications."""
    found: list[str] = []

    def keep(notification: Any) -> None:
        if notification.severity is NotificationSeverity.ERROR:
            found.append(notification.message)

    notification_manager.notification_ready.connect(keep)
    yield found
    notification_manager.notification_ready.disconnect(keep)


def counting(total: int) -> Generator[Progress, None, int]:
    for done in range(total):
        yield Progress(done + 1, total, "decode")
    return total


def test_a_run_reports_progress_result_and_end_on_the_main_thread(qtbot: Any) -> None:
    seen = Recorder(counting)
    seen.controller.start({"total": 3})
    assert seen.controller.running
    qtbot.waitUntil(lambda: seen.ends == 1)
    assert [progress.done for progress in seen.progress] == [1, 2, 3]
    assert seen.results == [3]
    assert seen.threads == {threading.get_ident()}
    assert not seen.controller.running


def test_a_second_run_waits_for_the_user_not_for_the_engine(qtbot: Any) -> None:
    gate = threading.Event()

    def waiting() -> Generator[Progress, None, int]:
        yield Progress(0, 1, "encode")
        gate.wait(10)
        return 1

    seen = Recorder(waiting)
    seen.controller.start({})
    seen.controller.start({})
    gate.set()
    qtbot.waitUntil(lambda: seen.ends == 1)
    seen.controller.start({})
    qtbot.waitUntil(lambda: seen.ends == 2)
    assert seen.results == [1, 1]


def test_cancel_closes_the_engine_and_drops_the_result(qtbot: Any) -> None:
    closed = threading.Event()

    def endless() -> Generator[Progress, None, int]:
        try:
            while True:
                time.sleep(0.01)
                yield Progress(0, 1, "decode")
        finally:
            closed.set()

    seen = Recorder(endless)
    seen.controller.start({})
    qtbot.waitUntil(lambda: bool(seen.progress))
    seen.controller.cancel()
    qtbot.waitUntil(lambda: seen.ends == 1)
    assert closed.is_set()
    assert seen.results == []


def test_a_step_that_ends_after_cancel_is_dropped(qtbot: Any) -> None:
    gate = threading.Event()

    def slow() -> Generator[Progress, None, int]:
        yield Progress(0, 1, "decode")
        gate.wait(10)
        return 1

    seen = Recorder(slow)
    seen.controller.start({})
    qtbot.waitUntil(lambda: bool(seen.progress))
    seen.controller.cancel()
    gate.set()
    qtbot.waitUntil(lambda: seen.ends == 1)
    assert seen.results == []


@pytest.mark.parametrize(
    ("raised", "shown"),
    [
        (
            RuntimeError("kernel failed"),
            "the run stopped (kernel failed); try it again, and report this if it comes back",
        ),
        (
            NotImplementedError("no kernel"),
            "the run stopped (no kernel); try it again, and report this if it comes back",
        ),
        (InvalidSpecError("samples must be at least 1"), "samples must be at least 1"),
        (KeyError("bug"), "'bug'"),
    ],
)
def test_every_error_is_shown_and_ends_the_run(qtbot: Any, errors: list[str], raised: Exception, shown: str) -> None:
    def failing() -> Generator[Progress, None, int]:
        yield Progress(0, 1, "encode")
        raise raised

    seen = Recorder(failing)
    seen.controller.start({})
    qtbot.waitUntil(lambda: seen.ends == 1)
    assert errors == [shown]
    assert seen.results == []
    assert not seen.controller.running


def test_an_engine_that_cannot_start_is_an_error_too(qtbot: Any, errors: list[str]) -> None:
    def impossible() -> Generator[Progress, None, int]:
        raise RuntimeError("no device")

    seen = Recorder(impossible)
    seen.controller.start({})
    qtbot.waitUntil(lambda: seen.ends == 1)
    assert len(errors) == 1
    assert "no device" in errors[0]


def test_an_abandoned_run_is_silent(qtbot: Any) -> None:
    closed = threading.Event()

    def endless() -> Generator[Progress, None, int]:
        try:
            while True:
                time.sleep(0.01)
                yield Progress(0, 1, "decode")
        finally:
            closed.set()

    seen = Recorder(endless)
    seen.controller.start({})
    qtbot.waitUntil(lambda: bool(seen.progress))
    seen.controller.abandon()
    qtbot.waitUntil(closed.is_set)
    qtbot.wait(50)
    assert seen.ends == 0
    assert seen.results == []
