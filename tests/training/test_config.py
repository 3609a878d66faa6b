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


def test_bundled_configs_are_valid():
    assert load_config(find_config("compact")).preset == "compact"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("preset =", "pre_set ="), "no setting pre_set"),
        (("share = 0.75", "share = 0.5"), "add up to 1"),
        (('"compact"', '"big"'), "got 'big'"),
        (("perceptual", "perception"), "no setting perception"),
        (("learning_rate = 4e-4\n", ""), "lacks a setting .*learning_rate"),
        (("steps = 100", "steps = ="), "expected a training config in TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path, change, message):
    with pytest.raises(InvalidSpecError, match=message):
        read(tmp_path, GOOD.replace(*change))


def test_an_unknown_config_lists_those_that_exist():
    with pytest.raises(InvalidSpecError, match=r"among ablation-all.*compact.*got 'huge'"):
        find_config("huge")


def test_a_config_needs_a_stage():
    with pytest.raises(InvalidSpecError, match="shares must add up to 1"):
        TrainingConfig("compact", ())
    TrainingConfig("compact", (StageConfig("only", 1.0, 1e-4, 1e-4),))
