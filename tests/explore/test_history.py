import inspect
import json
import sys

import numpy as np
import pytest

from napari_refvae.errors import InvalidInputError, InvalidSpecError, UnreadableFileError
from napari_refvae.explore import Draw, Fade, Painting
from napari_refvae.explore.history import Exploration


@pytest.fixture
def exploration():
    made = Exploration({"model": {"sha256": "abc"}})
    made.add(Draw(), "first", b"png")
    made.add(Fade(Draw(seed=2)), "second")
    made.add(Painting(np.eye(3, dtype=int), {}), "third")
    return made


def test_undo_and_redo_walk_along_what_was_shown(exploration):
    assert [exploration.undo().name, exploration.undo().name] == ["second", "first"]
    assert not exploration.can_undo
    assert [exploration.redo().name, exploration.redo().name] == ["second", "third"]
    assert not exploration.can_redo


def test_a_step_after_an_undo_branches_and_loses_nothing(exploration):
    exploration.undo()
    exploration.add(Draw(seed=9), "other")
    assert [step.parent for step in exploration.steps] == [None, 0, 1, 1]
    assert not exploration.can_redo
    assert exploration.undo().name == "second"


def test_applying_a_step_again_can_be_undone(exploration):
    assert exploration.apply(0).name == "first"
    assert exploration.current == 0
    assert exploration.undo().name == "third"
    assert len(exploration.steps) == 3


def test_a_step_can_be_there_without_being_shown(exploration, tmp_path):
    exploration.undo()
    exploration.add(Draw(seed=9), "for later", show=False)
    assert exploration.current == 1
    assert exploration.can_redo
    assert exploration.steps[-1].parent == 1
    exploration.save(tmp_path / "e.json")
    assert Exploration.load(tmp_path / "e.json").apply(3).name == "for later"


def test_there_are_ends():
    made = Exploration({})
    assert made.current is None
    for act in (made.undo, made.redo, lambda: made.apply(0)):
        with pytest.raises(InvalidSpecError):
            act()
    made.add(Draw(), "only")
    with pytest.raises(InvalidSpecError, match="no step before"):
        made.undo()


def test_a_file_brings_all_of_it_back(exploration, tmp_path):
    exploration.undo()
    exploration.save(tmp_path / "one.json")
    again = Exploration.load(tmp_path / "one.json")
    assert again.steps == exploration.steps
    assert again.current == exploration.current == 1
    assert again.identity["model"] == {"sha256": "abc"}
    again.save(tmp_path / "two.json")
    assert (tmp_path / "two.json").read_text() == (tmp_path / "one.json").read_text()
    assert again.redo().name == "third"


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: entry.update(format="other"),
        lambda entry: entry.pop("steps"),
        lambda entry: entry.update(visited=[7]),
        lambda entry: entry.update(shown=9),
        lambda entry: entry.update(shown=0),
        lambda entry: entry["steps"][0].update(parent=2),
        lambda entry: entry["steps"][0].update(thumbnail="?"),
        lambda entry: entry["steps"][0].update(recipe={"recipe": "soup"}),
    ],
)
def test_a_damaged_file_is_refused(exploration, tmp_path, damage):
    path = tmp_path / "one.json"
    exploration.save(path)
    entry = json.loads(path.read_text())
    damage(entry)
    path.write_text(json.dumps(entry))
    with pytest.raises(InvalidInputError, match=r"one\.json"):
        Exploration.load(path)


def test_no_file_and_no_json(tmp_path):
    (tmp_path / "text").write_text("no JSON")
    for name in ("text", "none"):
        with pytest.raises(UnreadableFileError, match=name):
            Exploration.load(tmp_path / name)


@pytest.mark.parametrize("depth", [300, 100_000])
def test_a_recipe_in_recipes_without_end_is_refused(exploration, tmp_path, depth):
    path = tmp_path / "deep.json"
    exploration.save(path)
    entry = json.loads(path.read_text())
    entry["steps"][0]["recipe"] = "DEEP"
    deep = '{"recipe": "fade", "amount": 0.5, "of": ' * depth + json.dumps(Draw().as_dict()) + "}" * depth
    path.write_text(json.dumps(entry).replace('"DEEP"', deep))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 250)
    try:
        with pytest.raises((InvalidInputError, UnreadableFileError), match=r"deep\.json"):
            Exploration.load(path)
    finally:
        sys.setrecursionlimit(limit)
