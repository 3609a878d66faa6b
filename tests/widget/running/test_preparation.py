from __future__ import annotations

import threading
from typing import Any

import pytest

from napari_refvae.widget.running import preparation as preparation_module
from napari_refvae.widget.running.preparation import Preparation


class SlowEngine:
    """Prepares when it is let; remembers who was in it at the same time."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.prepared: list[tuple[Any, ...]] = []
        self.inside: set[str] = set()
        self.most = 0

    def enter(self, who: str) -> None:
        self.inside.add(who)
        self.most = max(self.most, len(self.inside))

    def prepare(self, *choice: Any) -> tuple[Any, ...]:
        self.enter("prepare")
        assert self.gate.wait(20)
        self.inside.discard("prepare")
        self.prepared.append(choice)
        return choice

    def options(self) -> tuple[list[str], list[str]]:
        return ["compact"], ["cpu"]

    def steps(self) -> Any:
        self.enter("run")
        yield "step"
        self.inside.discard("run")
        return "result"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is painted here that a preparation would have to wait for."""
    monkeypatch.setattr(preparation_module, "DELAY", 0)


@pytest.fixture
def engine() -> SlowEngine:
    return SlowEngine()


def test_the_last_choice_is_prepared_in_the_end(qtbot: Any, engine: SlowEngine) -> None:
    told: list[Any] = []
    preparation = Preparation(engine, lambda: told.append(preparation.readiness))  # type: ignore[arg-type]
    preparation.choose("a", "auto", "auto")
    qtbot.waitUntil(lambda: bool(engine.inside))
    preparation.choose("b", "auto", "auto")
    preparation.choose("c", "auto", "auto")
    engine.gate.set()
    qtbot.waitUntil(lambda: bool(told))
    assert told == [("c", "auto", "auto", False)]
    assert ("b", "auto", "auto", False) not in engine.prepared
    assert preparation.options == (["compact"], ["cpu"])


def test_a_run_waits_for_a_preparation_and_can_be_closed_meanwhile(qtbot: Any, engine: SlowEngine) -> None:
    preparation = Preparation(engine, lambda: None)  # type: ignore[arg-type]
    preparation.choose("a", "auto", "auto")
    qtbot.waitUntil(lambda: bool(engine.inside))
    run = preparation.steps()
    assert [next(run), next(run)] == [None, None]
    run.close()
    engine.gate.set()
    qtbot.waitUntil(lambda: preparation.readiness is not None)
    run = preparation.steps()
    assert list(run) == ["step"]
    assert engine.most == 1


def test_a_preparation_waits_for_a_run(qtbot: Any, engine: SlowEngine) -> None:
    engine.gate.set()
    preparation = Preparation(engine, lambda: None)  # type: ignore[arg-type]
    run = preparation.steps()
    assert next(run) == "step"
    preparation.choose("a", "auto", "auto")
    qtbot.waitUntil(lambda: preparation._preparing)
    qtbot.wait(50)
    assert engine.prepared == []
    list(run)
    qtbot.waitUntil(lambda: preparation.readiness is not None)
    assert engine.most == 1


def test_what_goes_wrong_is_kept_as_a_sentence(qtbot: Any, engine: SlowEngine) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no kernel")

    engine.prepare = fail  # type: ignore[method-assign]
    preparation = Preparation(engine, lambda: None)  # type: ignore[arg-type]
    preparation.choose("a", "auto", "auto")
    qtbot.waitUntil(lambda: preparation.problem is not None)
    assert "no kernel" in str(preparation.problem)
    assert preparation.options == (["compact"], ["cpu"])  # to choose another one


def test_a_closed_one_is_silent(qtbot: Any, engine: SlowEngine) -> None:
    told: list[int] = []
    preparation = Preparation(engine, lambda: told.append(1))  # type: ignore[arg-type]
    preparation.choose("a", "auto", "auto")
    qtbot.waitUntil(lambda: bool(engine.inside))
    preparation.close()
    engine.gate.set()
    preparation.choose("b", "auto", "auto")
    qtbot.waitUntil(lambda: bool(engine.prepared))
    qtbot.wait(50)
    assert told == []
    assert engine.prepared == [("a", "auto", "auto", False)]


def test_who_is_prepared_for_matching_is_without_it_too(qtbot: Any, engine: SlowEngine) -> None:
    engine.gate.set()
    preparation = Preparation(engine, lambda: None)  # type: ignore[arg-type]
    for matching in (False, True, False):
        preparation.choose("a", "auto", "auto", matching)
        qtbot.waitUntil(lambda: preparation.readiness is not None)
    assert [choice[-1] for choice in engine.prepared] == [False, True]
