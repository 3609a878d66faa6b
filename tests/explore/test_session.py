"""What holds of samples, whatever recipe made them."""

import numpy as np
import pytest

from napari_refvae import upscale
from napari_refvae.errors import InvalidSpecError
from napari_refvae.explore import FAITHFUL, Composition, Draw, Fade, Mix, Painting, Session, Variation
from napari_refvae.explore.masks import grown, reach
from napari_refvae.regions import Region

REACH = 16
"""Of the projection, in LR pixels, to 1e-5 of the range."""


def corner(size, side=10):
    mask = np.zeros(size, bool)
    mask[:side, :side] = True
    return mask


def enlarged(mask, scale=8):
    return np.kron(mask, np.ones((scale, scale), bool)).astype(bool)


def changed(a, b):
    return np.abs(a - b).max(axis=-1)


def recipes(labels):
    one, two = Draw(Mix.of(0), seed=1), Draw(Mix.of(1), seed=2)
    return {
        "draw": one,
        "blend": Draw(Mix((0.4, 0.3)), seed=5, temperature=0.7, strength=0.8, vividness=0.5),
        "painting": Painting(labels, {1: Mix.of(0), 2: Mix((0.5, 0.5))}, 1.5, base=two),
        "variation": Variation(one, seed=9, amount=0.4, locked=labels == 1),
        "composition": Composition(one, ((two, labels == 2), (Fade(two, 0.3), labels == 1)), feather=2),
        "fade": Fade(one, 0.6),
    }


KINDS = ("draw", "blend", "painting", "variation", "composition", "fade")


def test_a_draw_is_the_sample_of_a_run_bit_for_bit(session, lr, references, model):
    run = upscale(
        lr, references, samples=2, seed=7, model=model, device="cpu", precision="float32", strength=0.6, faithful=True
    )
    for index in range(4):
        made = session.decode(Draw(Mix.of(index // 2), seed=7 + index, strength=0.6))
        np.testing.assert_array_equal(made.sr, run.sr[index])
        assert made.lr_psnr == run.lr_psnr[index]
    np.testing.assert_array_equal(session.decode(FAITHFUL).sr, run.faithful)
    np.testing.assert_array_equal(session.bicubic(), run.bicubic)


def test_no_weight_is_no_reference(session, lr, model):
    run = upscale(lr, samples=1, seed=3, model=model, device="cpu", precision="float32")
    for mix in (Mix(), Mix((0.0,)), Mix((0.0, 0.0))):
        np.testing.assert_array_equal(session.decode(Draw(mix, seed=3)).sr, run.sr[0])


@pytest.mark.parametrize("kind", KINDS)
def test_every_recipe_is_consistent_repeatable_and_survives_forgetting(session, labels, kind):
    recipe = recipes(labels)[kind]
    first = session.decode(recipe)
    assert first.lr_psnr >= 50
    np.testing.assert_array_equal(session.decode(recipe).sr, first.sr)
    session._scenes.forget()
    np.testing.assert_array_equal(session.decode(recipe).sr, first.sr)


@pytest.mark.parametrize("kind", KINDS)
def test_tiled_equals_untiled(lr, references, model, session, labels, kind):
    tiled = Session(lr, references, model=model, device="cpu", precision="float32", tile=9)
    recipe = recipes(labels)[kind]
    np.testing.assert_allclose(tiled.decode(recipe).sr, session.decode(recipe).sr, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_region_is_the_crop_of_the_whole(session, labels, kind):
    recipe = recipes(labels)[kind]
    part = session.decode(recipe, (4, 5, 9, 7)).sr
    np.testing.assert_allclose(part, session.decode(recipe).sr[32:104, 40:96], atol=2e-5)


def test_a_smaller_scale_is_the_runs(session, lr, references, model):
    run = upscale(lr, references[0], samples=1, scale=4, model=model, device="cpu", precision="float32")
    made = session.decode(Draw(Mix.of(0)), scale=4)
    np.testing.assert_array_equal(made.sr, run.sr[0])
    assert made.scale == 4


@pytest.mark.parametrize("shape", [(9, 11), (9, 11, 4), (5, 4, 1)])
def test_output_has_the_inputs_kind(model, shape):
    image = np.random.default_rng(0).integers(0, 60000, shape, dtype=np.uint16)
    sr = Session(image, "self", model=model, device="cpu").decode(Draw(Mix.of(0))).sr
    assert sr.dtype == np.uint16
    assert sr.shape == (8 * shape[0], 8 * shape[1], *shape[2:])


def test_a_blend_lies_between_its_references(loose):
    """Of a linear code; what the network makes of it is not linear, but moves steadily."""
    ends = [loose.latents.make(Draw(mix, temperature=0)) for mix in (Mix.of(1), Mix.of(0))]
    middle = loose.latents.make(Draw(Mix((0.25, 0.75)), temperature=0))
    np.testing.assert_allclose(middle, 0.75 * ends[0] + 0.25 * ends[1], atol=1e-6)


def test_outside_a_painted_region_not_one_bit_changes(loose, session, halo):
    mask, base = corner((30, 36)), Draw(Mix.of(1), seed=4)
    painting = Painting(mask.astype(int), {1: Mix.of(0)}, 1.0, base)
    difference = changed(loose.decode(painting).sr, loose.decode(base).sr)
    touched = enlarged(grown(mask, reach(1.0) + halo))
    assert (difference[~touched] == 0).all()
    assert difference[enlarged(mask)].mean() > 1e-4
    projected = changed(session.decode(painting).sr, session.decode(base).sr)
    assert projected[~enlarged(grown(mask, reach(1.0) + halo + REACH // 2))].max() < 1 / 255


@pytest.mark.parametrize("softness", [0.0, 1.5])
def test_a_painted_border_is_no_seam(session, softness):
    """Steps across it are as those of the two samples themselves."""
    labels = np.zeros((30, 36), int)
    labels[:, 18:] = 1
    one, two = Draw(Mix.of(0), seed=4), Draw(Mix.of(1), seed=4)
    painted = Painting(labels, {1: Mix.of(1)}, softness, one)
    steps = [np.abs(np.diff(session.decode(recipe).sr, axis=1)).mean(axis=(0, 2)) for recipe in (one, two, painted)]
    around = slice(8 * 17, 8 * 19)
    assert steps[2][around].max() < 1.1 * max(steps[0][around].max(), steps[1][around].max())


def test_deep_inside_a_painted_region_it_is_that_references_sample(loose, halo):
    whole = np.ones((30, 36), int)
    base = Draw(Mix.of(1), seed=4)
    painted = loose.decode(Painting(whole, {1: Mix.of(0)}, 1.0, base)).sr
    np.testing.assert_array_equal(painted, loose.decode(Draw(Mix.of(0), seed=4)).sr)
    whole[:, :10] = 0
    painted = loose.decode(Painting(whole, {1: Mix.of(0)}, 1.0, base)).sr
    inner = 8 * (10 + reach(1.0) + halo)
    np.testing.assert_array_equal(painted[:, inner:], loose.decode(Draw(Mix.of(0), seed=4)).sr[:, inner:])


def test_labels_without_a_blend_are_the_base(session, labels):
    base = Draw(Mix.of(1), seed=4)
    np.testing.assert_array_equal(
        session.decode(Painting(labels, {7: Mix.of(0)}, base=base)).sr, session.decode(base).sr
    )


def test_variations_end_at_the_favourite_and_at_a_fresh_draw(session):
    favourite = Draw(Mix.of(0), seed=1)
    np.testing.assert_array_equal(session.decode(Variation(favourite, 9, 0)).sr, session.decode(favourite).sr)
    fresh = session.decode(Draw(Mix.of(0), seed=9)).sr
    np.testing.assert_array_equal(session.decode(Variation(favourite, 9, 1)).sr, fresh)


def test_the_farther_the_amount_the_farther_the_variation(session):
    favourite = Draw(Mix.of(0), seed=1)
    before = session.decode(favourite).sr
    for seed in (7, 8, 9):
        moved = [np.abs(session.decode(Variation(favourite, seed, a)).sr - before).mean() for a in (0, 0.2, 0.5, 0.8)]
        assert moved == sorted(moved)
        assert len(set(moved)) == 4


def test_a_variation_keeps_the_variance(loose):
    latent = loose.latents.make(Variation(Draw(seed=1), 2, 0.6))
    noise = latent[:, : loose._placed.model.layout.noise]
    assert abs(float(noise.std()) - 1) < 0.05


def test_a_locked_region_stays(loose, halo):
    locked, favourite = np.zeros((30, 36), bool), Draw(Mix.of(0), seed=1)
    locked[:, :20] = True
    made = Variation(favourite, 9, 0.8, locked)
    kept = [loose.latents.make(recipe)[..., :20] for recipe in (favourite, made, Variation(made, 10, 1.0, locked))]
    assert all((kept[0] == other).all() for other in kept[1:])
    difference = changed(loose.decode(made).sr, loose.decode(favourite).sr)
    assert (difference[:, : 8 * (20 - halo)] == 0).all()
    assert difference[:, 8 * 24 :].mean() > 1e-3


def test_locks_upon_locks_do_not_multiply_the_work(session):
    locked, recipe = corner((30, 36)), Draw(Mix.of(0))
    for seed in range(12):
        recipe = Variation(recipe, seed, 0.3, locked)
    assert len(session.latents._layers(recipe, Region(0, 0, 30, 36))) == 2


def test_a_composition_shows_its_parts(session, labels):
    one, two = Draw(Mix.of(0), seed=1), Draw(Mix.of(1), seed=2)
    everywhere, nowhere = np.ones((30, 36), bool), np.zeros((30, 36), bool)
    for parts, expected in (((), one), (((two, everywhere),), two), (((two, nowhere),), one)):
        np.testing.assert_array_equal(session.decode(Composition(one, parts)).sr, session.decode(expected).sr)
    mask = np.zeros((30, 36), bool)
    mask[:, 26:] = True
    sr = session.decode(Composition(one, ((two, mask),))).sr
    assert changed(sr, session.decode(one).sr)[:, : 8 * 14].max() < 1 / 255
    assert (
        changed(sr, session.decode(two).sr)[:, 8 * 34 :].mean()
        < changed(sr, session.decode(one).sr)[:, 8 * 34 :].mean()
    )


def test_later_parts_lie_over_earlier_ones(session):
    one, two, three = (Draw(Mix.of(0), seed=seed) for seed in range(3))
    everywhere = np.ones((30, 36), bool)
    sr = session.decode(Composition(one, ((two, corner((30, 36))), (three, everywhere)))).sr
    np.testing.assert_array_equal(sr, session.decode(three).sr)


def test_a_fade_is_linear_before_the_projection_and_exact_at_its_ends(session):
    draw = Draw(Mix.of(0), seed=1)
    np.testing.assert_array_equal(session.decode(Fade(draw, 0)).sr, session.decode(FAITHFUL).sr)
    np.testing.assert_array_equal(session.decode(Fade(draw, 1)).sr, session.decode(draw).sr)
    ends = [session.decode(one).sr for one in (FAITHFUL, draw)]
    middle = session.decode(Fade(draw, 0.3)).sr
    assert all(image.min() > 0 and image.max() < 1 for image in ends)  # so nothing is clamped
    np.testing.assert_allclose(middle, 0.7 * ends[0] + 0.3 * ends[1], atol=1e-5)


def test_what_is_known_is_not_decoded_again(session, labels):
    one, two = Draw(Mix.of(0), seed=1), Draw(Mix.of(1), seed=2)
    for recipe in (one, two):
        session.decode(recipe)
    steps = []
    session.decode(Composition(one, ((two, labels == 1),)), on_progress=steps.append)
    assert [step.stage for step in steps] == ["project"]


def test_progress_counts_up_and_a_run_may_be_stopped(lr, model):
    session = Session(lr, model=model, device="cpu", tile=18)
    run = session.steps(Draw())
    next(run)
    run.close()
    seen = []
    session.decode(Fade(Draw(seed=1)), on_progress=seen.append)
    assert [step.done for step in seen] == list(range(1, seen[-1].total + 1))
    passes = 8 + 1  # of the faithful image and of the draw
    assert [step.stage for step in seen] == ["encode"] * 4 + ["decode"] * passes * 4 + ["project"]


def test_little_context_is_near_and_no_less_consistent_inside(session):
    region = (6, 6, 18, 18)
    exact, quick = (session.decode(Draw(seed=1), region, context=context) for context in (None, 6))
    assert quick.sr.shape == exact.sr.shape
    assert np.abs(quick.sr - exact.sr)[16:-16, 16:-16].mean() < 1 / 255


def test_what_does_not_fit_the_session_is_refused(session, labels):
    with pytest.raises(InvalidSpecError, match="at most 2 references"):
        session.decode(Draw(Mix.of(2)))
    with pytest.raises(InvalidSpecError, match="labels must have the image's 30 x 36"):
        session.decode(Painting(labels[1:], {1: Mix.of(0)}))
    with pytest.raises(InvalidSpecError, match="locked must have"):
        session.decode(Variation(Draw(), locked=np.ones((2, 2), bool)))
    with pytest.raises(InvalidSpecError, match="mask must have"):
        session.decode(Composition(Draw(), ((Draw(), np.ones((2, 2), bool)),)))
    with pytest.raises(InvalidSpecError, match="within the image"):
        session.decode(Draw(), (0, 0, 31, 1))
    with pytest.raises(InvalidSpecError, match="context"):
        session.decode(Draw(), context=1)


def test_a_record_says_what_made_the_sample(session, labels):
    recipe = recipes(labels)["composition"]
    record = session.decode(recipe).provenance
    assert record["settings"]["recipe"] == recipe.as_dict()
    assert [len(record[part]["sha256"]) for part in ("model", "input")] == [64, 64]
    assert len(record["references"]) == 2


def test_missing_values_return(model):
    image = np.random.default_rng(0).random((9, 11), dtype=np.float32)
    image[2, 3] = np.nan
    session = Session(image, model=model, device="cpu")
    for made in (session.decode(Draw()).sr, session.bicubic()):
        assert np.isnan(made[16:24, 24:32]).all()
        assert np.isnan(made).sum() == 64
    assert np.isnan(session.decode(Draw(), (2, 3, 1, 1)).sr).all()
