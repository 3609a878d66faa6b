"""Every script of ``examples/explore`` runs, on a photograph that is smaller than its own."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from skimage import data

from napari_refvae.metrics import low_resolution

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = Path(__file__).parents[2] / "examples" / "explore"
SHARED = "pictures"

pytestmark = pytest.mark.skipif(not SCRIPTS.is_dir(), reason="the examples are in the repository only")

WRITTEN = {
    "blend": "blend.png",
    "paint": "paint.png",
    "vary": "vary.png",
    "spread": "spread.png",
    "compose": "compose.png",
    "fade": "fade.png",
    "trust": "trust.png",
    "live": "live.png",
    "sizes": "size-any.png",
    "history": "history.json",
    "suggest": "references/brick.png",
}
"""What each writes, in the order of the guide."""


@pytest.fixture(scope="module")
def pictures() -> Iterator[None]:
    """What the scripts share, with a photograph of 64 x 64 pixels."""
    sys.path.insert(0, str(SCRIPTS))
    import pictures

    truth = np.ascontiguousarray(data.chelsea()[60:124, 110:174])
    pictures.photograph = lambda: (truth, low_resolution(truth))
    yield
    sys.path.remove(str(SCRIPTS))
    del sys.modules[SHARED]


def test_every_script_is_run_here():
    assert {path.stem for path in SCRIPTS.glob("*.py")} == {SHARED, *WRITTEN}


@pytest.mark.parametrize("name", WRITTEN)
def test_it_runs(name, pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, str(tmp_path)])
    runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")
    written = tmp_path / WRITTEN[name]
    assert written.is_file()
    assert capsys.readouterr().out
    if written.suffix == ".png":
        with Image.open(written) as picture:
            assert min(picture.size) >= 28
