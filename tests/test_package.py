"""What the package promises as a whole: light imports, exact public names, a valid plugin manifest."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest

import napari_refvae

HEAVY = ("torch", "torchvision", "lightning")
GRAPHICAL = ("napari", "qtpy", "magicgui", "PyQt5", "PyQt6")


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["napari_refvae", "napari_refvae.cli.commands", "napari_refvae.widget.view"])
def test_import_loads_no_torch(module: str) -> None:
    assert loaded_by(f"import {module}").isdisjoint(HEAVY)


@pytest.mark.parametrize("module", ["napari_refvae", "napari_refvae.cli.commands", "napari_refvae.api"])
def test_import_loads_no_napari_and_no_qt(module: str) -> None:
    assert loaded_by(f"import {module}").isdisjoint(GRAPHICAL)


def test_upscaling_loads_no_compiler(tiny_model: Path) -> None:
    """Loading triton where Mesa has loaded its own LLVM (a window drawn without NVIDIA's driver) ends the process."""
    run = (
        f"import numpy, napari_refvae; napari_refvae.upscale(numpy.zeros((9, 9)), samples=1, model={str(tiny_model)!r})"
    )
    assert "triton" not in loaded_by(run)


def test_public_names_are_exact() -> None:
    assert napari_refvae.__all__ == [
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
    for name in napari_refvae.__all__:
        value = getattr(napari_refvae, name)
        assert value.__name__ == name
        assert value.__module__.startswith("napari_refvae.")
        assert value.__doc__
    assert set(napari_refvae.__all__) <= set(dir(napari_refvae))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'downscale'"):
        _ = napari_refvae.downscale


def test_every_module_names_what_it_exports() -> None:
    """In a process of its own, since some modules load what must not follow a window's graphics driver."""
    root = Path(napari_refvae.__file__).parent
    paths = [path.relative_to(root.parent).with_suffix("") for path in sorted(root.rglob("*.py"))]
    modules = [".".join(path.parts) for path in paths if path.name not in ("__init__", "__main__")]
    assert len(modules) > 30
    lacking = (
        "from importlib import import_module\n"
        f"for module in map(import_module, {modules!r}):\n"
        "    lacking = [name for name in module.__all__ if not hasattr(module, name)]\n"
        "    assert not lacking, f'{module.__name__} lacks {lacking}, which it exports'"
    )
    loaded_by(lacking)


def test_errors_are_no_runtime_errors() -> None:
    """Generator workers of napari swallow those."""
    errors = import_module("napari_refvae.errors")
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__]
    assert errors.OutOfMemoryError in kinds
    for kind in kinds:
        assert issubclass(kind, errors.RefVAEError)
        assert not issubclass(kind, RuntimeError)


def test_manifest_is_valid_and_its_commands_exist() -> None:
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_distribution("napari-refvae")
    manifest.validate_imports()
    assert manifest.name == "napari-refvae"
    assert manifest.contributions.commands
    for command in manifest.contributions.commands:
        module, _, name = command.python_name.partition(":")
        assert callable(getattr(import_module(module), name))


@pytest.mark.parametrize("name", ["napari.yaml", "py.typed", "training/configs/compact.toml"])
def test_package_data_is_in_the_package(name: str) -> None:
    assert files("napari_refvae").joinpath(name).is_file()
