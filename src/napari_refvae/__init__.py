"""Reference-guided, diverse, consistent 8x super-resolution for napari and Python.

Importing this package loads neither torch nor napari nor Qt; a public name loads what it needs
when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_refvae.version import installed_version

if TYPE_CHECKING:
    from napari_refvae.api import load_model, upscale
    from napari_refvae.engine.result import SuperResolutionResult
    from napari_refvae.errors import RefVAEError
    from napari_refvae.replaying import replay
    from napari_refvae.spec import (
        ImageReference,
        IntensityRange,
        PriorReference,
        SelfReference,
        TileSpec,
    )
    from napari_refvae.widget.scripting import upscale_layer

__all__ = [
    "ImageReference",
    "IntensityRange",
    "PriorReference",
    "RefVAEError",
    "SelfReference",
    "SuperResolutionResult",
    "TileSpec",
    "load_model",
    "replay",
    "upscale",
    "upscale_layer",
]

__version__ = installed_version()

_HOMES = {
    "ImageReference": "spec",
    "IntensityRange": "spec",
    "PriorReference": "spec",
    "RefVAEError": "errors",
    "SelfReference": "spec",
    "SuperResolutionResult": "engine.result",
    "TileSpec": "spec",
    "load_model": "api",
    "replay": "replaying",
    "upscale": "api",
    "upscale_layer": "widget.scripting",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
