"""The examples run, on images that are smaller than theirs; the notebook is stored without what it printed."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from skimage import data

if TYPE_CHECKING:
    from typing import Any

EXAMPLES = Path(__file__).parents[1] / "examples"

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are in the repository only")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, where the example is run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def small_photograph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chelsea as if she ended early: what the examples cut out of her is 64 pixels a side at most."""
    cat = data.chelsea()

    class Cut:
        def __getitem__(self, where: tuple[slice, slice]) -> np.ndarray:
            top, left = (side.start for side in where)
            return cat[top : top + 64, left : left + 64]

    monkeypatch.setattr(data, "chelsea", Cut)


def run(name: str, *arguments: str) -> dict[str, Any]:
    """A script as if it were called from the shell."""
    before = sys.argv
    sys.argv = [name, *arguments]
    try:
        return runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    finally:
        sys.argv = before


def test_every_example_is_run_here():
    told = Path(__file__).read_text("utf-8")
    for path in [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.ipynb")]:
        assert f'"{path.name}"' in told


def test_references(folder, small_photograph):
    run("references.py", "--output", "out")
    with Image.open(folder / "out" / "references.png") as sheet:
        assert sheet.size > (4 * 300, 2 * 300)


def test_references_of_ones_own(folder):
    for name, image in (("photo.png", data.chelsea()[100:108, 130:138]), ("bark.png", data.brick()[:40, :40])):
        Image.fromarray(np.ascontiguousarray(image)).save(folder / name)
    run("references.py", "photo.png", "bark.png")
    assert (folder / "example-output" / "references.png").is_file()


def test_explore(folder, small_photograph):
    run("explore.py", "out")
    assert json.loads((folder / "out" / "exploration.json").read_text("utf-8"))
    assert (folder / "out" / "exploration.png").is_file()


def test_one_latent_flickers_less_than_fresh_ones(folder, capsys):
    run("time_series.py", "out")
    same, fresh = (float(line.split(" by ")[1].split()[0]) for line in capsys.readouterr().out.splitlines()[:2])
    assert same < fresh


def test_viewer(small_photograph):
    from napari.components import ViewerModel

    viewer = ViewerModel()
    runpy.run_path(str(EXAMPLES / "viewer.py"))["main"](viewer)
    shown = [layer.name for layer in viewer.layers if layer.visible]
    assert len(shown) == 3
    assert "eyes" in shown


def test_notebook(folder, small_photograph):
    notebook = json.loads((EXAMPLES / "tour.ipynb").read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    names: dict[str, Any] = {}
    for cell in code:
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert len(list((folder / "tour-output").iterdir())) >= 5
