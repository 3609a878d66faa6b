"""Which napari the widgets need."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

from napari_refvae.errors import RefVAEError

__all__ = ["require_napari"]

OLDEST = (0, 9)
"""Since when there are ``viewer.scene``, ``viewer.canvas``, names of layers on the canvas, and settings of plugins."""


def require_napari() -> None:
    """Refuse a napari that is too old with a sentence; its own error would name an attribute or a module.

    Raises
    ------
    RefVAEError
        If it is older than 0.9, or not installed.
    """
    try:
        found = version("napari")
    except PackageNotFoundError:
        found = "none"
    numbers = re.match(r"(\d+)\.(\d+)", found)
    if numbers is None or tuple(map(int, numbers.groups())) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise RefVAEError(f"RefVAE needs napari {oldest} or newer; got {found}: pip install -U 'napari>={oldest}'")
