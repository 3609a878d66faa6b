import json

import pytest

from napari_refvae.errors import CheckpointError, InvalidSpecError
from napari_refvae.model.config import PRESETS, CompactConfig, PaperConfig, config_from_dict, config_to_dict


@pytest.mark.parametrize("name", PRESETS)
def test_configs_survive_json(name):
    assert config_from_dict(json.loads(json.dumps(config_to_dict(PRESETS[name])))) == PRESETS[name]


def test_presets_have_the_scales_that_their_names_say():
    assert {name: config.scale for name, config in PRESETS.items()} == {
        "compact": 8,
        "full": 8,
        "paper": 8,
        "paper-4x": 4,
    }


@pytest.mark.parametrize("widths", [(8,), (8, 8), (8, 8, 8, 8)])
def test_the_number_of_tail_stages_sets_the_scale(widths):
    assert CompactConfig(tail_widths=widths).scale == 2 ** len(widths)


@pytest.mark.parametrize("family", [None, "unet", 3])
def test_an_unknown_family_is_named(family):
    with pytest.raises(CheckpointError, match=f"got {family!r}"):
        config_from_dict({"family": family})


def test_an_unknown_setting_is_named():
    with pytest.raises(CheckpointError, match="wings"):
        config_from_dict({"family": "compact", "wings": 2})


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"noise": -1}, {"tail_widths": ()}, {"reference_widths": ()}, {"decoder_blocks": 0}]
)
def test_a_network_without_a_part_is_refused(wrong):
    with pytest.raises(InvalidSpecError, match="at least 1"):
        CompactConfig(**wrong)


@pytest.mark.parametrize("scale", [0, 2, 16])
def test_the_paper_knows_two_scales(scale):
    with pytest.raises(InvalidSpecError, match=f"4 and 8; got {scale}"):
        PaperConfig(scale)
