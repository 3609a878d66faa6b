"""Which versions are installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["installed_version"]


def installed_version(distribution: str = "napari-refvae") -> str:
    """Version of an installed distribution, ``0+unknown`` if it is not installed (a bare source tree)."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "0+unknown"
