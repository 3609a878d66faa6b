import math

import pytest

from napari_refvae.training.resuming import Best


@pytest.mark.parametrize("kept", [-math.inf, math.inf, math.nan])
def test_a_best_score_that_is_not_finite_is_beaten_by_any_that_is(kept):
    assert Best(kept, "score").is_beaten(3.0, "score")


@pytest.mark.parametrize("score", [-math.inf, math.inf, math.nan])
def test_a_score_that_is_not_finite_beats_none(score):
    assert not Best().is_beaten(score, "score")
    assert not Best(3.0, "score").is_beaten(score, "other")


def test_scores_of_one_figure_are_compared_and_others_are_not():
    best = Best(3.0, "score")
    assert best.is_beaten(3.5, "score")
    assert not best.is_beaten(3.0, "score")
    assert best.is_beaten(1.0, "other")
