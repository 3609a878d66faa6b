"""The preview's thread: the latest value wins, and nothing stale is told."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore import Draw
from napari_refvae.widget.explore.desk import Desk
from napari_refvae.widget.explore.live import LivePreview, Wish

if TYPE_CHECKING:
    from collections.abc import Iterator


class SlowDesk:
    """Its session waits at each recipe until it may go on; a negative temperature cannot be."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.begun, self.go_on = Event(), Event()

    @contextmanager
    def at(self, subject: Any) -> Iterator[Any]:
        yield SimpleNamespace(decode=self._decode, has_vividness=True)

    def _decode(self, recipe: Draw, region: Any, context: Any) -> Any:
        self.made.append(recipe.seed)
        self.begun.set()
        assert self.go_on.wait(20)
        if recipe.seed == 13:
            raise InvalidSpecError("not this one")
        return SimpleNamespace(recipe=recipe)


@pytest.fixture
def told() -> list[Any]:
    return []


@pytest.fixture
def desk() -> Iterator[SlowDesk]:
    made = SlowDesk()
    yield made
    made.go_on.set()


@pytest.fixture
def live(qapp: Any, desk: Any, told: list[Any]) -> Iterator[LivePreview]:
    made = LivePreview(desk, lambda glimpse: told.append(glimpse.wish.recipe.seed), told.append)
    yield made
    made.close()


def wish(seed: int) -> Wish:
    return Wish(None, Draw(seed=seed), None)  # type: ignore[arg-type]


def test_what_was_asked_for_in_between_is_never_made(live, desk, told, qtbot):
    live.ask(wish(1))
    assert desk.begun.wait(20)
    for seed in (2, 3, 4):
        live.ask(wish(seed))
    desk.go_on.set()
    qtbot.waitUntil(lambda: 4 in told, timeout=20_000)
    assert desk.made == [1, 4]
    assert told[-1] == 4


def test_a_window_that_lags_is_told_of_the_newest_alone(live, desk, told, qtbot):
    desk.go_on.set()
    for seed in (1, 2, 3):
        live.ask(wish(seed))
        assert live.wait(20)
    assert desk.made == [1, 2, 3]
    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    qtbot.wait(20)
    assert told == [3]


@pytest.mark.parametrize("end", ["restart", "close"])
def test_nothing_is_told_of_what_was_asked_before(live, desk, told, qtbot, end):
    live.ask(wish(1))
    assert desk.begun.wait(20)
    getattr(live, end)()
    desk.go_on.set()
    assert live.wait(20)
    qtbot.wait(20)
    assert told == []


def test_what_was_made_and_not_told_is_dropped_too(live, desk, told, qtbot):
    desk.go_on.set()
    live.ask(wish(1))
    assert live.wait(20)
    live.restart()
    qtbot.wait(20)
    assert told == []


def test_an_error_is_told_and_the_next_value_is_made(live, desk, told, qtbot):
    desk.go_on.set()
    live.ask(wish(13))
    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    assert isinstance(told[0], InvalidSpecError)
    live.ask(wish(14))
    qtbot.waitUntil(lambda: len(told) > 1, timeout=20_000)
    assert told[1] == 14


def test_a_desk_opens_a_subject_once_and_another_anew():
    opened: list[Any] = []
    one, other = (SimpleNamespace(open=lambda: opened.append(1) or object()) for _ in range(2))
    desk = Desk()
    with desk.at(one) as first:
        pass
    with desk.at(one) as again:
        assert again is first
    with desk.at(other):
        pass
    assert len(opened) == 2
    desk.clear()
    with desk.at(other):
        assert len(opened) == 3
