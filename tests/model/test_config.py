import json
import re

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


@pytest.mark.parametrize("family", [None, "unet", 3, ["compact"]])
def test_an_unknown_family_is_named(family):
    with pytest.raises(CheckpointError, match=re.escape(f"got {family!r}")):
        config_from_dict({"family": family})


def test_an_unknown_setting_is_named():
    with pytest.raises(CheckpointError, match="wings"):
        config_from_dict({"family": "compact", "wings": 2})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"width": 0}, "from 1 to 2048"),
        ({"noise": -1}, "from 1 to 2048"),
        ({"decoder_blocks": 0}, "from 1 to 256; got 0"),
        ({"tail_widths": ()}, "must hold 1 to 6 widths"),
        ({"reference_widths": ()}, "must hold 1 to 6 widths"),
        ({"width": 10**9}, "got 1000000000"),
        ({"trunk_blocks": 10**7}, "got 10000000"),
        ({"tail_widths": (8,) * 7}, "must hold 1 to 6 widths"),
        ({"tail_widths": 8}, "must hold 1 to 6 widths"),
        ({"reference_widths": (8, 10**6)}, "got 1000000"),
        ({"width": 8.5}, "got 8.5"),
        ({"width": True}, "got True"),
        ({"width": "wide"}, "got wide"),
    ],
)
def test_no_network_is_like_that_whether_a_caller_or_a_file_asks_for_it(wrong, said):
    with pytest.raises(InvalidSpecError, match=said):
        CompactConfig(**wrong)
    told = {key: list(value) if isinstance(value, tuple) else value for key, value in wrong.items()}
    with pytest.raises(CheckpointError, match=f"no compact network can be like that .*{said}"):
        config_from_dict({"family": "compact", **told})


@pytest.mark.parametrize("scale", [0, 2, 16])
def test_the_paper_knows_two_scales(scale):
    with pytest.raises(InvalidSpecError, match=f"4 and 8; got {scale}"):
        PaperConfig(scale)
