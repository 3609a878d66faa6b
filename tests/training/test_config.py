from dataclasses import replace
from pathlib import Path

import pytest

from napari_refvae.errors import InvalidSpecError
from napari_refvae.training.config import StageConfig, TrainingConfig, load_config
from napari_refvae.training.run import find_config

GOOD = """
preset = "compact"
steps = 100
betas = [0.5, 0.9]
[[stages]]
name = "one"
share = 0.25
learning_rate = 4e-4
final_learning_rate = 1e-4
[[stages]]
name = "two"
share = 0.75
learning_rate = 1e-4
final_learning_rate = 0.0
weights = { perceptual = 0.3 }
"""


def read(tmp_path, text):
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load_config(path)


def test_stages_follow_one_another_and_the_rate_falls_as_a_cosine(tmp_path):
    config = read(tmp_path, GOOD)
    assert config.betas == (0.5, 0.9)
    assert config.stage_at(0)[1] == pytest.approx(4e-4)
    assert config.stage_at(24)[0].name == "one"
    stage, rate = config.stage_at(25)
    assert (stage.name, rate) == ("two", pytest.approx(1e-4))
    assert stage.weights.perceptual == 0.3
    assert config.stage_at(100)[1] == pytest.approx(0)
    rates = [config.stage_at(step)[1] for step in range(25)]
    assert rates == sorted(rates, reverse=True)


BUNDLED = sorted(path.stem for path in find_config("compact").parent.glob("*.toml"))
LINKS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_configs_are_valid(name):
    assert load_config(find_config(name)).preset == name.replace("fine-tune", "compact").partition("-")[0].replace(
        "ablation", "compact"
    )


@pytest.mark.skipif(not LINKS.is_dir(), reason="an installed package has no links")
def test_every_bundled_config_has_its_link():
    assert sorted(path.stem for path in LINKS.glob("*.toml")) == BUNDLED
    for name in BUNDLED:
        assert (LINKS / f"{name}.toml").samefile(find_config(name))


def test_the_ablations_differ_from_the_whole_only_in_what_they_leave_out():
    whole = load_config(find_config("ablation-all"))
    assert whole.needs_features
    assert replace(load_config(find_config("ablation-no-cvae")), latents=True) == whole
    weights = whole.stages[-1].weights
    for name, left_out in (("no-style", ("style", "content_features")), ("no-discriminator", ("adversarial",))):
        less = replace(weights, **dict.fromkeys(left_out, 0.0))
        assert less != weights
        stages = (*whole.stages[:-1], replace(whole.stages[-1], weights=less))
        assert load_config(find_config(f"ablation-{name}")) == replace(whole, stages=stages)


def test_the_paper_has_its_own_setting_and_fine_tuning_needs_no_download():
    paper, tuning = load_config(find_config("paper")), load_config(find_config("fine-tune"))
    assert paper.needs_lpips
    assert (paper.steps, paper.data.vivid, paper.data.patch) == (50_000, 16, 32)
    assert (paper.stages[0].weights.style, paper.adversarial_loss) == (10, "minimax")
    assert tuning.perceptual_network == "own"
    assert not tuning.needs_lpips


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("preset =", "pre_set ="), "no setting pre_set"),
        (("share = 0.75", "share = 0.5"), "add up to 1"),
        (('"compact"', '"big"'), "got 'big'"),
        (("perceptual", "perception"), "no setting perception"),
        (("learning_rate = 4e-4\n", ""), "lacks a setting .*learning_rate"),
        (("steps = 100", "steps = ="), "expected a training config in TOML"),
        (("steps = 100", 'adversary = "gan"'), "adversary among features, patchgan; got 'gan'"),
        (("steps = 100", "samples = 1"), "at least 2 samples"),
        (("steps = 100", "steps = 0"), "expected steps at least 1 in the config; got 0"),
        (("steps = 100", "steps = 1.5"), "expected a whole number for steps"),
        (("steps = 100", "steps = true"), "expected a whole number for steps"),
        (("steps = 100", 'latents = "no"'), "expected true or false for latents"),
        (("steps = 100", "clip = nan"), "expected a finite number for clip"),
        (("steps = 100", "ema = 1.5"), "expected ema between 0 and 1"),
        (("steps = 100", "seed = -1"), "expected seed at least 0"),
        (("steps = 100", 'precision = "16"'), "precision among auto, 32-true, bf16-mixed; got '16'"),
        (("steps = 100", "preset = 3"), "expected a training config in TOML"),
        (('preset = "compact"', "preset = 3"), "expected a word for preset"),
        (("[0.5, 0.9]", "[0.5, 1.0]"), "two numbers from 0 to below 1 for betas"),
        (("[0.5, 0.9]", "0.5"), "two numbers from 0 to below 1 for betas"),
        (("share = 0.25", "share = -0.25"), "expected share above 0"),
        (("share = 0.25", 'share = "most"'), "expected a finite number for share"),
        (("learning_rate = 4e-4", "learning_rate = -1.0"), "expected learning_rate at least 0"),
        (("perceptual = 0.3", "perceptual = -0.3"), "expected perceptual at least 0"),
        (("{ perceptual = 0.3 }", "3"), "expected a table for weights"),
        (("steps = 100", "data = 3"), "expected a table for data"),
        (("steps = 100", "data = { dropped = 2.0 }"), "expected dropped between 0 and 1"),
        (("steps = 100", "data = { vivid = -1 }"), "expected vivid at least 0"),
        (("steps = 100", "data = { reference_size = 0 }"), "references of at least 1 pixel"),
        (('[[stages]]\nname = "one"', '[data]\npatch = 4\n[[stages]]\nname = "one"'), "patches of at least 8"),
    ],
)
def test_a_mistake_is_named(tmp_path, change, message):
    with pytest.raises(InvalidSpecError, match=message):
        read(tmp_path, GOOD.replace(*change))


@pytest.mark.parametrize(("stages", "message"), [("3", r"expected tables \[\[stages\]\]"), ("[3]", "expected a table")])
def test_stages_are_tables(tmp_path, stages, message):
    with pytest.raises(InvalidSpecError, match=message):
        read(tmp_path, f'preset = "compact"\nstages = {stages}\n')


def test_an_unknown_config_lists_those_that_exist():
    with pytest.raises(InvalidSpecError, match=r"among ablation-all.*compact.*got 'huge'"):
        find_config("huge")


def test_a_config_needs_a_stage():
    with pytest.raises(InvalidSpecError, match="shares must add up to 1"):
        TrainingConfig("compact", ())
    TrainingConfig("compact", (StageConfig("only", 1.0, 1e-4, 1e-4),))
