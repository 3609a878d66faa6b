"""A sample's record makes it again, to the same pixels."""

import json

import numpy as np
import pytest

from napari_refvae.errors import InvalidInputError
from napari_refvae.explore import Composition, Draw, Exploration, Fade, Mix, Painting, Session, Variation, reopen
from napari_refvae.provenance import read_record

ASKED = [
    {},
    {"scale": 2},
    {"size": (77, 120)},
    {"region": (4, 5, 9, 7)},
    {"region": (4, 5, 9, 7), "context": 3, "scale": 4},
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_a_record_replays_to_the_same_pixels(lr, references, model, asked):
    first = Session(lr, references, model=model, device="cpu", precision="float32", tile=9)
    sample = first.decode(Draw(Mix((0.4, 0.2)), seed=5), **asked)
    record = json.loads(json.dumps(sample.provenance))
    again = reopen(record, image=lr, references=references, model=model, device="cpu", precision="float32")
    made = again.replay(record)
    np.testing.assert_array_equal(made.sr, sample.sr)
    assert made.provenance["samples"] == sample.provenance["samples"]
    assert made.provenance == sample.provenance


def test_every_kind_of_recipe_replays(session, labels):
    one = Draw(Mix.of(0), seed=1)
    painted = Painting(labels, {1: Mix.of(0)}, 1.5, one)
    for recipe in (painted, Variation(painted, 2, 0.5, labels == 2), Composition(one, ((painted, labels == 1),))):
        sample = session.decode(Fade(recipe, 0.8))
        session._scenes.forget()
        np.testing.assert_array_equal(session.replay(sample.provenance).sr, sample.sr)


def test_the_file_of_an_exploration_is_no_runs_and_says_where_it_belongs(session, tmp_path):
    Exploration(session.identity).save(tmp_path / "exploration.json")
    with pytest.raises(InvalidInputError, match=r"of an exploration: .*explore\.reopen"):
        read_record(tmp_path / "exploration.json")


def test_what_is_no_samples_record_is_refused(session):
    for record in ({}, session.identity, {"settings": {"recipe": 3}, "resolved": {}}):
        with pytest.raises(InvalidInputError, match=r"recipe|record"):
            session.replay(record)


def test_a_record_of_something_else_is_refused(session, lr, references, model):
    alike = {"model": model, "device": "cpu", "precision": "float32"}
    region = (2, 3, 4, 5)
    others = {
        "input": Session(lr[::-1], references, **alike),
        "list of references": Session(lr, references[::-1], **alike),
        "consistency": Session(lr, references, consistency=None, **alike),
        "intensity range": Session(lr, references, intensity_range=(0, 2), **alike),
        "self-ensemble": Session(lr, references, self_ensemble=True, **alike),
    }
    for what, other in others.items():
        with pytest.raises(InvalidInputError, match=f"the record's {what} is not"):
            session.replay(other.decode(Draw(), region, context=2).provenance)
    record = session.decode(Draw(), region).provenance
    with pytest.raises(InvalidInputError, match="model is not this session's"):
        session.replay({**record, "model": {"name": "other", "sha256": "0"}})
    with pytest.raises(InvalidInputError, match="record of an explored sample"):
        session.replay({**record, "references": [None]})
