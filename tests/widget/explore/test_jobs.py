"""Jobs, keeping and starting without a window: with napari's viewer model and a real, tiny network."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from exploring import LOW, add_images
from napari.components import ViewerModel

from napari_refvae.errors import InvalidInputError, UnreadableFileError
from napari_refvae.explore import Draw, Exploration, Mix
from napari_refvae.imageio.writing import write_image
from napari_refvae.metrics import low_resolution
from napari_refvae.widget.explore.desk import Desk
from napari_refvae.widget.explore.jobs import Advance, make_samples, pick_samples, rank_references
from napari_refvae.widget.explore.keeping import Keeper
from napari_refvae.widget.explore.starting import load_exploration, start_from
from napari_refvae.widget.explore.subject import Subject
from napari_refvae.widget.results.layers import METADATA_KEY, read_reference
from napari_refvae.widget.results.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_refvae.widget.preferences import Preferences


@pytest.fixture
def viewer() -> ViewerModel:
    made = ViewerModel()
    add_images(made)
    return made


@pytest.fixture
def subject(viewer: ViewerModel, preferences: Preferences) -> Subject:
    return Subject.of(viewer.layers["photo"], [viewer.layers["bark"]], None, preferences)


def drained(job: Generator[Any, None, Any]) -> tuple[list[float], list[Any], Any]:
    """How far a job was each time it told, what it made, and what it returned."""
    advances, made = [], []
    while True:
        try:
            step = next(job)
        except StopIteration as stop:
            return advances, made, stop.value
        if isinstance(step, Advance):
            advances.append(step.done)
        else:
            made.append(step)


def test_samples_come_one_by_one_at_all_scales(subject):
    recipes = [Draw(seed=1), Draw(Mix.of(0), seed=2)]
    advances, made, count = drained(make_samples(Desk(), subject, recipes, [None, 2]))
    assert count == 4
    assert [(one.recipe, one.scale) for one in made] == [(recipe, scale) for recipe in recipes for scale in (8, 2)]
    assert advances == sorted(advances)
    assert 0 < advances[0] < advances[-1] == 1
    for one in made:
        np.testing.assert_array_equal(low_resolution(one.sr, one.scale), LOW)


def test_picks_are_made_whole(subject):
    advances, made, picks = drained(pick_samples(Desk(), subject, Draw(seed=5), 4, 2))
    assert [one.recipe for one in made] == [pick.recipe for pick in picks]
    assert {one.sr.shape for one in made} == {(112, 96, 3)}
    assert {pick.recipe.seed for pick in picks} <= set(range(5, 9))
    assert sum(pick.share for pick in picks) == pytest.approx(1)
    assert advances[:4] == [0.25, 0.5, 0.75, 1.0]


def test_previews_may_come_in_between_draws(subject):
    desk = Desk()
    job = pick_samples(desk, subject, Draw(), 3, 1)
    for _ in range(3):
        assert isinstance(next(job), Advance)
        assert not desk._turn.locked()
    job.close()


def test_files_that_cannot_be_read_are_left_out_of_a_ranking(subject, tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    write_image(good, LOW)
    bad.write_bytes(b"no image")
    _, _, found = drained(rank_references(Desk(), subject, [bad, good]))
    assert [(number, one.reference.name) for number, one in found] == [(1, "good")]
    with pytest.raises(UnreadableFileError, match=r"bad\.png"):
        drained(rank_references(Desk(), subject, [bad]))


def test_kept_samples_share_a_run_while_their_recipes_mean_the_same(viewer, subject):
    runs = Runs(viewer)
    keeper, session = Keeper(runs), subject.open()
    keeper.keep(subject, session.decode(Draw(Mix.of(0))), ("bark",))
    more = replace(subject, references=(*subject.references, read_reference(viewer.layers["moss"])))
    keeper.keep(more, more.open().decode(Draw(Mix.of(1))), ("bark", "moss"))
    assert len(runs) == 1
    other = replace(subject, references=more.references[1:])
    keeper.keep(other, other.open().decode(Draw(Mix.of(0))), ("moss",))
    assert len(runs) == 2
    first, second = runs
    assert first.result.references == ("bark", "moss")
    assert [entry["name"] for entry in second.result.provenance["references"]] == ["moss"]
    keeper.keep(other, other.open().decode(Draw(), scale=2), ("moss",))
    assert [run.result.scale for run in runs] == [8, 8, 2]
    runs.remove(second)
    keeper.keep(other, other.open().decode(Draw()), ("moss",))
    assert len(runs) == 3


def test_what_is_missing_to_go_on_is_named(viewer, subject):
    runs = Runs(viewer)
    kept = Keeper(runs).keep(subject, subject.open().decode(Draw(Mix.of(0), seed=3)), ("bark",))
    images = [viewer.layers[name] for name in ("photo", "bark", "moss")]
    start = start_from(kept, runs, images)
    assert (start.layer, start.choices, start.recipe) == (images[0], [images[1]], Draw(Mix.of(0), seed=3))
    with pytest.raises(InvalidInputError, match="'photo'"):
        start_from(kept, runs, images[1:])
    with pytest.raises(InvalidInputError, match="'bark'"):
        start_from(kept, runs, images[::2])
    with pytest.raises(InvalidInputError, match="select the layer"):
        start_from(images[0], runs, images)
    kept.metadata[METADATA_KEY]["provenance"] = None
    with pytest.raises(InvalidInputError, match="goes on"):
        start_from(kept, runs, images)


def test_what_is_not_as_it_was_is_said(viewer, subject, tmp_path):
    runs, images = Runs(viewer), list(viewer.layers)
    model = tmp_path / "mine.safetensors"
    shutil.copy(subject.preferences.model, model)
    subject = replace(subject, preferences=replace(subject.preferences, model=str(model)))
    kept = Keeper(runs).keep(subject, subject.open().decode(Draw()), ("bark",))
    assert start_from(kept, runs, images).differs == ""
    viewer.layers["photo"].data = LOW[::-1].copy()
    model.write_bytes(b"another one")
    differs = start_from(kept, runs, images).differs
    assert "'photo' has other pixels" in differs
    assert f"the file of model {model} is another one" in differs


def test_a_file_that_has_other_pixels_now_is_refused(viewer, preferences, tmp_path):
    file, moved = tmp_path / "bark.png", tmp_path / "beside" / "bark.png"
    write_image(file, LOW)
    subject = Subject.of(viewer.layers["photo"], [file], None, preferences)
    history = Exploration(subject.open().identity)
    moved.parent.mkdir()
    history.save(moved.parent / "history.json")
    arguments = (moved.parent / "history.json", subject, list(viewer.layers), (0.0, 0.0))
    assert load_exploration(*arguments)[0] == [file]
    file.rename(moved)
    assert load_exploration(*arguments)[0] == [moved]
    write_image(file, LOW[::-1])  # another one, where it was
    assert load_exploration(*arguments)[0] == [moved]
    moved.unlink()
    with pytest.raises(InvalidInputError, match=r"bark\.png has other pixels now"):
        load_exploration(*arguments)
    file.unlink()
    with pytest.raises(InvalidInputError, match="put it back"):
        load_exploration(*arguments)


def test_other_contrast_limits_are_said(viewer, preferences):
    grey = viewer.add_image(LOW[..., 0], name="grey", contrast_limits=(0, 255))
    subject = Subject.of(grey, [], None, preferences)
    runs = Runs(viewer)
    kept = Keeper(runs).keep(subject, subject.open().decode(Draw()), ())
    grey.contrast_limits = (90, 150)
    assert start_from(kept, runs, [grey]).differs.endswith(": black and white lie elsewhere.")


def test_references_are_found_at_their_plane_beside_what_cannot_be_one(viewer, preferences, monkeypatch):
    planes = np.random.default_rng(7).integers(0, 256, (2, 20, 20), np.uint8)
    stack, point = viewer.add_image(planes, name="stack", contrast_limits=(0, 255)), (1.0, 0.0, 0.0)
    subject = Subject.of(viewer.layers["photo"], [stack], point, preferences)
    runs = Runs(viewer)
    kept = Keeper(runs).keep(subject, subject.open().decode(Draw(Mix.of(0))), ("stack",))

    def refusing(layer, point):
        if layer.name == "bark":
            raise InvalidInputError("no reference")
        return read_reference(layer, point)

    monkeypatch.setattr("napari_refvae.widget.explore.starting.read_reference", refusing)
    images = [viewer.layers[name] for name in ("bark", "photo", "stack")]
    assert start_from(kept, runs, images, point).choices == [stack]
    with pytest.raises(InvalidInputError, match="'stack'"):
        start_from(kept, runs, images, (0.0, 0.0, 0.0))
