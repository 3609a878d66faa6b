"""The documentation: every block of code runs, one after the other in a folder a page.

What cannot run says so in a comment before it, and is listed here.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import data
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

pytestmark = pytest.mark.skipif(
    not (ROOT / "mkdocs.yml").is_file(), reason="the docs' set-up is in the repository only"
)

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")])

NOT_RUN = {
    "README.md": ['pip install ".[pyqt5]"', "scripts/demo", "refvae demo", "refvae convert"],
    "docs/index.md": ['pip install ".[pyqt5]"'],
    "docs/install.md": ['pip install ".[pyqt5]"', "scripts/demo", "refvae convert"],
    "docs/tutorial.md": ["napari --with"],
    "docs/command-line.md": ["refvae demo"],
    "docs/how-to/big-data.md": ["pip install", "from pathlib import Path"],
    "docs/how-to/evaluate.md": ["pip install", "python benchmarks/table1.py"],
    "docs/how-to/gpu.md": ["refvae upscale photo.png --device cuda:1"],
    "docs/how-to/offline.md": ['pip wheel ".[pyqt5]"'],
    "docs/how-to/train.md": ["pip install", "torchrun"],
    "docs/performance.md": ["pip install"],
}
"""How each block that is marked as not run begins."""

ELSEWHERE = {"docs/how-to/explore.md": "tests/explore/test_guide.py"}
"""Pages that another test runs."""

LANGUAGES = {"python", "bash", "toml", "text", "diff", ""}

SHORTER = {"train": ["--steps", "1", "--no-tensorboard"]}
"""What is added to a command so that it takes seconds."""

WITHOUT_DOWNLOAD = {"train", "evaluate"}
"""Commands that would fetch VGG-19: they get a thin network of random weights, unless they say what to take."""


@dataclass(frozen=True)
class Block:
    """One block of code."""

    page: str
    line: int
    language: str
    code: str
    marked: bool

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n`]*\n(?P<code>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
MARK = re.compile(r"<!-- not run: [^\n]+ -->\s*\Z")


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = (ROOT / page).read_text("utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start()) + 2,
            found["language"],
            textwrap.dedent(found["code"]),
            bool(MARK.search(text, 0, found.start())),
        )
        for found in FENCE.finditer(text)
    ]


def test_what_is_not_run_is_marked_and_listed():
    marked = {page: [block.code for block in blocks(page) if block.marked] for page in PAGES}
    assert {page for page, codes in marked.items() if codes} == set(NOT_RUN)
    for page, beginnings in NOT_RUN.items():
        assert len(marked[page]) == len(beginnings), page
        for code, beginning in zip(marked[page], beginnings, strict=True):
            assert code.startswith(beginning), page


def test_blocks_are_in_languages_that_are_checked():
    assert {block.language for page in PAGES for block in blocks(page)} <= LANGUAGES


@pytest.mark.parametrize("page", ELSEWHERE)
def test_pages_that_another_test_runs_hold_nothing_else(page):
    assert Path(page).name in (ROOT / ELSEWHERE[page]).read_text("utf-8")
    assert {block.language for block in blocks(page)} <= {"python", "text", ""}


# ---- a folder with small pictures


def _save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(image)).save(path)


def _save_zarr(path: Path, array: np.ndarray, axes: str) -> None:
    """An OME-Zarr of version 0.5, with one level."""
    zarr = pytest.importorskip("zarr", reason="needs the extra `zarr`")
    group = zarr.open_group(str(path), mode="w", zarr_format=3)
    group.create_array("0", data=array, chunks=array.shape, dimension_names=tuple(axes))
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0] * array.ndim}]}
    described = {"axes": [{"name": name, "type": "space"} for name in axes], "datasets": [level]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [described]}


def _stacks(folder: Path) -> None:
    """A stack and a plane, each as OME-TIFF and as OME-Zarr, and an image of 12 bits."""
    stack = np.stack([data.camera()[100:108, 200:210] // divisor for divisor in (1, 2)])
    for name, array, axes in (("cells.ome", stack, "zyx"), ("slide", stack[0], "yx")):
        _save_zarr(folder / f"{name}.zarr", array, axes)
        tifffile.imwrite(folder / f"{name.removesuffix('.ome')}.ome.tif", array, metadata={"axes": axes.upper()})
    tifffile.imwrite(folder / "cells.tif", data.camera()[100:112, 200:212].astype(np.uint16) * 16)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages take for granted: files and folders with the names that they use."""
    folder = tmp_path_factory.mktemp("pictures")
    small, cat = data.chelsea()[100:112, 130:142], data.chelsea()
    for name in ("photo.png", "small.tif", "scans/one.png", "scans/deeper/two.png", "photos/a.png", "photos/b/c.png"):
        _save(folder / name, small)
    for name in ("bark.jpg", "texture.tif", "paintings/brick.png"):
        _save(folder / name, data.brick()[:96, :96])
    _save(folder / "paintings/grass.png", data.grass()[:96, :96])
    for place, name in enumerate(("photographs", "my-images", "put-aside", "originals", "Set5")):
        for number in range(1 if name in ("put-aside", "originals") else 2):
            top = 40 * place + 20 * number
            _save(folder / name / f"{number}.png", cat[top : top + 64, 100 + top : 164 + top])
    for number in range(2):
        with Image.open(folder / "Set5" / f"{number}.png") as original:
            _save(folder / "pictures" / f"{number}_other.png", np.asarray(original) // 2)
    (folder / "last-run").touch()
    os.utime(folder / "last-run", (0, 0))
    _stacks(folder)
    return folder


@pytest.fixture(scope="session")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feature network in torchvision's layout, thin and random: it measures nothing, but takes the same ways."""
    import torch
    from safetensors.torch import save_file

    from napari_refvae.model.features import VGG19_LAYERS

    generator, state, width = torch.Generator().manual_seed(0), {}, 3
    for layer in (name for name in VGG19_LAYERS if name != "pool"):
        state[f"features.{layer}.weight"] = 0.3 * torch.randn(8, width, 3, 3, generator=generator)
        state[f"features.{layer}.bias"] = torch.zeros(8)
        width = 8
    path = tmp_path_factory.mktemp("vgg") / "vgg.safetensors"
    save_file(state, path)
    return path


@pytest.fixture
def folder(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the pictures, as the current folder."""
    import shutil

    shutil.copytree(pictures, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- the shell, as far as the pages use it


def commands(code: str) -> Iterator[str]:
    """The lines of a block of shell, continued ones joined, without those that are comments alone."""
    for line in code.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line


def run_line(line: str, where: str, vgg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``refvae`` in this process, with what is piped into it; ``export``; nothing else."""
    words = shlex.split(line, comments=True)
    stdin = b""
    if "|" in words:
        before, line = line.split("|", 1)
        stdin = subprocess.run(before, shell=True, check=True, capture_output=True).stdout
        words = shlex.split(line, comments=True)
    if words[0] == "export":
        name, value = words[1].split("=", 1)
        monkeypatch.setenv(name, value)
        return
    assert words[0] == "refvae", f"{where}: {line!r} is neither refvae nor marked as not run"
    run_refvae(words[1:], where, stdin, vgg)


def run_refvae(words: list[str], where: str, stdin: bytes, vgg: Path) -> None:
    """One command, made short where it would take long."""
    from napari_refvae.cli import app

    if words[0] == "train":
        import lightning.fabric  # noqa: F401  its log keeps the stream that it finds when it is imported
    extra = [] if set(words) & {"--steps", "--help"} else SHORTER.get(words[0], [])
    if words[0] in WITHOUT_DOWNLOAD and not {"--no-features", "--feature-weights", "fine-tune"} & set(words):
        extra = [*extra, "--feature-weights", str(vgg)]
    ended = CliRunner().invoke(app, [*words, *extra], input=stdin)
    told = f"{where}: refvae {shlex.join(words)}\n{ended.output}\n{ended.exception!r}"
    if ended.exception and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, told


def run_toml(block: Block) -> None:
    """A training config that is accepted."""
    from napari_refvae.training.config import load_config

    tomllib.loads(block.code)
    path = Path("config-of-the-page.toml")
    path.write_text(block.code, "utf-8")
    load_config(path)


def runnable(page: str) -> list[Block]:
    """The blocks of a page that run."""
    return [block for block in blocks(page) if block.language in ("python", "bash", "toml") and not block.marked]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE and runnable(page)])
def test_every_block_of_a_page_runs(page, folder, vgg, monkeypatch, request):
    monkeypatch.setenv("REFVAE_CACHE", str(folder / "cache"))
    names: dict[str, Any] = {"__name__": "__main__"}
    if any("viewer" in block.code for block in runnable(page) if block.language == "python"):
        names["viewer"] = request.getfixturevalue("console_viewer")
    for block in runnable(page):
        if block.language == "bash":
            if sys.platform == "win32" and "|" in block.code:
                continue  # another shell there
            for line in commands(block.code):
                run_line(line, block.place, vgg, monkeypatch)
        elif block.language == "toml":
            run_toml(block)
        else:
            code = "\n" * (block.line - 1) + block.code  # errors name the page's own line
            exec(compile(code, str(ROOT / page), "exec"), names)


@pytest.fixture
def console_viewer() -> Iterator[Any]:
    """What is called ``viewer`` in napari's console, without a window; it knows the plugin's sample data."""
    import npe2
    from napari.components import ViewerModel

    plugins = npe2.PluginManager.instance()
    known = "napari-refvae" in plugins
    if not known:
        plugins.register(npe2.PluginManifest.from_distribution("napari-refvae"))
    yield ViewerModel()
    if not known:
        plugins.unregister("napari-refvae")
