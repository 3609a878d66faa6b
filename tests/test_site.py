"""The site: it builds strictly, holds every page and every public name, and fetches nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

pytestmark = pytest.mark.skipif(not (ROOT / "mkdocs.yml").is_file(), reason="the site's set-up is not here")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    pytest.importorskip("material", reason="needs the extra `docs`")
    pytest.importorskip("mkdocstrings_handlers.python", reason="needs the extra `docs`")
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 0, ended.stderr
    return target


def test_the_site_builds_strictly_and_every_page_is_in_its_menu(site):
    assert (site / "index.html").is_file()
    assert len(list(site.rglob("*.html"))) == len(list(DOCS.rglob("*.md"))) + 1  # the page for what is not found


def test_the_site_fetches_nothing_from_elsewhere(site):
    fetched = re.compile(
        r"""<(?:script|img|iframe|link rel="(?:stylesheet|preconnect|icon)")[^>]*(?:src|href)="https?://[^"]*"""
    )
    for page in site.rglob("*.html"):
        assert not fetched.findall(page.read_text("utf-8")), page
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"url\(['\"]?https?://", sheet.read_text("utf-8")), sheet


def test_every_public_name_is_in_the_reference(site):
    import napari_refvae
    from napari_refvae import explore

    known = {
        anchor
        for page in (site / "reference").glob("*.html")
        for anchor in re.findall(r'id="([\w.]+)"', page.read_text("utf-8"))
    }
    short = {anchor.rpartition(".")[2] for anchor in known}
    public = {*napari_refvae.__all__, *explore.__all__}
    assert public - short == set()
