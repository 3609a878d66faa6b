"""Preferences without a window; what a user chooses in one is in `test_manifest`."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import npe2
import pytest

from napari_refvae.widget import preferences
from napari_refvae.widget.preferences import Preferences, apply_cache_folder, choose_model, read_preferences

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFVAE_CACHE", raising=False)
    monkeypatch.setattr(preferences, "_applied", [])


def test_the_manifest_and_the_dataclass_name_the_same_defaults() -> None:
    manifest = npe2.PluginManifest.from_distribution("napari-refvae")
    pages = manifest.contributions.configurations
    assert tuple(pages) == preferences.PAGES
    named = {key: entry.default for page in pages.values() for key, entry in page.properties.items()}
    assert named == asdict(Preferences())


def test_without_the_manifest_there_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(plugin: str) -> None:
        raise KeyError(plugin)

    monkeypatch.setattr(preferences, "get_plugin_settings", unknown)
    assert read_preferences() == Preferences()
    assert not choose_model("mine")


def test_the_cache_folder_comes_and_goes(tmp_path: Path) -> None:
    apply_cache_folder(Preferences(cache_folder=str(tmp_path)))
    assert os.environ["REFVAE_CACHE"] == str(tmp_path)
    apply_cache_folder(Preferences())
    assert "REFVAE_CACHE" not in os.environ


def test_a_cache_folder_of_the_environment_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REFVAE_CACHE", "elsewhere")
    apply_cache_folder(Preferences(cache_folder=str(tmp_path)))
    assert os.environ["REFVAE_CACHE"] == "elsewhere"
