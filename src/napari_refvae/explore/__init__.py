"""Steer among all images that would give the input: blend, paint, vary, compose, fade.

A *recipe* says how one sample is made; a `Session` holds an image and its references and makes recipes into samples,
each at the price of a decode. Names are loaded when they are used: recipes need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_refvae.explore.history import Exploration
    from napari_refvae.explore.mix import Mix
    from napari_refvae.explore.recipes import FAITHFUL, Composition, Draw, Fade, Painting, Variation
    from napari_refvae.explore.recording import recipe_from_dict
    from napari_refvae.explore.reopening import reopen
    from napari_refvae.explore.sample import Sample
    from napari_refvae.explore.scales import resized
    from napari_refvae.explore.session import Session
    from napari_refvae.explore.spread import pick_spread
    from napari_refvae.explore.suggest import suggest
    from napari_refvae.explore.thumbnails import thumbnail
    from napari_refvae.explore.trust import trust_map

__all__ = [
    "FAITHFUL",
    "Composition",
    "Draw",
    "Exploration",
    "Fade",
    "Mix",
    "Painting",
    "Sample",
    "Session",
    "Variation",
    "pick_spread",
    "recipe_from_dict",
    "reopen",
    "resized",
    "suggest",
    "thumbnail",
    "trust_map",
]

_HOMES = {
    "FAITHFUL": "recipes",
    "Composition": "recipes",
    "Draw": "recipes",
    "Exploration": "history",
    "Fade": "recipes",
    "Mix": "mix",
    "Painting": "recipes",
    "Sample": "sample",
    "Session": "session",
    "Variation": "recipes",
    "pick_spread": "spread",
    "recipe_from_dict": "recording",
    "reopen": "reopening",
    "resized": "scales",
    "suggest": "suggest",
    "thumbnail": "thumbnails",
    "trust_map": "trust",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
