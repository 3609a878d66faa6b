"""An old napari is named, whichever door it comes through."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from napari_refvae.errors import RefVAEError
from napari_refvae.widget import requirements
from napari_refvae.widget.requirements import require_napari

DOORS = (
    "napari_refvae.widget.view",
    "napari_refvae.widget.gallery.dock",
    "napari_refvae.widget.explore.dock",
    "napari_refvae.widget.training.widget",
    "napari_refvae.widget.sample_data",
)


@pytest.mark.parametrize("found", ["0.9.0", "0.9.0a1.dev3", "0.10.2", "1.0"])
def test_a_new_one_will_do(monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    monkeypatch.setattr(requirements, "version", lambda _: found)
    require_napari()


@pytest.mark.parametrize("found", ["0.8.4", "0.4.19.post1", "unknown"])
def test_an_old_one_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    monkeypatch.setattr(requirements, "version", lambda _: found)
    with pytest.raises(RefVAEError, match=rf"needs napari 0\.9 or newer; got {found}: pip install -U 'napari>=0\.9'"):
        require_napari()


def test_so_is_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(requirements, "version", missing)
    with pytest.raises(RefVAEError, match="got none: pip install"):
        require_napari()


def test_every_door_asks_before_it_imports_napari() -> None:
    """In a process of its own, with an old napari that has none of the modules."""
    program = f"""
import importlib, importlib.metadata, sys
importlib.metadata.version = lambda _: "0.6.1"
sys.modules["napari"] = None
import napari_refvae
for door in {DOORS!r}:
    try:
        importlib.import_module(door)
    except napari_refvae.RefVAEError as error:
        assert "got 0.6.1" in str(error)
    else:
        raise AssertionError(door)
try:
    napari_refvae.upscale_layer
except napari_refvae.RefVAEError:
    pass
else:
    raise AssertionError("upscale_layer")
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
