from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_refvae.explore import Composition, Draw, Fade, Mix, Painting, Variation
from napari_refvae.widget.explore.steering import (
    balanced,
    can_roll,
    described,
    dials_of,
    rolled,
    short_name,
    turned,
    with_mix,
    without_reference,
)

NAMES = ("bark", "moss")
DRAW = Draw(Mix((0.6, 0.2)), seed=4, temperature=0.5)
PAINTING = Painting(np.eye(4, dtype=int), {1: Mix.of(1)}, base=DRAW)
VARIATION = Variation(PAINTING, seed=9, amount=0.3, locked=np.eye(4, dtype=bool))
COMPOSITION = Composition(DRAW, ((VARIATION, np.eye(4, dtype=bool)),))
ALL = [DRAW, PAINTING, VARIATION, COMPOSITION, Fade(COMPOSITION, 0.5)]

weights = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@given(weights, st.data())
def test_the_moved_weight_stays_and_all_come_to_at_most_one(before: list[float], data: st.DataObject) -> None:
    moved = data.draw(st.integers(0, len(before) - 1))
    after = balanced(before, moved)
    assert after[moved] == before[moved]
    Mix(after)  # refuses more than 1
    assert all(new <= old for new, old in zip(after, before, strict=True))


@given(weights, st.data())
def test_the_others_keep_their_proportions(before: list[float], data: st.DataObject) -> None:
    moved = data.draw(st.integers(0, len(before) - 1))
    after = np.delete(balanced(before, moved), moved)
    others = np.delete(before, moved)
    np.testing.assert_allclose(after * others.sum(), others * after.sum(), atol=1e-9)


@pytest.mark.parametrize("recipe", ALL)
def test_dials_turn_what_they_show(recipe):
    after = turned(recipe, temperature=1.5, vividness=0.25)
    assert (dials_of(after).temperature, dials_of(after).vividness) == (1.5, 0.25)
    assert dials_of(after).seed == dials_of(recipe).seed


@pytest.mark.parametrize("recipe", ALL[:3])
def test_another_blend_changes_the_bottom_alone(recipe):
    after = with_mix(recipe, Mix.of(0))
    assert dials_of(after).mix == Mix.of(0)
    assert with_mix(after, dials_of(recipe).mix) == recipe


def test_a_composition_becomes_a_draw_with_another_blend():
    assert with_mix(COMPOSITION, Mix.of(1)) == Draw(Mix.of(1), seed=4, temperature=0.5)


def test_the_die_rolls_what_has_one_seed():
    assert rolled(DRAW, 7).seed == 7
    assert rolled(PAINTING, 7).base.seed == 7
    varied = rolled(VARIATION, 7)
    assert (varied.seed, varied.of) == (7, PAINTING)
    assert [can_roll(recipe) for recipe in ALL] == [True, True, True, False, False]


def test_recipes_are_called_what_they_are():
    assert described(DRAW, NAMES) == "60\u00a0% bark, 20\u00a0% moss; seed 4"
    assert described(Draw(Mix.of(1), seed=2), NAMES) == "moss; seed 2"
    assert described(Draw(seed=2), NAMES) == "no reference; seed 2"
    assert described(VARIATION, NAMES).startswith("30\u00a0% off, part locked, seed 9 (from: painted on 60\u00a0% bark")
    assert described(COMPOSITION, NAMES) == "composed of 2 samples"
    assert [short_name(recipe, NAMES) for recipe in ALL] == [
        "bark+moss", "painted", "painted varied", "composed", "faded",
    ]  # fmt: skip
    assert short_name(Variation(VARIATION), NAMES) == "painted varied"
    assert short_name(Variation(Draw()), NAMES) == "varied"


def test_a_reference_that_goes_is_gone_from_all_of_a_recipe():
    draw = Draw(Mix((0.2,)), seed=4, temperature=0.5)
    assert without_reference(DRAW, 0) == draw
    assert without_reference(DRAW, 1) == Draw(Mix((0.6,)), seed=4, temperature=0.5)
    plane = np.arange(4).reshape(2, 2)
    painting = Painting(plane, {1: Mix.of(0), 2: Mix((0.0, 0.5)), 3: Mix.of(2)}, 2.0, DRAW)
    assert without_reference(painting, 1) == Painting(
        [[0, 1], [0, 2]], {1: Mix.of(0), 2: Mix.of(1)}, 2.0, without_reference(DRAW, 1)
    )
    assert without_reference(Draw(Mix.of(0)), 3) == Draw(Mix.of(0))
    lock = np.eye(4, dtype=bool)
    varied = Variation(Painting(np.eye(4, dtype=int), {1: Mix.of(0)}, base=draw), 9, 0.3, lock)
    assert without_reference(Fade(COMPOSITION, 0.5), 0) == Fade(Composition(draw, ((varied, lock),)), 0.5)
