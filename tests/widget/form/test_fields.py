from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtWidgets import QWidget

from napari_refvae.engine.device import Choice
from napari_refvae.engine.forecasting import Costs, Readiness
from napari_refvae.widget.form.choices import ChoiceBox
from napari_refvae.widget.form.fields import LARGEST_SEED, AdvancedFields, SampleFields
from napari_refvae.widget.preferences import Preferences


@pytest.fixture
def sampling(qtbot: Any) -> SampleFields:
    made = SampleFields(Preferences(samples=7, vividness=0.25))
    qtbot.addWidget(made)
    return made


@pytest.fixture
def advanced(qtbot: Any) -> AdvancedFields:
    made = AdvancedFields(Preferences(model="mine", device="cuda:1", precision="float32", residual_gain=3))
    qtbot.addWidget(made)
    return made


def test_a_box_keeps_its_choice_in_a_new_parent(qtbot: Any) -> None:
    """By itself magicgui's goes back to the entries that it was made with."""
    parent = QWidget()
    qtbot.addWidget(parent)
    box = ChoiceBox("", [("one", 1)], 1)
    told: list[Any] = []
    box.changed.connect(told.append)
    box.offer([("one", 1), ("two", 2)], 2)
    box.native.setParent(parent)
    assert box.value == 2
    assert told == []


def test_what_is_offered_already_is_not_filled_in_anew(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """napari asks with every layer of a result, and filling a list takes magicgui long."""
    one, other = object(), object()
    box = ChoiceBox("", [("one", one)], one)
    qtbot.addWidget(box.native)
    filled: list[int] = []
    fill = box.reset_choices
    monkeypatch.setattr(box, "reset_choices", lambda: (filled.append(1), fill()))
    box.offer([("one", one)], one)
    assert filled == []
    box.offer([("one", other)], other)
    assert filled


def test_fields_begin_with_the_preferences(sampling: SampleFields, advanced: AdvancedFields) -> None:
    assert sampling.arguments() == {
        "samples": 7,
        "seed": 0,
        "scale": 8,
        "temperature": 1.0,
        "strength": 1.0,
        "vividness": 0.25,
    }
    assert advanced.engine == ("mine", "cuda:1", "float32")
    assert advanced.gain.value == 3


def test_the_die_draws_another_seed(sampling: SampleFields) -> None:
    seeds = set()
    for _ in range(5):
        sampling.die.click()
        seeds.add(sampling.seed.value)
    assert len(seeds) == 5
    assert all(0 <= seed < LARGEST_SEED for seed in seeds)


def test_what_was_found_is_offered_and_the_choice_stays(advanced: AdvancedFields) -> None:
    advanced.offer_engine(["compact", "full"], ["cpu", "cuda:0"])
    assert advanced.engine == ("mine", "cuda:1", "float32")
    assert list(advanced.model.choices) == ["compact", "full", "mine"]
    assert list(advanced.device.choices) == ["auto", "cpu", "cuda:0", "cuda:1"]


def test_auto_says_what_it_became_and_why(advanced: AdvancedFields) -> None:
    advanced.device.value = "auto"
    choices = Choice("cuda:0", "the fastest device found"), Choice("float32", "asked for")
    advanced.explain_engine(Readiness("m", "compact", "0", *choices, 8, Costs(0, 0, 0, 0, 0)))
    assert advanced.device.current_choice == "auto: cuda:0"
    assert advanced.device.tooltip == "cuda:0: the fastest device found"
    assert advanced.device.value == "auto"
    advanced.explain_engine(None)
    assert advanced.device.current_choice == "auto"


def test_what_was_chosen_by_hand_is_not_what_auto_became(advanced: AdvancedFields) -> None:
    advanced.offer_engine(["compact"], ["cpu", "cuda:0"])
    before = advanced.device.tooltip, advanced.precision.tooltip
    choices = Choice("cuda:0", "the fastest device found"), Choice("float32", "asked for")
    advanced.device.value = "auto"
    advanced.explain_engine(Readiness("m", "compact", "0", *choices, 8, Costs(0, 0, 0, 0, 0)))
    advanced.device.value = "cpu"
    by_hand = Choice("cpu", "asked for"), Choice("float32", "asked for")
    advanced.explain_engine(Readiness("m", "compact", "0", *by_hand, 8, Costs(0, 0, 0, 0, 0)))
    assert [advanced.device.native.itemText(row) for row in range(2)] == ["auto", "cpu"]
    assert advanced.precision.native.itemText(0) == "auto"
    assert (advanced.device.tooltip, advanced.precision.tooltip) == before


def test_a_model_file_is_called_by_its_name_and_used_by_its_path(advanced: AdvancedFields) -> None:
    told: list[int] = []
    advanced.engine_changed.connect(lambda: told.append(1))
    advanced.use_model("/models/far/away/fine.safetensors")
    assert advanced.model.current_choice == "fine.safetensors"
    assert advanced.arguments()["model"] == "/models/far/away/fine.safetensors"
    assert told == [1]
