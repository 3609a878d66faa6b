"""The controller with a fake engine. Everything it reports must arrive on the main thread."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_refvae.engine.result import FinishedSample
from napari_refvae.errors import InvalidSpecError
from napari_refvae.spec import Progress
from napari_refvae.widget.results.maps import FinishedMap
from napari_refvae.widget.running.controller import UpscaleController

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Recorder:
    """A controller whose reports are kept, with the thread that they came on."""

    def __init__(self, steps: Callable[..., Generator[Any, None, Any]]) -> None:
        self.steps: list[Any] = []
        self.results: list[Any] = []
        self.ends: list[Exception | None] = []
        self.threads: set[int] = set()
        self.controller = UpscaleController(
            on_step=self._stepped, on_result=self._returned, on_end=self._ended, steps=steps
        )

    def _stepped(self, step: Any) -> None:
        self.threads.add(threading.get_ident())
        self.steps.append(step)

    def _returned(self, result: Any) -> None:
        self.threads.add(threading.get_ident())
        self.results.append(result)

    def _ended(self, error: Exception | None) -> None:
        self.threads.add(threading.get_ident())
        self.ends.append(error)


def counting(total: int) -> Generator[Progress, None, int]:
    for done in range(total):
        yield Progress(done + 1, total, "decode")
    return total


def test_a_run_reports_progress_result_and_end_on_the_main_thread(qtbot: Any) -> None:
    seen = Recorder(counting)
    seen.controller.start({"total": 3})
    assert seen.controller.running
    qtbot.waitUntil(lambda: len(seen.ends) == 1)
    assert [progress.done for progress in seen.steps] == [1, 2, 3]
    assert seen.results == [3]
    assert seen.threads == {threading.get_ident()}
    assert not seen.controller.running


def test_a_second_run_is_refused_and_said_to_be(qtbot: Any, messages: list[tuple[str, str]]) -> None:
    gate = threading.Event()

    def waiting() -> Generator[Progress, None, int]:
        yield Progress(0, 1, "encode")
        gate.wait(10)
        return 1

    seen = Recorder(waiting)
    assert seen.controller.start({})
    assert not seen.controller.start({})
    [(severity, message)] = messages
    assert severity == "warning"
    assert "wait for its end or cancel it" in message
    gate.set()
    qtbot.waitUntil(lambda: len(seen.ends) == 1)
    seen.controller.start({})
    qtbot.waitUntil(lambda: len(seen.ends) == 2)
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
    qtbot.waitUntil(lambda: bool(seen.steps))
    seen.controller.cancel()
    qtbot.waitUntil(lambda: len(seen.ends) == 1)
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
    qtbot.waitUntil(lambda: bool(seen.steps))
    seen.controller.cancel()
    gate.set()
    qtbot.waitUntil(lambda: len(seen.ends) == 1)
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
def test_every_error_is_shown_and_ends_the_run(
    qtbot: Any, messages: list[tuple[str, str]], raised: Exception, shown: str
) -> None:
    def failing() -> Generator[Progress, None, int]:
        yield Progress(0, 1, "encode")
        raise raised

    seen = Recorder(failing)
    seen.controller.start({})
    qtbot.waitUntil(lambda: len(seen.ends) == 1)
    assert messages == [("error", shown)]
    assert type(seen.ends[0]) is type(raised) or "the run stopped" in str(seen.ends[0])
    assert seen.results == []
    assert not seen.controller.running


def test_an_engine_that_cannot_start_is_an_error_too(qtbot: Any, messages: list[tuple[str, str]]) -> None:
    def impossible() -> Generator[Progress, None, int]:
        raise RuntimeError("no device")

    seen = Recorder(impossible)
    seen.controller.start({})
    qtbot.waitUntil(lambda: len(seen.ends) == 1)
    [(_, message)] = messages
    assert "no device" in message


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
    qtbot.waitUntil(lambda: bool(seen.steps))
    seen.controller.abandon()
    qtbot.waitUntil(closed.is_set)
    qtbot.wait(50)
    assert seen.ends == []
    assert seen.results == []


def finished(index: int) -> FinishedSample:
    return FinishedSample(index, np.zeros((8, 8)), "none", index, 50.0)


def test_steps_are_made_off_the_main_thread_and_delivered_one_by_one(qtbot: Any) -> None:
    makers: set[int] = set()

    def maps(count: int) -> Generator[FinishedMap, None, int]:
        for index in range(count):
            makers.add(threading.get_ident())
            yield FinishedMap("residual", np.zeros((8, 8), np.float32), index)
        return count

    seen = Recorder(maps)
    seen.controller.start({"count": 3})
    qtbot.waitUntil(lambda: len(seen.ends) == 1)
    assert [step.index for step in seen.steps] == [0, 1, 2]
    assert threading.get_ident() not in makers
    assert seen.results == [3]


def test_the_engine_waits_until_a_sample_is_shown(qtbot: Any) -> None:
    """Or samples would come faster than layers can be added, and the window would stand still."""
    made: list[int] = []
    lead: list[int] = []

    def samples() -> Generator[FinishedSample, None, int]:
        for index in range(5):
            made.append(index)
            yield finished(index)
        return 5

    def show() -> None:
        time.sleep(0.02)
        lead.append(len(made) - len(seen.steps))

    seen = Recorder(samples)
    seen.steps = _Watched(show)
    seen.controller.start({})
    qtbot.waitUntil(lambda: len(seen.ends) == 1)
    assert lead == [1] * 5


def test_the_engine_waits_for_its_sample_not_for_the_progress_before_it(qtbot: Any) -> None:
    """A progress is dealt with a moment later, when the sample after it is being shown."""
    made: list[int] = []
    lead: list[int] = []

    def samples() -> Generator[Progress | FinishedSample, None, int]:
        for index in range(4):
            yield Progress(index, 4, "decode")
            made.append(index)
            yield finished(index)
        return 4

    def show(step: Any) -> None:
        if isinstance(step, FinishedSample):
            qtbot.wait(30)  # napari handles events that wait, while it shows a layer
            lead.append(len(made) - len(lead))

    ends: list[Any] = []
    controller = UpscaleController(on_step=show, on_result=lambda _: None, on_end=ends.append, steps=samples)
    controller.start({})
    qtbot.waitUntil(lambda: len(ends) == 1)
    assert lead == [1] * 4


class TestBrokenListener:
    """What goes wrong in the window while a step is shown."""

    def test_it_ends_the_run_as_a_failure(self, qtbot: Any, messages: list[tuple[str, str]]) -> None:
        closed = threading.Event()

        def samples() -> Generator[FinishedSample, None, int]:
            try:
                for index in range(5):
                    yield finished(index)
            finally:
                closed.set()
            return 5

        def break_down() -> None:
            raise ValueError("no room for a layer")

        seen = Recorder(samples)
        seen.steps = _Watched(break_down)
        seen.controller.start({})
        qtbot.waitUntil(lambda: len(seen.ends) == 1)
        [(severity, message)] = messages
        assert (severity, message) == ("error", "no room for a layer")
        assert isinstance(seen.ends[0], ValueError)
        assert seen.results == []
        assert closed.is_set()
        assert not seen.controller.running
        seen.steps = []
        seen.controller.start({})  # reports come again
        qtbot.waitUntil(lambda: len(seen.ends) == 2)
        assert seen.ends[1] is None
        assert len(seen.steps) == 5

    def test_so_does_a_result_that_cannot_be_shown(self, qtbot: Any, messages: list[tuple[str, str]]) -> None:
        seen = Recorder(counting)
        seen.results = _Watched(lambda: {}["metadata"])
        seen.controller.start({"total": 1})
        qtbot.waitUntil(lambda: len(seen.ends) == 1)
        assert isinstance(seen.ends[0], KeyError)
        assert len(messages) == 1

    def test_a_broken_end_keeps_no_later_report_back(self, qtbot: Any, messages: list[tuple[str, str]]) -> None:
        seen = Recorder(counting)
        seen.ends = _Watched(lambda: {}["bar"])
        seen.controller.start({"total": 1})
        qtbot.waitUntil(lambda: bool(messages))
        assert not seen.controller.running
        seen.ends = []
        seen.controller.start({"total": 2})
        qtbot.waitUntil(lambda: seen.ends == [None])
        assert seen.results == [1, 2]


def test_nothing_to_tell_is_a_chance_to_cancel(qtbot: Any) -> None:
    def waiting() -> Generator[None, None, int]:
        while True:
            time.sleep(0.01)
            yield None

    seen = Recorder(waiting)
    seen.controller.start({})
    qtbot.wait(30)
    seen.controller.cancel()
    assert seen.controller.cancelling
    qtbot.waitUntil(lambda: len(seen.ends) == 1)
    assert seen.steps == []


def test_a_run_that_waits_for_the_window_can_be_cancelled(qtbot: Any) -> None:
    def samples() -> Generator[FinishedSample, None, int]:
        yield finished(0)
        return 1

    seen = Recorder(samples)
    seen.steps = _Watched(lambda: seen.controller.cancel())
    seen.controller.start({})
    qtbot.waitUntil(lambda: len(seen.ends) == 1)
    assert seen.results == []


class _Watched(list[Any]):
    """Calls something before each entry."""

    def __init__(self, action: Callable[[], object]) -> None:
        super().__init__()
        self._action = action

    def append(self, entry: Any) -> None:
        self._action()
        super().append(entry)
