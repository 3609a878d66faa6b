import subprocess
import sys

import pytest

from napari_refvae import explore


def test_public_names_are_there_and_documented():
    assert explore.__all__ == sorted(explore.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name))
    for name in explore.__all__:
        assert getattr(explore, name).__doc__
    assert set(explore.__all__) <= set(dir(explore))
    with pytest.raises(AttributeError, match="no attribute 'Fad'"):
        _ = explore.Fad


def test_values_history_and_previews_load_no_torch():
    code = (
        "import sys; from napari_refvae.explore import Composition, Draw, Exploration, recipe_from_dict\n"
        "import napari_refvae.explore.preview, napari_refvae.explore.masks, napari_refvae.explore.trust\n"
        "assert recipe_from_dict(Draw(seed=2).as_dict()) == Draw(seed=2)\n"
        "assert not {'torch', 'napari', 'qtpy'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
