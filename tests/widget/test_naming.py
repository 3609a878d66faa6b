from __future__ import annotations

import pytest

from napari_refvae.widget.naming import name_candidates

MANY = [f"plate {plate} well {well}" for plate in range(5) for well in range(10)] + ["Photo of a cat", "bark"]


def test_all_of_a_few_are_said() -> None:
    assert name_candidates("x", ["b", "a"]) == "'b', 'a'"
    assert name_candidates("x", []) == "(no layer is open)"


@pytest.mark.parametrize(
    ("asked", "meant"), [("photo of cat", "Photo of a cat"), ("BARK", "bark"), ("plate3 well 7", "plate 3 well 7")]
)
def test_of_many_the_closest_come_first(asked: str, meant: str) -> None:
    said = name_candidates(asked, MANY)
    assert said.startswith(repr(meant))
    assert said.endswith(" and 49 more")
    assert said.count("'") == 6


def test_nothing_alike_still_names_some() -> None:
    assert name_candidates("\N{SNOWMAN}", MANY).endswith(" and 49 more")
