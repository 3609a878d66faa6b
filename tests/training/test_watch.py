import random

import pytest

from napari_refvae.training.watch import PATIENCE, LossWatch


@pytest.fixture
def watch():
    """One that has seen a noisy stage, whose losses may lie on both sides of zero."""
    watch, noise = LossWatch(), random.Random(0)
    for _ in range(200):
        watch.see("one", noise.gauss(0.01, 0.05))
    return watch


def test_noise_and_a_spike_are_no_divergence(watch):
    for _ in range(5):
        watch.see("one", 100.0)
        assert not watch.calm
        watch.see("one", 0.0)
        assert watch.calm
    assert not watch.diverged


def test_a_loss_that_stays_far_above_the_usual_is_one(watch):
    for step in range(PATIENCE):
        assert not watch.diverged, step
        watch.see("one", 3.0 + step)
    assert watch.diverged


def test_a_falling_loss_and_a_new_stage_are_none(watch):
    for step in range(2 * PATIENCE):
        watch.see("one", -step)
    for _ in range(2 * PATIENCE):
        watch.see("two", 1000.0)
    assert not watch.diverged


def test_a_loss_that_is_no_number_is_one_at_once():
    watch = LossWatch()
    watch.see("one", float("nan"))
    assert watch.diverged


def test_steps_that_cannot_be_made_are_a_divergence_when_they_follow_one_another(watch):
    for finite in [*[False] * (PATIENCE - 1), True, *[False] * (PATIENCE - 1)]:
        watch.see("one", 0.0)
        watch.see_gradients(finite=finite)
        assert watch.calm  # what was not made has spoilt nothing
        assert not watch.diverged
    watch.see_gradients(finite=False)
    assert watch.diverged
