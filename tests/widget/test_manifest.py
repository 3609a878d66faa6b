"""The manifest in a running napari: menus, palette, Preferences page, sample data, free keys."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import npe2
import pytest
from napari._app_model import get_app_model
from napari.settings import get_plugin_settings

from napari_refvae.widget import preferences, sample_data, shortcuts
from napari_refvae.widget.shortcuts import Shortcuts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLUGIN = "napari-refvae"


@pytest.fixture(scope="module")
def manifest() -> npe2.PluginManifest:
    return npe2.PluginManifest.from_distribution(PLUGIN)


@contextmanager
def kept(page: Any, name: str) -> Iterator[None]:
    """A setting, as it was in the end."""
    before = getattr(page, name)
    yield
    setattr(page, name, before)


def entries(menu: Any) -> list[str]:
    """Titles of a menu and of the menus in it."""
    found = []
    for action in menu.actions():
        found.append(action.text().replace("&", ""))
        if action.menu() is not None:
            found += entries(action.menu())
    return found


def test_sample_data_are_all_offered_and_say_their_licence(manifest: npe2.PluginManifest) -> None:
    offered = {entry.command: entry for entry in manifest.contributions.sample_data}
    names = {entry.id: entry.python_name for entry in manifest.contributions.commands}
    functions = {names[command].partition(":")[2] for command in offered}
    assert functions == set(sample_data.__all__)
    assert len({entry.key for entry in offered.values()}) == len(offered)


def test_menus_palette_preferences_and_keys(make_napari_viewer_proxy: Callable[[], Any]) -> None:
    """One viewer for all: opening one takes a second."""
    viewer = make_napari_viewer_proxy()
    window = viewer.window
    titles = ("Upscale 8x", "Compare samples", "Explore samples", "Fine-tune a model")
    widgets = [f"{title} (RefVAE)" for title in titles]
    menus = get_app_model().menus
    palette = {item.command.title: item.command.id for item in menus.get_menu(menus.COMMAND_PALETTE_ID)}
    names = ("upscale", "gallery", "explore", "train")
    assert [palette.get(title) for title in widgets] == [f"{PLUGIN}.{name}" for name in names]
    assert {"Super-resolution (RefVAE)", *widgets} <= set(entries(window.layers_menu))
    assert set(widgets) <= set(entries(window.plugins_menu))
    assert "Photograph, 56 x 37 (Chelsea the cat, CC0)" in entries(window.file_menu)
    assert preferences.read_preferences() == preferences.Preferences()
    chosen = get_plugin_settings(PLUGIN)
    with kept(chosen.runs, "samples"), kept(chosen.files, "cache_folder"), kept(chosen.runs, "model"):
        chosen.runs.samples, chosen.files.cache_folder = 9, "/models"  # as on the page in Preferences
        assert preferences.choose_model("mine")
        expected = preferences.Preferences(samples=9, cache_folder="/models", model="mine")
        assert preferences.read_preferences() == expected
    assert preferences.read_preferences() == preferences.Preferences()
    keys = [shortcuts.UPSCALE, shortcuts.BLINK, shortcuts.NEXT_SAMPLE, shortcuts.PREVIOUS_SAMPLE, shortcuts.KEEP]
    bound = Shortcuts.bind(viewer, dict.fromkeys([*keys, "C"], lambda: None))
    assert list(bound.bound) == keys
    assert bound.taken == ["C"]  # contrast, a key of image layers
    bound.unbind()
    viewer.open_sample(PLUGIN, "photograph")
    assert viewer.layers["cat"].data.shape == (37, 56, 3)
