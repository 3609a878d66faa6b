"""Scores come once, stay with their runs, and say when they could not be had."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from comparing import LEVELS, add_run
from napari.components import ViewerModel

from napari_refvae.widget.compare.pictures import pictures_of
from napari_refvae.widget.gallery.captions import Captions
from napari_refvae.widget.gallery.groups import groups_of
from napari_refvae.widget.gallery.meter import Measured, Meter
from napari_refvae.widget.gallery.scores import Scores

if TYPE_CHECKING:
    from napari_refvae.widget.gallery.meter import Scoring

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Scoring]:
    """What a meter was asked for; it answers without computing, and fails for what is black."""
    asked: list[Scoring] = []

    def measure(_: Meter, scoring: Scoring) -> Measured:
        asked.append(scoring)
        if not scoring.image.any():
            raise MemoryError("none left")
        return Measured({}, "no weights") if scoring.perceptual else Measured({"psnr": 30.0, "ssim": 0.5})

    monkeypatch.setattr(Meter, "measure", measure)
    return asked


def is_idle(scores: Scores) -> bool:
    return not scores._scorer._busy


def test_what_is_known_is_not_measured_again(measured: list[Scoring], qtbot: Any) -> None:
    runs, run = add_run(ViewerModel(), truth=np.full((48, 64, 3), 9, np.uint8))
    for gallery in (Scores(runs, lambda: None), Scores(runs, lambda: None)):
        gallery.ask(run, pictures_of(run))
        qtbot.waitUntil(partial(is_idle, gallery))
    assert [int(one.image.max()) for one in measured if not one.perceptual and one.image.any()] == list(LEVELS[:3])
    assert run.samples[1].scores == {"psnr": 30.0, "ssim": 0.5}


def test_the_slow_ones_wait_for_the_end_of_the_run(measured: list[Scoring], qtbot: Any) -> None:
    runs, run = add_run(ViewerModel(), truth=np.full((48, 64, 3), 9, np.uint8))
    result, run.result = run.result, None
    scores = Scores(runs, lambda: None)
    scores.ask(run, pictures_of(run))
    qtbot.waitUntil(partial(is_idle, scores))
    assert [one.perceptual for one in measured] == [False] * 4
    run.result = result
    scores.ask(run, pictures_of(run))
    qtbot.waitUntil(partial(is_idle, scores))
    assert [one.perceptual for one in measured] == [False] * 4 + [True] * 4


def test_cards_say_what_could_not_be_measured_and_why(measured: list[Scoring], qtbot: Any) -> None:
    runs, run = add_run(ViewerModel(), truth=np.full((48, 64, 3), 9, np.uint8))
    scores = Scores(runs, lambda: None)
    captions, group = Captions((), scores), groups_of(runs)[0]
    assert "not LPIPS" in captions.of(group, "sample 0")[1]
    scores.ask(run, pictures_of(run))
    qtbot.waitUntil(partial(is_idle, scores))
    lines, tooltip = captions.of(group, "sample 0")
    assert lines == ["LR-PSNR 50.0 dB", "PSNR 30.00 dB", "SSIM 0.500"]
    assert tooltip.endswith("no weights")
    lines, tooltip = captions.of(group, "faithful")  # black
    assert lines == []
    assert "MemoryError: none left" in tooltip


def test_without_a_ground_truth_nothing_is_said_of_it() -> None:
    runs, _ = add_run(ViewerModel())
    _, tooltip = Captions((), Scores(runs, lambda: None)).of(groups_of(runs)[0], "sample 0")
    assert "VGG" not in tooltip
