"""What the user chose on the plugin's page of napari's Preferences."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any

from napari.settings import get_plugin_settings

__all__ = ["Preferences", "apply_cache_folder", "choose_model", "read_preferences"]

PLUGIN = "napari-refvae"
PAGES = ("runs", "files")
"""The keys of ``configurations`` in the manifest."""

CACHE_VARIABLE = "REFVAE_CACHE"
_applied: list[str] = []  # the folder that was set from here, if one was


@dataclass(frozen=True, slots=True)
class Preferences:
    """Values that a new widget begins with; the manifest names each with the same default.

    Attributes
    ----------
    model, device, precision, samples, vividness
        As `napari_refvae.upscale` takes them.
    residual_gain
        How many times residual maps enlarge differences; 5 as in the paper.
    cache_folder
        Where models lie; empty for the system's cache folder.
    """

    model: str = "compact"
    device: str = "auto"
    precision: str = "auto"
    samples: int = 4
    vividness: float = 1.0
    residual_gain: float = 5.0
    cache_folder: str = ""


def read_preferences() -> Preferences:
    """What is chosen now. Values that napari does not hold are the defaults."""
    try:
        pages = get_plugin_settings(PLUGIN)
    except KeyError:  # napari has not found the plugin's manifest
        return Preferences()
    held: dict[str, Any] = {}
    for page in PAGES:
        for field in fields(Preferences):
            value = getattr(getattr(pages, page, None), field.name, None)
            if value is not None:
                held[field.name] = value
    return Preferences(**held)


def choose_model(name: str) -> bool:
    """Make a model the one that new widgets begin with; False where napari has not found the plugin's manifest."""
    try:
        get_plugin_settings(PLUGIN).runs.model = name
    except KeyError:
        return False
    return True


def apply_cache_folder(preferences: Preferences) -> None:
    """Let models be looked for in the chosen folder, here and in processes started from here.

    A ``REFVAE_CACHE`` that was set outside napari stays.
    """
    current = os.environ.get(CACHE_VARIABLE)
    if current and current not in _applied:
        return
    _applied[:] = [preferences.cache_folder]
    if preferences.cache_folder:
        os.environ[CACHE_VARIABLE] = preferences.cache_folder
    else:
        os.environ.pop(CACHE_VARIABLE, None)
