"""What the scripts that measure share."""

import json

import pytest


def test_ways_take_turns_in_both_orders_after_warming_up():
    from measuring import take_turns

    calls = []
    ways = {name: lambda name=name: calls.append(name) for name in "AB"}
    seconds = take_turns(ways, 3, before={"A": lambda: calls.append("ready")})
    assert "".join(calls).replace("ready", "") == "BAABBAAB"
    assert [calls[index - 1] for index, name in enumerate(calls) if name == "A"] == ["ready"] * 4
    assert {name: len(turns) for name, turns in seconds.items()} == {"A": 3, "B": 3}
    assert all(turn >= 0 for turns in seconds.values() for turn in turns)


def test_what_is_done_before_a_turn_is_not_timed(monkeypatch):
    import measuring

    clock = iter([0.0, 1.0, 5.0, 8.0])
    monkeypatch.setattr(measuring.time, "perf_counter", lambda: next(clock))
    assert measuring.take_turns({"A": lambda: None}, 2, warm_up=0, before={"A": lambda: None}) == {"A": [1.0, 3.0]}


def test_memory_of_a_fresh_process_counts_what_the_work_held_and_made():
    from measuring import MIB, memory_of

    held = memory_of("upscale", preset="compact", side=16, samples=1)
    assert held.output == 2 * (8 * 16) ** 2 * 3  # the sample and the bicubic image
    assert 50 * MIB < held.rest <= held.peak
    assert held.working == held.peak - held.rest - held.output


def test_memory_of_work_that_fails_says_why():
    from measuring import memory_of

    with pytest.raises(RuntimeError, match="invalid choice"):
        memory_of("sleep")


def test_tables_and_figures_are_published(tmp_path, capsys):
    import measuring

    options = measuring.parser("").parse_args(["--figures", str(tmp_path / "figures.json")])
    measuring.publish(options, "A note.", measuring.table(["way", "time"], [["one", "1 s"]]), {"one": 1.0})
    assert capsys.readouterr().out == "A note.\n\n| way | time |\n| --- | ---: |\n| one | 1 s |\n"
    assert json.loads((tmp_path / "figures.json").read_text()) == {"one": 1.0}
    assert measuring.turns(options) == 5
    assert measuring.turns(options, 3) == 3
    assert measuring.turns(measuring.parser("").parse_args(["--quick"]), 3) == 1


@pytest.mark.parametrize(
    ("seconds", "said"), [(123.4, "123 s"), (12.34, "12.3 s"), (1.234, "1.23 s"), (0.1234, "123 ms"), (4e-4, "0.40 ms")]
)
def test_durations_have_three_figures(seconds, said):
    from measuring import duration

    assert duration(seconds) == said
