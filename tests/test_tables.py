"""The scripts in ``benchmarks/`` that print the paper's tables, run on next to nothing."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="the scripts are in the repository, not in the archive")


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    """As if each were run as a script."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield
    for name in ("published", "tables", "table1", "table2", "table3"):
        sys.modules.pop(name, None)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Originals of a set, two references, and another method's pictures of the set."""
    monkeypatch.chdir(tmp_path)
    for path, image in (
        ("Set5/cat.png", data.chelsea()[80:128, 100:156]),
        ("references/brick.png", data.brick()[:40, :40]),
        ("references/grass.png", data.grass()[:40, :40]),
        ("SRFlow/Set5/cat_1.png", data.chelsea()[80:128, 100:156] // 2),
    ):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(image)).save(path)
    return tmp_path


def cells(text, first):
    """The cells of the only line of a table that has this text in its first or second cell."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    (found,) = [row for row in rows if first in row[:2]]
    return found


def test_table_1_has_measured_beside_published_figures(folders, tiny_model):
    import table1

    words = f"Set5 --references references --samples 2 --no-features --model {tiny_model} --device cpu --output t.md"
    table1.main([*words.split(), "--external", "Mine=SRFlow"])
    text = (folders / "t.md").read_text()
    assert cells(text, "Bicubic, *published*")[:5] == ["Set5", "Bicubic, *published*", "24.39", "0.657", "0.537"]
    assert cells(text, "RefVAE (random), *published*")[2] == "25.94"
    assert 15 < float(cells(text, "Bicubic")[2]) < 45
    assert float(cells(text, "Mine")[2]) < float(cells(text, "samples (vividness 1)")[2])
    assert "VGG distance |" not in text


def test_table_2_has_a_row_a_reference_and_both_overall_scores(folders, tiny_model):
    import table2

    words = f"Set5 --references references --samples 3 --no-features --model {tiny_model} --device cpu --output t.md"
    table2.main(words.split())
    text = (folders / "t.md").read_text()
    for name in ("brick", "grass", "the input (LR)", "the original (HR)"):
        assert float(cells(text, name)[1]) > 10
        assert cells(text, name)[-1] == ""
    for name in ("**all 3 samples**", "**without a reference**"):
        assert float(cells(text, name)[-1]) > 0
    assert cells(text, "challenge winner, *published*")[3] == "0.259"


def test_table_3_trains_and_evaluates_every_variant_alike(folders, tiny_model, monkeypatch):
    import table3

    trained = []

    def train(config, images, output, **options):
        trained.append((config, output.name, options["steps"]))
        return tiny_model

    monkeypatch.setattr(table3, "train", train)
    words = "--images photographs --test Set5 --references references --samples 2 --steps 7 --no-features"
    table3.main([*words.split(), "--device", "cpu", "--output", "t.md"])
    text = (folders / "t.md").read_text()
    assert trained == [(name, name, 7) for name in table3.CONFIGS]
    assert cells(text, "no-cvae")[1:4] == ["no", "yes", "yes"]
    assert cells(text, "all")[1:4] == ["yes", "yes", "yes"]
    assert len({tuple(cells(text, name)[4:]) for name in ("all", "no-style", "no-cvae")}) == 1


def test_the_variants_of_table_3_are_there():
    import table3

    from napari_refvae.training.config import load_config
    from napari_refvae.training.run import find_config

    configs = [load_config(find_config(name)) for name in table3.CONFIGS]
    assert len({(config.steps, config.data, len(config.stages)) for config in configs}) == 1


@pytest.mark.parametrize(("folder", "known"), [("DIV2K_valid_HR", 5), ("B100", 7), ("Set14", 7), ("holiday", 0)])
def test_sets_are_recognised_by_their_folders(folder, known):
    import published

    assert len(published.table_1(folder)) == known


def test_a_refusal_is_one_sentence(folders, tiny_model, monkeypatch):
    import table2
    import tables

    (folders / "empty").mkdir()
    words = f"empty --references references --no-features --model {tiny_model}"
    with pytest.raises(SystemExit, match="found none: check the folder"):
        tables.run(lambda: table2.main(words.split()))
