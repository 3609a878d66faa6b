import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.explore import Composition, Draw, Fade, Mix, Painting, Variation, recipe_from_dict
from napari_refvae.explore.masks import grown, reach, softened

SIZE = (7, 9)
UNIT = st.floats(0, 1)
MASKS = arrays(bool, SIZE)
MIXES = st.builds(
    lambda weights: Mix(tuple(w / max(1.0, sum(weights)) for w in weights)), st.lists(UNIT, min_size=0, max_size=3)
)
DRAWS = st.builds(Draw, MIXES, st.integers(0, 2**64), st.floats(0, 3), UNIT, UNIT)
PAINTINGS = st.builds(
    Painting,
    arrays(np.int32, SIZE, elements=st.integers(0, 3)),
    st.dictionaries(st.integers(1, 3), MIXES),
    st.floats(0, 5),
    DRAWS,
)
LATENT = st.recursive(
    DRAWS | PAINTINGS,
    lambda of: st.builds(Variation, of, st.integers(0, 99), UNIT, st.none() | MASKS),
    max_leaves=3,
)
RECIPES = st.recursive(
    LATENT,
    lambda of: (
        st.builds(Fade, of, UNIT)
        | st.builds(Composition, of, st.lists(st.tuples(of, MASKS), max_size=2).map(tuple), st.floats(0, 3))
    ),
    max_leaves=3,
)


@given(RECIPES)
def test_json_round_trip(recipe):
    again = recipe_from_dict(json.loads(json.dumps(recipe.as_dict())))
    assert again == recipe
    assert hash(again) == hash(recipe)


@given(RECIPES, UNIT)
def test_a_dial_is_turned_in_every_draw(recipe, vividness):
    def dials(entry):
        if isinstance(entry, dict):
            found = [entry["vividness"]] if "vividness" in entry else []
            return found + [dial for value in entry.values() for dial in dials(value)]
        return [dial for value in entry for dial in dials(value)] if isinstance(entry, list) else []

    assert set(dials(recipe.with_draw(vividness=vividness).as_dict())) == {vividness}


def test_recipes_differ_by_what_they_say():
    labels = np.zeros(SIZE, int)
    labels[0, 0] = 1
    several = [Draw(), Draw(seed=1), Fade(Draw()), Painting(labels, {1: Mix()}), Painting(1 - labels, {1: Mix()})]
    assert len(set(several)) == len(several)


def test_a_recipe_keeps_its_own_masks():
    mask = np.zeros(SIZE, bool)
    recipe = Variation(Draw(), locked=mask)
    mask[:] = True
    assert not recipe.locked.any()
    with pytest.raises(ValueError, match="read-only"):
        recipe.locked[0, 0] = True


@given(arrays(np.int8, (20, 25), elements=st.integers(0, 3)), st.floats(0, 4))
def test_soft_masks_sum_to_one(labels, softness):
    total = sum(softened(labels == label, softness) for label in range(4))
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize("softness", [0, 0.4, 1, 2.5])
def test_borders_end_where_they_say(softness):
    mask = np.zeros((40, 40), bool)
    mask[15:22, 12:30] = True
    weights, width = softened(mask, softness), reach(softness)
    assert (weights[~grown(mask, width)] == 0).all()
    assert (weights[~grown(~mask, width)] == 1).all()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Mix((0.6, 0.6)), "at most 1; got 1.2"),
        (lambda: Mix((-0.1,)), "from 0 to 1"),
        (lambda: Mix((float("nan"),)), "from 0 to 1"),
        (lambda: Draw(strength=2), "strength must be"),
        (lambda: Draw(seed=-1), "seed must be"),
        (lambda: Painting(np.zeros(3, int), {}), "labels must be integers"),
        (lambda: Painting(np.zeros(SIZE), {}), "labels must be integers"),
        (lambda: Painting(np.full(SIZE, 2**32 + 1), {}), "labels must lie within .*; got 4294967297"),
        (lambda: Painting(np.full(SIZE, -(2**31) - 1), {}), "labels must lie within"),
        (lambda: Painting(np.zeros(SIZE, int), {2**32 + 1: Mix()}), "that have a blend must lie within"),
        (lambda: Painting(np.zeros(SIZE, int), {0: Mix()}), "label 0 means the base"),
        (lambda: Painting(np.zeros(SIZE, int), {}, softness=-1), "softness must be"),
        (lambda: Variation(Draw(), amount=1.1), "amount must be"),
        (lambda: Variation(Draw(), locked=np.zeros(SIZE)), "locked must be bools"),
        (lambda: Variation(Fade(Draw())), "got Fade: vary its parts"),
        (lambda: Composition(Draw(), ((Draw(), np.zeros(SIZE)),)), "mask must be bools"),
        (lambda: Fade(Draw(), -1), "amount must be"),
    ],
)
def test_what_makes_no_sense_is_refused(make, said):
    with pytest.raises(InvalidSpecError, match=said):
        make()


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: entry.pop("of"),
        lambda entry: entry.update(recipe="soup"),
        lambda entry: entry.update(locked={"shape": [2, 2], "deflated": "!"}),
        lambda entry: entry["locked"].update(shape=[3, 3]),
        lambda entry: entry["locked"].update(shape=[2**20, 2**20]),
        lambda entry: entry["locked"].update(deflated="AAAA"),
        lambda entry: entry.update(of=Fade(Draw()).as_dict()),
        lambda entry: entry.update(of=[1]),
    ],
)
def test_damaged_recipes_are_refused(damage):
    entry = Variation(Draw(), locked=np.ones(SIZE, bool)).as_dict()
    damage(entry)
    with pytest.raises(InvalidInputError):
        recipe_from_dict(entry)
