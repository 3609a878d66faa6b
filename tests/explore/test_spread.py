import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore import Draw, Mix, pick_spread
from napari_refvae.explore.spread import busiest_region, distances, farthest, spread_steps
from napari_refvae.regions import Region


def apart(points):
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@given(st.integers(2, 25), st.integers(0, 999), st.data())
def test_farthest_points_are_no_nearer_than_what_they_cover(count, seed, data):
    between = apart(np.random.default_rng(seed).random((count, 2)))
    picks = data.draw(st.integers(2, count))
    chosen = farthest(between, picks)
    assert len(set(chosen)) == picks
    among = between[np.ix_(chosen, chosen)] + np.diag([np.inf] * picks)
    assert between[:, chosen].min(axis=1).max() <= among.min() + 1e-12
    assert chosen[0] == between.sum(axis=1).argmin()


def test_equal_draws_are_picked_once_each():
    assert sorted(farthest(np.zeros((4, 4)), 4)) == [0, 1, 2, 3]


def test_distances_are_a_metric_on_what_is_seen():
    rng = np.random.default_rng(0)
    samples = [rng.integers(0, 256, (32, 40, 3), dtype=np.uint8) for _ in range(6)]
    between = distances([*samples, samples[0]])
    np.testing.assert_allclose(between, between.T)
    assert between[0, 6] == pytest.approx(0, abs=1e-6)
    assert (between[:6, :6] + np.eye(6) > 0.1).all()
    assert (between[:, :, None] <= between[:, None] + between[None] + 1e-9).all()


def test_texture_counts_and_where_its_grain_lies_does_not():
    rng = np.random.default_rng(0)
    grain = [rng.normal(0, 1, (64, 64)) for _ in range(3)]
    one, two, rough = (128 + strength * noise for strength, noise in zip((10, 10, 60), grain, strict=True))
    between = distances([image.clip(0, 255).astype(np.uint8) for image in (one, two, rough)])
    assert between[0, 1] < 0.5 * between[0, 2]


def test_the_busiest_region_is_where_it_changes():
    luma = np.zeros((40, 60), np.float32)
    luma[20:28, 40:48] = np.indices((8, 8)).sum(axis=0) % 2
    found = busiest_region(luma, 16)
    assert found.intersect(Region(20, 40, 8, 8)) == Region(20, 40, 8, 8)
    assert busiest_region(luma[:5, :7], 16) == Region(0, 0, 5, 7)


def test_picks_stand_for_all_draws_and_repeat(session):
    seen = []
    picks = pick_spread(session, Draw(Mix.of(0), seed=5), count=10, picks=4, on_draw=seen.append)
    assert seen == list(range(1, 11))
    assert sum(pick.share for pick in picks) == pytest.approx(1)
    assert all(5 <= pick.recipe.seed < 15 for pick in picks)
    steps = [pick.distance for pick in picks]
    assert steps == sorted(steps, reverse=True)
    assert pick_spread(session, Draw(Mix.of(0), seed=5), count=10, picks=4) == picks


def test_picking_step_by_step_picks_the_same(session):
    run = spread_steps(session, Draw(seed=2), count=4, picks=2)
    assert [next(run) for _ in range(4)] == [1, 2, 3, 4]
    with pytest.raises(StopIteration) as stop:
        next(run)
    assert stop.value.value == pick_spread(session, Draw(seed=2), count=4, picks=2)


def test_draws_without_chance_are_one(session):
    picks = pick_spread(session, Draw(temperature=0), count=3, picks=2)
    assert [pick.share for pick in picks] == [1, 0]


@pytest.mark.parametrize(("count", "picks"), [(3, 4), (3, 0)])
def test_numbers_that_make_no_sense(session, count, picks):
    with pytest.raises(InvalidSpecError, match="as many draws as picks"):
        pick_spread(session, count=count, picks=picks)
